import { heading, paint, plain } from './text.ts';
import type { Paint, TextStyle } from './text.ts';
import { wrap } from './text-width.ts';

/** One thing that `agent-infra doctor` looked at. */
export interface Finding {
  /** Stable, for scripts: `k6`, `open-files`. */
  readonly id: string;
  readonly group: FindingGroup;
  readonly level: Level;
  /** What is there; names of variables, never their values. */
  readonly found: string;
  /** What suffers; null where nothing does. */
  readonly affects: string | null;
  /** What to do about it; null where nothing is to be done. */
  readonly mend: string | null;
}

/**
 * `note`: absent or different, and nothing that was asked for suffers. `warn`: figures or comfort
 * suffer. `fail`: something that is there or was asked for does not work.
 */
type Level = 'ok' | 'note' | 'warn' | 'fail';

const GROUPS = {
  machine: 'This machine',
  tools: 'Programs and packages',
  terminal: 'Terminal and environment',
  catalog: 'Catalog',
  documents: 'Documents',
} as const;
type FindingGroup = keyof typeof GROUPS;

/** `doctor --json`. Fields may be added; unknown is null, never 0. */
export interface DoctorJson {
  readonly schema: 'agent-infra/doctor';
  readonly schemaVersion: '1.0';
  readonly tool: string;
  readonly checkedAt: string;
  readonly level: Level;
  readonly exitCode: number;
  readonly findings: readonly Finding[];
}

export interface Checked {
  readonly checkedAt: string;
  readonly exitCode: number;
  readonly findings: readonly Finding[];
}

export function doctorJson({ checkedAt, exitCode, findings }: Checked, tool: string): DoctorJson {
  return {
    schema: 'agent-infra/doctor',
    schemaVersion: '1.0',
    tool,
    checkedAt,
    level: worst(findings),
    exitCode,
    findings,
  };
}

const MARKS = {
  ok: ['ok', 'green'],
  note: ['note', 'dim'],
  warn: ['warn', 'yellow'],
  fail: ['FAIL', 'red'],
} as const satisfies Record<Level, readonly [string, Paint]>;

/** Width of the marks and ids before the text. */
const TEXT_AT = 24;
/** Where lines end when the output is no terminal. */
const DEFAULT_COLUMNS = 110;

/** Findings by group, each with what it affects and how to mend it. */
export function doctorText(findings: readonly Finding[], style: TextStyle): string {
  const parts = (Object.keys(GROUPS) as FindingGroup[]).flatMap((group) => {
    const own = findings.filter((finding) => finding.group === group);
    if (own.length === 0) return [];
    return [heading(GROUPS[group], style), ...own.map((finding) => findingText(finding, style))];
  });
  return `${[...parts, '', summary(findings, style)].join('\n').trimStart()}\n`;
}

function findingText({ affects, found, id, level, mend }: Finding, style: TextStyle): string {
  const [mark, colour] = MARKS[level];
  const columns = Math.max(60, style.columns ?? DEFAULT_COLUMNS);
  const text = [
    found,
    ...(affects === null ? [] : [affects]),
    ...(mend === null ? [] : [`→ ${mend}`]),
  ]
    .flatMap((line) => line.split('\n'))
    .flatMap((line) => wrap(plain(line, 400), columns - TEXT_AT));
  const head = `  ${paint(mark.padEnd(5), colour, style)} ${id.padEnd(TEXT_AT - 9)} `;
  return text
    .map((line, index) => (index === 0 ? `${head}${line}` : `${' '.repeat(TEXT_AT)}${line}`))
    .join('\n');
}

function summary(findings: readonly Finding[], style: TextStyle): string {
  const count = (level: Level): number => findings.filter((one) => one.level === level).length;
  const level = worst(findings);
  const [, colour] = MARKS[level];
  const problems = [
    [count('fail'), 'failed'],
    [count('warn'), count('warn') === 1 ? 'warning' : 'warnings'],
  ]
    .filter(([many]) => many !== 0)
    .map(([many, what]) => `${many} ${what}`);
  const words = problems.length === 0 ? 'Nothing stands in the way' : problems.join(', ');
  return paint(`${words}; ${findings.length} things looked at.`, colour, style);
}

function worst(findings: readonly Finding[]): Level {
  const order: readonly Level[] = ['fail', 'warn', 'note', 'ok'];
  const level = order.find((each) => findings.some((finding) => finding.level === each)) ?? 'ok';
  return level === 'note' ? 'ok' : level;
}
