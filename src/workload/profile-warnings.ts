import {
  MS_PER_MINUTE,
  MS_PER_SECOND,
  formatCount,
  formatCounted,
  formatDuration,
  formatShare,
} from '../core/units.ts';
import { ENOUGH_CALLS } from './precision.ts';
import type { WorkloadProfile } from './workload-profile.ts';

/** What a reader must know before trusting the figures, worst first. */
export function profileWarnings(
  profile: WorkloadProfile,
  { untimedCalls }: { readonly untimedCalls: number },
): string[] {
  const { calls, window, arrivals, sessions } = profile;
  const warnings: string[] = [];
  if (calls.count < ENOUGH_CALLS && !(calls.count === 0 && profile.usage != null)) {
    warnings.push(
      `NOT ENOUGH DATA: only ${formatCounted(calls.count, 'LLM call')}. Percentiles of fewer than ${ENOUGH_CALLS} calls are guesses; record at least ${ENOUGH_CALLS - calls.count} more.`,
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
      `${formatCount(untimedCalls)} of ${formatCount(calls.count)} calls have no time on the common clock and are not in the arrival figures.`,
    );
  }
  warnings.push(...spanWarnings(profile));
  if (arrivals !== null && window.durationSeconds === 0) {
    warnings.push(
      'All calls start at the same instant: their rate is taken as if they were one minute.',
    );
  }
  if (sessions.count === null && calls.count > 0) {
    warnings.push(
      'The trace knows no sessions: turns, tools and think times are unknown, and a replay sends single calls drawn from the distributions. Traces with session ids tell them, and so does `profile record`.',
    );
  }
  return [...warnings, ...repeatWarnings(profile), ...usageWarnings(profile)];
}

/** Peak over mean per minute from which the trace is idle nearly all of the time. */
const IDLE_RATIO = 1000;

/** Means over the whole time mislead when it is too short, or empty but for a few moments. */
function spanWarnings({ arrivals, calls, window }: WorkloadProfile): string[] {
  const spanMs = window.durationSeconds * MS_PER_SECOND;
  if (arrivals === null || spanMs === 0) return [];
  if (spanMs < MS_PER_MINUTE) {
    return [
      `The calls start within ${formatDuration(spanMs)}: means per minute are scaled up from it. Record some minutes at least.`,
    ];
  }
  if (calls.count < 2 || arrivals.rpm.peakSliding < IDLE_RATIO * arrivals.rpm.mean) return [];
  return [
    `IDLE NEARLY ALL OF THE TIME: the calls lie scattered over ${formatDuration(spanMs)}, so means, concurrency and burstiness say little. Plan from the peaks, or profile one busy period.`,
  ];
}

/** Repeats invite a cache of answers; this says where it would answer with another state. */
function repeatWarnings({ repeats }: WorkloadProfile): string[] {
  const asks = repeats?.asks;
  if (asks == null || asks.near80 === 0) return [];
  const { count, near80, sameState, otherState, unknownState } = asks;
  if (sameState === near80) return [];
  const parts = [
    otherState === 0
      ? undefined
      : `${formatCount(otherState)} of them ${otherState === 1 ? 'stands' : 'stand'} after other messages or tool results`,
    unknownState === 0
      ? undefined
      : `of ${formatCount(unknownState)} the trace does not say what came before`,
  ].filter((part) => part !== undefined);
  return [
    `NOT SAFE TO ANSWER FROM A CACHE: ${formatShare(near80 / count)} of the user messages nearly repeat an earlier one, but ${parts.join(', and ')}; the same words would get the answer of another state.`,
  ];
}

/** Below this share of the provider's own count, calls are missing; above its inverse, counted twice. */
const HELD_SHARE = 0.98;

function usageWarnings({ calls, usage }: WorkloadProfile): string[] {
  if (usage == null) return [];
  const warnings: string[] = [];
  if (usage.overlaps > 0) {
    warnings.push(
      `${formatCount(usage.overlaps)} windows of the usage exports overlap: their totals are counted more than once. Give exports of one window length only.`,
    );
  }
  if (calls.count === 0) {
    warnings.push(
      'The input holds usage totals only: nothing is known of single calls, sessions or latencies. Give the traces of the same time in one run: the two are then compared.',
    );
  } else if (usage.held === null) {
    warnings.push(
      'The traces do not lie within the time of the usage export, so the two cannot be compared.',
    );
  } else {
    const { input, output } = usage.held;
    const far = [input, output].filter(
      (share) => share !== null && (share < HELD_SHARE || share > 1 / HELD_SHARE),
    );
    if (far.length > 0) {
      warnings.push(
        `The traces and the provider's usage export differ: the traces hold ${held(input)} of its input and ${held(output)} of its output tokens.`,
      );
    }
  }
  return warnings;
}

function held(share: number | null): string {
  return share === null ? 'an unknown part' : formatShare(share);
}
