import { formatCount, formatShare } from '../core/units.ts';
import { ENOUGH_CALLS } from './precision.ts';
import type { WorkloadProfile } from './workload-profile.ts';

/** What a reader must know before trusting the figures, worst first. */
export function profileWarnings(
  profile: WorkloadProfile,
  { untimedCalls }: { readonly untimedCalls: number },
): string[] {
  const { calls, window, arrivals, sessions } = profile;
  const warnings: string[] = [];
  if (calls.count < ENOUGH_CALLS) {
    warnings.push(
      `NOT ENOUGH DATA: only ${calls.count} LLM call${calls.count === 1 ? '' : 's'}. Percentiles of fewer than ${ENOUGH_CALLS} calls are guesses; record at least ${ENOUGH_CALLS - calls.count} more.`,
    );
  }
  if (calls.tokensMissing > 0) {
    warnings.push(
      `${formatShare(calls.tokensMissing)} of the calls have no token counts: token sums and TPM are lower bounds.`,
    );
  }
  if (calls.tokensEstimated > 0) {
    warnings.push(`${formatShare(calls.tokensEstimated)} of the token counts are estimates.`);
  }
  if (arrivals === null && calls.count > 0) {
    warnings.push(
      'The trace has no common clock (no times, or times relative to each session): rates, peaks and concurrency across sessions are unknown.',
    );
  } else if (untimedCalls > 0) {
    warnings.push(
      `${formatCount(untimedCalls)} calls have no time on the common clock and are not in the arrival figures.`,
    );
  }
  if (arrivals !== null && window.durationSeconds === 0) {
    warnings.push(
      'All calls start at the same instant: their rate is taken as if they were one minute.',
    );
  }
  if (sessions.count === null && calls.count > 0) {
    warnings.push(
      'The trace knows no sessions: turns, tools and think times are unknown, and a replay sends single calls drawn from the distributions.',
    );
  }
  return warnings;
}
