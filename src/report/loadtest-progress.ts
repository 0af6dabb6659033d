import { formatCount, formatDuration } from '../core/units.ts';
import type { Progress } from '../loadtest/progress.ts';

/** One line about a running test, for logs: every 10 s in CI. */
export function renderProgressLine(progress: Progress): string {
  const { calls, sessions } = progress.counters;
  const of = progress.plannedSessions === null ? '' : `/${formatCount(progress.plannedSessions)}`;
  const ttft = progress.times.find(({ metric }) => metric === 'ttft')?.intended ?? null;
  const failed = calls.failed + calls.truncated;
  return [
    formatDuration(progress.elapsedMs),
    `sessions ${formatCount(sessions.completed + sessions.failed)}${of} done, ${formatCount(progress.sessionsRunning)} running`,
    ...(sessions.dropped > 0 ? [`${formatCount(sessions.dropped)} dropped`] : []),
    `calls ${formatCount(calls.completed)} ok${failed > 0 ? `, ${formatCount(failed)} failed` : ''}`,
    ttft === null
      ? 'no first token yet'
      : `TTFT p50 ${formatDuration(ttft.p50)} p95 ${formatDuration(ttft.p95)}`,
  ].join(' · ');
}
