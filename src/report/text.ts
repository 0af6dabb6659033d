/** Pieces of all text reports: tables, bars, sparklines, headings. Strings in, strings out. */

export interface TextStyle {
  /** ANSI colours; off in files, pipes and CI logs. */
  readonly colour: boolean;
  /** Width of the terminal; long last columns are wrapped to it. Absent: lines as long as they are. */
  readonly columns?: number | undefined;
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
  /** Width of the terminal: a last column of text that does not fit is wrapped. */
  readonly columns?: number | undefined;
}

/** Aligned columns without borders; cells may hold ANSI colours. No rows gives an empty string. */
export function table(rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  if (rows.length === 0) return '';
  const { head, align = [], indent = 2, gap = 2, colour = false, columns: most } = options;
  const all = head === undefined ? rows : [head, ...rows];
  const columns = Math.max(...all.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...all.map((row) => visibleWidth(row[column] ?? ''))),
  );
  const last = columns - 1;
  const before = indent + widths.slice(0, last).reduce((sum, width) => sum + width + gap, 0);
  const wraps =
    most !== undefined && last > 0 && align[last] === 'left' && before + widths[last]! > most;
  const lines = all.map((row) => {
    const shown = wraps ? row.slice(0, last) : row;
    const cells = widths
      .slice(0, wraps ? last : columns)
      .map((width, column) =>
        pad(shown[column] ?? '', width, align[column] ?? (column === 0 ? 'left' : 'right')),
      );
    const line = `${' '.repeat(indent)}${cells.join(' '.repeat(gap))}`;
    return (wraps ? withWrapped(line, row[last] ?? '', { before, indent, most }) : line).trimEnd();
  });
  if (head !== undefined) lines[0] = paint(lines[0]!, 'dim', { colour });
  return lines.join('\n');
}

/** Narrower than this, a column of text is a strip: the text goes below its row instead. */
const LEAST_TEXT_COLUMNS = 28;

/** A row and its last cell, wrapped beside it or below. Colours of the cell stay whole per line. */
function withWrapped(
  line: string,
  cell: string,
  {
    before,
    indent,
    most,
  }: { readonly before: number; readonly indent: number; readonly most: number },
): string {
  if (cell === '') return line;
  const isBeside = most - before >= LEAST_TEXT_COLUMNS;
  const start = isBeside ? before : indent + 4;
  const [first = '', ...rest] = wrap(cell, Math.max(LEAST_TEXT_COLUMNS, most - start));
  const margin = ' '.repeat(start);
  if (!isBeside)
    return [line.trimEnd(), ...[first, ...rest].map((text) => margin + text)].join('\n');
  return [pad(line, before) + first, ...rest.map((text) => margin + text)].join('\n');
}

/** Lines of at most `width` columns, broken at spaces; a colour around the whole is kept on each. */
export function wrap(text: string, width: number): string[] {
  const [, on = '', inner = text, off = ''] =
    // eslint-disable-next-line no-control-regex -- the escape character of ANSI sequences
    /^(\u001B\[\d+m)(.*)(\u001B\[\d+m)$/s.exec(text) ?? [];
  const lines: string[] = [];
  let line = '';
  for (const word of inner.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && visibleWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  lines.push(line);
  return lines.map((part) => on + part + off);
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
