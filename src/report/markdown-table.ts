import { plain } from './text.ts';

const RULES = { left: '---', right: '---:' } as const;

/** A GitHub table. Cells are already safe; see `markdownCell`. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly ('left' | 'right')[],
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(align.map((side) => RULES[side])), ...rows.map(line)].join('\n');
}

/** Longest text of one cell. */
const LONGEST_CELL = 400;

/** Text from outside inside a cell or a list: one line, nothing that Markdown or HTML would read. */
export function markdownCell(text: string): string {
  return plain(text, LONGEST_CELL)
    .replaceAll('\\', '\\\\')
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;')
    .replaceAll('`', '\\`');
}
