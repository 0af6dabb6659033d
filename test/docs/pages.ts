import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from '../support/requirements.ts';

export interface Page {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

/** A fenced block. `run` in its info string means that its commands are run. */
export interface Block {
  readonly language: string;
  readonly runs: boolean;
  readonly lines: readonly string[];
  /** `docs/plan.md:12`, for messages. */
  readonly place: string;
}

/** README.md and everything in docs/. */
export const pages: readonly Page[] = ['README.md', ...markdownIn('docs')].map(readPage);

export function pageAt(path: string): Page {
  return pages.find((page) => page.path === path)!;
}

/** Where a relative link leads, or why it leads nowhere. */
export function brokenLink(page: Page, target: string): string | undefined {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page.path : join(page.path, '..', path);
  if (!existsSync(join(root, file))) return `${file} does not exist`;
  if (anchor === undefined) return undefined;
  const headings = [...readPage(file).text.matchAll(/^#+ (.+)$/gm)].map((match) => slug(match[1]!));
  return headings.includes(anchor) ? undefined : `${file} has no heading #${anchor}`;
}

/** Text outside of fenced blocks. */
export function prose({ text }: Page): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, '');
}

function readPage(path: string): Page {
  const text = readFileSync(join(root, path), 'utf8');
  return { path, text, blocks: fencedBlocks(path, text) };
}

function fencedBlocks(path: string, text: string): Block[] {
  const blocks: Block[] = [];
  let open: { info: string[]; lines: string[]; line: number } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^```(.*)$/.exec(line);
    if (fence === null) open?.lines.push(line);
    else if (open === undefined) {
      open = { info: fence[1]!.trim().split(/\s+/), lines: [], line: index + 1 };
    } else {
      const [language = '', ...flags] = open.info;
      const place = `${path}:${open.line}`;
      blocks.push({ language, runs: flags.includes('run'), lines: open.lines, place });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`${path}:${open.line}: the block is not closed`);
  return blocks;
}

function markdownIn(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`);
}

/** GitHub's anchor of a heading. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[`*_]|\[|\]\([^)]*\)/g, '')
    .replaceAll(/[^\p{L}\p{N}\- ]/gu, '')
    .replaceAll(' ', '-');
}
