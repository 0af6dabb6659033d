import { pad, visibleWidth, wrap } from './text-width.ts';

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
  /** Width of the terminal: text that does not fit is wrapped, columns come in groups. */
  readonly columns?: number | undefined;
  /** First columns that say what a row is about; repeated in each group (default 1). */
  readonly labels?: number | undefined;
}

/** Aligned columns without borders; cells may hold ANSI colours. No rows gives an empty string. */
export function table(rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  if (rows.length === 0) return '';
  const { head, align = [], indent = 2, gap = 2, colour = false, labels = 1 } = options;
  const most = options.columns ?? Number.POSITIVE_INFINITY;
  const all = head === undefined ? rows : [head, ...rows];
  const widths = Array.from({ length: Math.max(...all.map((row) => row.length)) }, (_, column) =>
    Math.max(...all.map((row) => visibleWidth(row[column] ?? ''))),
  );
  const last = widths.length - 1;
  const isText = last > 0 && align[last] === 'left' && widths[last]! > LONGEST_NAME;
  const whole = indent + widths.reduce((sum, width) => sum + width + gap, -gap);
  const wraps = isText && whole > most;
  const shown = wraps ? widths.slice(0, last) : widths;
  const groups = columnGroups(shown, { labels, gap, most: most - indent });
  const lines = groups.flatMap((columns, group) =>
    all.map((row, index) => {
      const cells = columns.map((column) =>
        pad(row[column] ?? '', widths[column]!, align[column] ?? (column === 0 ? 'left' : 'right')),
      );
      const line = `${' '.repeat(indent)}${cells.join(' '.repeat(gap))}`;
      const isHead = head !== undefined && index === 0;
      const start = visibleWidth(line) + gap;
      // A title below its row would stand alone.
      const hasText = wraps && group === groups.length - 1 && !(isHead && isBelow(start, most));
      const full = beside(line, hasText ? (row[last] ?? '') : '', { start, indent, most });
      return isHead ? paint(full.trimEnd(), 'dim', { colour }) : full.trimEnd();
    }),
  );
  return lines.join('\n');
}

/** Whether every line has room. */
export function fits(text: string, { columns = Number.POSITIVE_INFINITY }: TextStyle): boolean {
  return text.split('\n').every((line) => visibleWidth(line) <= columns);
}

/**
 * A table whose bars give way to a narrow terminal: halved, then left out.
 * @param rows for bars of the given width
 * @param widest cells of a whole bar
 */
export function barTable(
  rows: (barWidth: number) => readonly (readonly string[])[],
  widest: number,
  options: Omit<TableOptions, 'columns' | 'colour'>,
  style: TextStyle,
): string {
  const { colour, columns } = style;
  for (const width of [widest, Math.floor(widest / 2), 0]) {
    const text = table(rows(width), { ...options, colour });
    if (fits(text, style)) return text;
  }
  return table(rows(0), { ...options, colour, columns });
}

/** Columns that stand side by side; those that do not fit come below, again with their labels. */
function columnGroups(
  widths: readonly number[],
  { gap, labels, most }: { readonly labels: number; readonly gap: number; readonly most: number },
): number[][] {
  const names = widths.slice(0, labels).map((_, column) => column);
  const used = names.reduce((sum, column) => sum + widths[column]! + gap, 0);
  const groups: number[][] = [];
  let group = [...names];
  let width = used;
  for (let column = labels; column < widths.length; column += 1) {
    if (width + widths[column]! > most && group.length > labels) {
      groups.push(group);
      group = [...names];
      width = used;
    }
    group.push(column);
    width += widths[column]! + gap;
  }
  return [...groups, group];
}

/** A last column of at most this width holds names, not sentences: it is not wrapped. */
const LONGEST_NAME = 34;

/** Narrower than this, a column of text is a strip: the text goes below its row instead. */
const LEAST_TEXT_COLUMNS = 28;

function isBelow(start: number, most: number): boolean {
  return most - start < LEAST_TEXT_COLUMNS;
}

/** A row and its text, wrapped beside it or below. */
function beside(
  line: string,
  text: string,
  {
    indent,
    most,
    start,
  }: { readonly start: number; readonly indent: number; readonly most: number },
): string {
  if (text === '') return line;
  const isBeside = !isBelow(start, most);
  const at = isBeside ? start : indent + 4;
  const [first = '', ...rest] = wrap(text, Math.max(LEAST_TEXT_COLUMNS, most - at));
  const margin = ' '.repeat(at);
  const below = rest.map((part) => margin + part);
  if (isBeside) return [pad(line, start) + first, ...below].join('\n');
  return [line.trimEnd(), margin + first, ...below].join('\n');
}

/** Sentences below a table, dim and wrapped to the terminal. */
export function notes(sentences: readonly string[], style: TextStyle): string[] {
  return sentences.flatMap((sentence) => {
    const lines = style.columns === undefined ? [sentence] : wrap(sentence, style.columns - 2);
    return lines.map((line) => paint(`  ${line}`, 'dim', style));
  });
}

/** Breaks long sentences, indented under their beginning; rows of tables stay whole. */
export function wrapSentences(text: string, { columns }: TextStyle): string {
  if (columns === undefined) return text;
  return text
    .split('\n')
    .map((line) => {
      const sentence = line.trimStart();
      // Cells stand apart by two spaces, words by one.
      if (visibleWidth(line) <= columns || sentence.includes('  ')) return line;
      const indent = ' '.repeat(line.length - sentence.length);
      const parts = wrap(sentence, Math.max(LEAST_TEXT_COLUMNS, columns - indent.length - 2));
      return parts.map((part, at) => `${indent}${at === 0 ? '' : '  '}${part}`).join('\n');
    })
    .join('\n');
}

/** A section title on its own line, with an empty line before it. */
export function heading(text: string, style: TextStyle = { colour: false }): string {
  return `\n${paint(text, 'bold', style)}`;
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;

/** Horizontal bar in eighths of a cell, not padded: `value` of `max` over `width` cells. */
export function bar(value: number, max: number, width: number): string {
  if (!(value > 0) || !(max > 0) || width === 0) return '';
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

function isNumber(value: number | null): value is number {
  return value !== null && Number.isFinite(value);
}
