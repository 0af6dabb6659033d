/** Pieces of all text reports: tables, bars, sparklines, headings. Strings in, strings out. */

export interface TextStyle {
  /** ANSI colours; off in files, pipes and CI logs. */
  readonly colour: boolean;
}

type Align = 'left' | 'right';

export interface TableOptions {
  /** Header cells; printed dim above the rows. */
  readonly head?: readonly string[] | undefined;
  /** Per column; default: the first left, all others right (numbers). */
  readonly align?: readonly Align[] | undefined;
  /** Spaces before each line (default 2). */
  readonly indent?: number | undefined;
  /** Spaces between columns (default 2). */
  readonly gap?: number | undefined;
  readonly colour?: boolean | undefined;
}

/** Aligned columns without borders; cells may hold ANSI colours. No rows gives an empty string. */
export function table(rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  if (rows.length === 0) return '';
  const { head, align = [], indent = 2, gap = 2, colour = false } = options;
  const all = head === undefined ? rows : [head, ...rows];
  const columns = Math.max(...all.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...all.map((row) => visibleWidth(row[column] ?? ''))),
  );
  const lines = all.map((row) => {
    const cells = widths.map((width, column) =>
      pad(row[column] ?? '', width, align[column] ?? (column === 0 ? 'left' : 'right')),
    );
    return `${' '.repeat(indent)}${cells.join(' '.repeat(gap))}`.trimEnd();
  });
  if (head !== undefined) lines[0] = paint(lines[0]!, 'dim', { colour });
  return lines.join('\n');
}

/** A section title on its own line, with an empty line before it. */
export function heading(text: string, style: TextStyle = { colour: false }): string {
  return `\n${paint(text, 'bold', style)}`;
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;

/** Horizontal bar in eighths of a cell, not padded: `value` of `max` over `width` cells. */
export function bar(value: number, max: number, width: number): string {
  if (!(value > 0) || !(max > 0)) return '';
  const eighths = Math.max(1, Math.round((Math.min(value, max) / max) * width * 8));
  return '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!;
}

const LEVELS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/**
 * One character per value, scaled from 0 to the largest; a null or non-finite value is a gap.
 * Zero is the lowest level, so "nothing happened" and "unknown" differ.
 */
export function sparkline(values: readonly (number | null)[]): string {
  return columnChart(values, 1)[0]!;
}

/** The same over `height` lines, the top one first: eight levels to a line. */
export function columnChart(values: readonly (number | null)[], height: number): string[] {
  const max = Math.max(0, ...values.map((value) => (isNumber(value) ? value : 0)));
  const levels = values.map((value) => {
    if (!isNumber(value)) return 0;
    if (max === 0 || value <= 0) return 1;
    return Math.min(height * LEVELS.length, Math.ceil((value / max) * height * LEVELS.length));
  });
  return Array.from({ length: height }, (_, line) => {
    const below = (height - 1 - line) * LEVELS.length;
    return levels
      .map((level) => (level <= below ? ' ' : LEVELS[Math.min(level - below, LEVELS.length) - 1]!))
      .join('');
  });
}

/** At most `cells` values, each the largest of its share of the series: peaks survive. */
export function downsampleMax(values: ArrayLike<number>, cells: number): number[] {
  if (values.length <= cells) return Array.from(values);
  return Array.from({ length: cells }, (_, cell) => {
    let largest = Number.NEGATIVE_INFINITY;
    const end = Math.floor(((cell + 1) * values.length) / cells);
    for (let index = Math.floor((cell * values.length) / cells); index < end; index += 1) {
      largest = Math.max(largest, values[index]!);
    }
    return largest;
  });
}

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

export type Paint = keyof typeof CODES;

/** The text in a colour or weight when the style allows it. */
export function paint(text: string, kind: Paint, style: TextStyle): string {
  if (!style.colour || text === '') return text;
  const [on, off] = CODES[kind];
  return `\u001B[${on}m${text}\u001B[${off}m`;
}

/** Text from outside (tool, model and file names) without control characters, cut to `limit`. */
export function plain(text: string, limit = 48): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const clean = text.replaceAll(/[\u0000-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E]/g, '�');
  const points = Array.from(clean);
  return points.length <= limit ? clean : `${points.slice(0, limit - 1).join('')}…`;
}

/** Padded to `width` columns of the terminal. */
function pad(text: string, width: number, align: Align = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - visibleWidth(text)));
  return align === 'left' ? text + space : space + text;
}

/** Columns a text takes: colours take none, East Asian wide characters two. */
export function visibleWidth(text: string): number {
  let width = 0;
  // eslint-disable-next-line no-control-regex -- the escape character of ANSI sequences
  for (const point of text.replaceAll(/\u001B\[[\d;]*m/g, '')) {
    if (/\p{Mark}/u.test(point)) continue;
    width += WIDE.test(point) ? 2 : 1;
  }
  return width;
}

/** Blocks whose characters are two columns wide (Unicode East Asian Width W and F, main ranges). */
const WIDE =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|\p{Emoji_Presentation}/u;

function isNumber(value: number | null): value is number {
  return value !== null && Number.isFinite(value);
}
