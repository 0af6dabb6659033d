import type { Argument, CommandUnknownOpts, Option } from '@commander-js/extra-typings';

import { valuesOf } from './complete-values.ts';
import type { Files } from './complete-values.ts';

/** One way to go on. */
interface Candidate {
  readonly value: string;
  readonly description: string;
}

interface Completion {
  readonly candidates: readonly Candidate[];
  /** What the shell itself shall add: it knows files, quoting and `~`. */
  readonly files: Files;
}

/**
 * How the last of `words` (without the program's name; possibly empty) may go on, read from the
 * commander tree: `value<tab>description` per line, then a line `:none`, `:any`, `:folders` or
 * `:yaml` for the files that fit, too.
 */
export async function completeWords(
  program: CommandUnknownOpts,
  words: readonly string[],
): Promise<string> {
  const last = words.at(-1) ?? '';
  const { candidates, files } = await completionOf(program, words.slice(0, -1), last);
  const lines = candidates
    .filter(({ value }) => value.startsWith(last))
    .map(({ description, value }) => (description === '' ? value : `${value}\t${description}`));
  return `${[...lines, `:${files}`].join('\n')}\n`;
}

async function completionOf(
  program: CommandUnknownOpts,
  before: readonly string[],
  last: string,
): Promise<Completion> {
  const place = placeAfter(program, before);
  if (place.awaits !== undefined) return valueCompletion(place.awaits, place, '');
  if (place.isHelp) return { candidates: subcommands(place.command), files: 'none' };
  if (!place.onlyOperands && last.startsWith('-')) {
    const [, flag, equals] = /^(--[^=]+)(=)/.exec(last) ?? [];
    if (equals === undefined) return { candidates: options(place), files: 'none' };
    const option = optionNamed(place.command, flag!);
    if (option === undefined || !takesValue(option)) return NOTHING;
    return valueCompletion(option, place, `${flag!}=`);
  }
  const mayBeCommand = place.operands.length === 0 && !place.onlyOperands;
  const commands = mayBeCommand ? subcommands(place.command) : [];
  const { registeredArguments } = place.command;
  const argument = registeredArguments[place.operands.length] ?? lastVariadic(registeredArguments);
  const values = argument === undefined ? NOTHING : await argumentCompletion(argument, place);
  return { candidates: [...commands, ...values.candidates], files: values.files };
}

const NOTHING: Completion = { candidates: [], files: 'none' };

/** Where in the tree the words before the last have led. */
interface Place {
  readonly command: CommandUnknownOpts;
  /** An option whose value comes next. */
  readonly awaits: Option | undefined;
  readonly used: ReadonlySet<Option>;
  readonly operands: readonly string[];
  /** After `--`. */
  readonly onlyOperands: boolean;
  /** After `help`: commands only. */
  readonly isHelp: boolean;
}

function placeAfter(program: CommandUnknownOpts, words: readonly string[]): Place {
  let command = program;
  let awaits: Option | undefined;
  let used = new Set<Option>();
  let operands: string[] = [];
  let onlyOperands = false;
  let isHelp = false;
  for (const word of words) {
    if (awaits !== undefined && !(awaits.optional && word.startsWith('-'))) {
      awaits = undefined;
    } else if (onlyOperands) {
      operands.push(word);
    } else if (word === '--') {
      onlyOperands = true;
    } else if (/^-./.test(word)) {
      const option = optionNamed(command, word.split('=')[0]!);
      if (option !== undefined) used.add(option);
      awaits =
        option !== undefined && takesValue(option) && !word.includes('=') ? option : undefined;
    } else {
      const next = operands.length === 0 ? subcommandNamed(command, word) : undefined;
      if (next !== undefined) {
        command = next;
        used = new Set();
        operands = [];
      } else if (word === 'help' && operands.length === 0 && command.commands.length > 0) {
        isHelp = true;
      } else {
        operands.push(word);
      }
    }
  }
  return { command, awaits, used, operands, onlyOperands, isHelp };
}

function subcommandNamed(
  command: CommandUnknownOpts,
  name: string,
): CommandUnknownOpts | undefined {
  return command.commands.find((each) => each.name() === name || each.aliases().includes(name));
}

function optionNamed(command: CommandUnknownOpts, flag: string): Option | undefined {
  return command.options.find(({ long, short }) => long === flag || short === flag);
}

function takesValue({ optional, required }: Option): boolean {
  return optional || required;
}

function lastVariadic(args: readonly Argument[]): Argument | undefined {
  return args.at(-1)?.variadic === true ? args.at(-1) : undefined;
}

function subcommands(command: CommandUnknownOpts): Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((each) => ({ value: each.name(), description: each.description() }));
}

/** Options that may still come: those with a parser of their own may be given again (`--set`). */
function options({ command, used }: Place): Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter((option) => !used.has(option) || option.parseArg !== undefined)
    .flatMap(({ description, long, short }) =>
      [long, short].flatMap((value) => (value == null ? [] : [{ value, description }])),
    );
}

function valueCompletion(option: Option, place: Place, before: string): Promise<Completion> {
  const placeholder = /[<[](.+?)(?:\.\.\.)?[>\]]/.exec(option.flags)?.[1] ?? '';
  return completionFor(option.argChoices, placeholder, 'none', place, before);
}

function argumentCompletion(argument: Argument, place: Place): Promise<Completion> {
  // What an argument names is a file more often than not; an option's value is a number or a name.
  return completionFor(argument.argChoices, argument.name(), 'any', place, '');
}

async function completionFor(
  choices: readonly string[] | undefined,
  placeholder: string,
  unknown: Files,
  { operands }: Place,
  before: string,
): Promise<Completion> {
  const { files, names } =
    choices === undefined
      ? await valuesOf(placeholder, operands, unknown)
      : { names: choices, files: 'none' as const };
  const candidates = names.map((name) => ({ value: `${before}${name}`, description: '' }));
  return { candidates, files };
}
