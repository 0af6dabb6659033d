import { formatCount, formatDuration } from '../core/units.ts';
import type { LoadSummary, TimeFigures } from '../loadtest/summary.ts';
import { isUnjudged } from './loadtest-headline.ts';
import { observedText, thresholdName } from '../loadtest/threshold-text.ts';

const MARK = { pass: '✅ pass', fail: '❌ fail', inconclusive: '⚠️ inconclusive' } as const;

/** The report of a load test as Markdown: pull requests, step summaries. Ends with a line feed. */
export function renderLoadMarkdown(summary: LoadSummary): string {
  const { counters, errors, metrics, run, thresholds, validity, verdict } = summary;
  const { calls, sessions } = counters;
  const lines = [
    `## ${cell(run.scenario)}: ${isUnjudged(summary) ? 'measured, no thresholds' : MARK[verdict.status]}`,
    '',
    ...verdict.reasons.map((reason) => `- ${cell(reason)}`),
    ...(verdict.reasons.length > 0 ? [''] : []),
    `${formatCount(sessions.completed)} of ${formatCount(sessions.intended)} sessions and ${formatCount(calls.completed)} of ${formatCount(calls.intended)} LLM calls completed in ${formatDuration(run.durationMs)}; ${run.load.length === 0 ? '' : `${cell(run.load[0]!)}; `}engine ${run.engine}, seed ${run.seed}.`,
    '',
  ];
  if (thresholds.length > 0) {
    lines.push('| threshold | limit | observed | result |', '| --- | --- | ---: | --- |');
    for (const result of thresholds) {
      const note = result.severity === 'warn' ? ' (warning only)' : '';
      lines.push(
        `| ${cell(thresholdName(result))} | ${cell(result.expr)} | ${observedText(result.observed, result.unit)} | ${MARK[result.status]}: ${cell(result.reason)}${note} |`,
      );
    }
    lines.push('');
  }
  lines.push(
    '| latency | from | n | p50 | p95 | p99 | max |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: |',
  );
  for (const metric of ['ttft', 'itl', 'e2e', 'turn', 'session'] as const) {
    const figures = metrics[metric];
    lines.push(
      ...row(metric, 'intended start', figures?.fromIntended),
      ...row(metric, 'send', figures?.fromSend),
      ...row(metric, '', figures?.value),
    );
  }
  lines.push('');
  if (errors.length > 0) {
    const list = errors.slice(0, 5).map(({ count, error }) => `${cell(error)} ×${count}`);
    lines.push(`Failed attempts: ${list.join(', ')}`, '');
  }
  const lag = validity.sendLagMs;
  const reasons = validity.reasons.length === 0 ? '' : `: ${validity.reasons.map(cell).join('; ')}`;
  lines.push(
    `Generator: ${validity.verdict}${reasons}${lag === null ? '' : ` (send lag p99 ${formatDuration(lag.p99)})`}. Retries: ${counters.attempts.retries}, 429: ${counters.attempts.rateLimited}, truncated: ${calls.truncated}.`,
  );
  if (counters.tokens.output !== null && summary.rates.outputTokens !== null) {
    lines.push(
      '',
      `Tokens: ${formatCount(counters.tokens.input ?? 0)} in, ${formatCount(counters.tokens.output)} out (${formatCount(summary.rates.outputTokens)}/s).`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function row(metric: string, from: string, times: TimeFigures | null | undefined): string[] {
  if (times == null) return [];
  const figures = [times.p50, times.p95, times.p99, times.max].map(formatDuration);
  return [`| ${metric} | ${from} | ${formatCount(times.n)} | ${figures.join(' | ')} |`];
}

/** Text from outside inside a table cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');
}
