import { vi } from 'vitest';

import { main } from '../../src/cli/main.ts';
import type { Block } from './pages.ts';

/** A command line of a page. */
export interface Written {
  /** Without prompt and comment. */
  readonly line: string;
  /** What follows `# exit`, else 0. */
  readonly exit: number;
  /** Output below it (console blocks). */
  readonly output: readonly string[];
}

/** The commands of a sh or console block; `\` joins lines. */
export function commandsOf({ language, lines }: Block): Written[] {
  if (language === 'sh') {
    const joined = lines.join('\n').replaceAll('\\\n', ' ').split('\n');
    return joined.filter((line) => line.trim() !== '').map((line) => written(line, []));
  }
  if (language !== 'console') return [];
  const commands: Written[] = [];
  for (const [index, line] of lines.entries()) {
    if (!line.startsWith('$ ')) continue;
    const end = lines.findIndex((next, at) => at > index && next.startsWith('$ '));
    commands.push(written(line.slice(2), lines.slice(index + 1, end === -1 ? undefined : end)));
  }
  return commands;
}

function written(line: string, output: readonly string[]): Written {
  const exit = /\s# exit (\d+)\s*$/.exec(line)?.[1];
  return { line: line.replace(/\s+#\s.*$/, ''), exit: Number(exit ?? 0), output };
}

/** Words after each `agent-infra` of a line, up to the next shell operator or the recorded command. */
export function invocations(line: string): string[][] {
  return (
    [...line.matchAll(/(?:^|[\s(`])agent-infra((?:\s+[^|&;`)]+)?)/g)]
      .map((match) => (match[1]!.split(' -- ')[0] ?? '').trim().split(/\s+/))
      // `<command>` stands for any.
      .filter(([first = '']) => first !== '' && !first.startsWith('<'))
  );
}

/** What is wrong with an invocation: a command or a flag that the help does not know. */
export async function unknownIn(words: readonly string[]): Promise<string | undefined> {
  const path: string[] = [];
  for (const word of words) {
    if (!/^[a-z-]+$/.test(word) || word.startsWith('-')) break;
    if (!(await commandNames(path)).includes(word)) break;
    path.push(word);
  }
  if (path.length === 0 && words[0]!.startsWith('-')) return undefined;
  if (path.length === 0) return `no command "${words[0]}"`;
  const known = await flagsOf(path);
  const flag = words.find((word) => /^--?[a-z]/.test(word) && !known.has(word.split('=')[0]!));
  return flag === undefined ? undefined : `${path.join(' ')} has no ${flag}`;
}

/** Every long flag of every command. */
export async function allFlags(path: readonly string[] = []): Promise<Set<string>> {
  const flags = await flagsOf(path);
  for (const name of await commandNames(path)) {
    for (const flag of await allFlags([...path, name])) flags.add(flag);
  }
  return flags;
}

async function flagsOf(path: readonly string[]): Promise<Set<string>> {
  const options = sectionOf(await help(path), 'Options:');
  return new Set(options.flatMap((line) => line.match(/(?<![\w-])--?[a-z][\w-]*/g) ?? []));
}

async function commandNames(path: readonly string[]): Promise<string[]> {
  return sectionOf(await help(path), 'Commands:')
    .map((line) => /^ {2}([a-z-]+)/.exec(line)?.[1])
    .filter((name) => name !== undefined && name !== 'help') as string[];
}

/** Lines below a heading of the help, up to the next empty line. */
function sectionOf(text: string, heading: string): string[] {
  const lines = text.split('\n');
  const start = lines.indexOf(heading);
  if (start === -1) return [];
  const end = lines.indexOf('', start);
  return lines.slice(start + 1, end === -1 ? undefined : end);
}

const helps = new Map<string, string>();

/** `--help` of a command, from the program itself. Not for concurrent use: it captures stdout. */
async function help(path: readonly string[]): Promise<string> {
  const key = path.join(' ');
  const known = helps.get(key);
  if (known !== undefined) return known;
  let text = '';
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  try {
    await main([...path, '--help']);
  } finally {
    spy.mockRestore();
  }
  helps.set(key, text);
  return text;
}
