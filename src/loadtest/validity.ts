import type { Threshold } from '../config/scenario.ts';
import { metricFacts } from '../config/threshold.ts';
import { formatDuration, formatShare, round } from '../core/units.ts';

/**
 * May the figures of a run be believed? A generator that was late, starved of CPU or dropped
 * arrivals measured itself. The limits are our own choice: generous enough for a laptop, and
 * tied to the strictest time the scenario promises, because 20 ms of client delay matter for a
 * 100 ms goal and not for a 10 s one.
 */
export interface Validity {
  readonly verdict: 'valid' | 'degraded' | 'invalid';
  readonly reasons: readonly string[];
  /** What this client may have added to a latency. */
  readonly toleranceMs: number;
  readonly sendLagMs: SendLag | null;
  readonly loopDelayMs: { readonly p99: number; readonly max: number } | null;
  readonly runDelayMsPerS: number | null;
  readonly dropped: number;
}

/** How late first attempts were sent, in ms. */
export interface SendLag {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Client delay below this never matters: the resolution of ordinary timers and collectors. */
const TOLERANCE_FLOOR_MS = 5;
/** Share of the strictest promised time that the client may add. */
const TOLERANCE_SHARE = 0.02;
/** Times the tolerance from which figures are worthless. */
const INVALID_FACTOR = 5;
/** Waiting for a CPU: one fifth of the time shows, one half is starvation. ms per s. */
const RUN_DELAY_DEGRADED = 200;
const RUN_DELAY_INVALID = 500;
/** Share of dropped arrivals from which the load was not the one asked for. */
const DROPPED_INVALID = 0.01;

export interface ValidityEvidence {
  readonly thresholds: readonly Threshold[];
  readonly sendLag: SendLag | null;
  readonly loopDelay: { readonly p99: number; readonly max: number } | null;
  readonly runDelayMsPerS: number | null;
  readonly sessionsIntended: number;
  readonly sessionsDropped: number;
}

export function assessValidity(evidence: ValidityEvidence): Validity {
  const { sendLag, loopDelay, runDelayMsPerS, sessionsIntended, sessionsDropped } = evidence;
  const toleranceMs = toleranceOf(evidence.thresholds);
  const reasons: string[] = [];
  let worst = 0;
  const check = (value: number, degraded: number, invalid: number, reason: string): void => {
    if (value <= degraded) return;
    worst = Math.max(worst, value > invalid ? 2 : 1);
    reasons.push(reason);
  };
  const invalidMs = toleranceMs * INVALID_FACTOR;
  const limit = `limit ${formatDuration(toleranceMs)}`;
  if (sendLag !== null) {
    const text = `requests left late: send lag p99 ${formatDuration(sendLag.p99)} (${limit})`;
    check(sendLag.p99, toleranceMs, invalidMs, text);
  }
  if (loopDelay !== null) {
    const text = `the event loop was busy: delay p99 ${formatDuration(loopDelay.p99)} (${limit})`;
    check(loopDelay.p99, toleranceMs, invalidMs, text);
  }
  if (runDelayMsPerS !== null) {
    const text = `waited for a CPU ${round(runDelayMsPerS, 0)} ms of each second (limit ${RUN_DELAY_DEGRADED})`;
    check(runDelayMsPerS, RUN_DELAY_DEGRADED, RUN_DELAY_INVALID, text);
  }
  const droppedShare = sessionsIntended === 0 ? 0 : sessionsDropped / sessionsIntended;
  const text = `${sessionsDropped} of ${sessionsIntended} sessions were dropped by this client (${formatShare(droppedShare)})`;
  check(droppedShare, 0, DROPPED_INVALID, text);
  return {
    verdict: (['valid', 'degraded', 'invalid'] as const)[worst]!,
    reasons,
    toleranceMs,
    sendLagMs: sendLag,
    loopDelayMs: loopDelay,
    runDelayMsPerS,
    dropped: sessionsDropped,
  };
}

/**
 * What this client may have added to a time. Its event loop may have seen every event late; its
 * sends were late by the lag of the same quantile, which only times from the intended start hold.
 */
export function clientErrorMs(
  { loopDelayMs, sendLagMs }: Validity,
  time: { readonly fromIntended: boolean; readonly quantile: number },
): number {
  const lag = time.quantile <= 0.95 ? sendLagMs?.p95 : sendLagMs?.p99;
  return Math.max(time.fromIntended ? (lag ?? 0) : 0, loopDelayMs?.p99 ?? 0);
}

function toleranceOf(thresholds: readonly Threshold[]): number {
  let strictest = Infinity;
  for (const { expression, metric, severity } of thresholds) {
    if (severity === 'warn') continue;
    const isTime = metricFacts(metric).kind === 'time' && expression.aggregate.kind !== 'count';
    if (isTime && expression.operator.startsWith('<')) {
      strictest = Math.min(strictest, expression.limit);
    }
  }
  const share = Number.isFinite(strictest) ? strictest * TOLERANCE_SHARE : 0;
  return Math.max(TOLERANCE_FLOOR_MS, share);
}
