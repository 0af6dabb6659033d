import { formatCount, formatDuration } from '../core/units.ts';
import type { LoadSummary } from '../loadtest/summary.ts';
import { paint, plain } from './text.ts';
import type { TextStyle } from './text.ts';

/** Colours of verdicts and of single thresholds. */
export const VERDICT_PAINT = { pass: 'green', fail: 'red', inconclusive: 'yellow' } as const;

/** What a reader must know first: the verdict, why, what failed, and what was run. */
export function headline(summary: LoadSummary, style: TextStyle): string {
  const { run, verdict } = summary;
  const { target } = run;
  return [
    `${paint(plain(run.scenario), 'bold', style)}: ${verdictText(summary, style)}`,
    ...verdict.reasons.map((reason) => `  - ${plain(reason, 160)}`),
    ...failedCalls(summary, style),
    ...run.load.map((line) => `  ${plain(line, 160)}`),
    `  target ${plain(target.url, 80)} (${target.dialect}, ${plain(target.model)}), engine ${run.engine}, seed ${run.seed}, ${formatDuration(run.durationMs)}`,
    ...run.timingNotes.map((line) => `  note: ${line}`),
  ].join('\n');
}

/** The verdict in a word or two; a run without thresholds has none, however well it went. */
export function verdictText(summary: LoadSummary, style: TextStyle): string {
  const { status } = summary.verdict;
  if (isUnjudged(summary)) return 'MEASURED, no thresholds to judge it by';
  const stopped = summary.stopped === null ? '' : `, stopped by ${stoppedBy(summary.stopped)}`;
  return `${paint(status.toUpperCase(), VERDICT_PAINT[status], style)}${stopped}`;
}

/** True when the run ended well and nothing was there to judge it by. */
export function isUnjudged({ thresholds, verdict }: LoadSummary): boolean {
  return verdict.status === 'pass' && thresholds.length === 0;
}

function stoppedBy(stopped: NonNullable<LoadSummary['stopped']>): string {
  return stopped === 'budget' ? 'its budget' : stopped;
}

/** Nobody should have to look for failures below a green word. */
function failedCalls({ counters, errors: list }: LoadSummary, style: TextStyle): string[] {
  const { calls } = counters;
  const failed = calls.failed + calls.truncated;
  if (failed === 0) return [];
  const codes = list.slice(0, 3).map(({ error }) => plain(error));
  if (list.length > 3) codes.push('…');
  const text = `${formatCount(failed)} of ${formatCount(calls.intended)} LLM calls failed (${codes.join(', ')})`;
  return [`  ${paint('!', 'yellow', style)} ${text}`];
}
