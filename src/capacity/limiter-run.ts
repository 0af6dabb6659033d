import { Heap } from '../core/heap.ts';
import { randomStreams } from '../core/random.ts';
import type { Random } from '../core/random.ts';
import { MS_PER_MINUTE } from '../core/units.ts';
import { retryDelayMs } from '../mechanisms/backoff.ts';
import type { RetryPolicy } from '../mechanisms/backoff.ts';
import type { RateLimit, Reservation } from '../mechanisms/rate-limit.ts';
import type { Ring, RingCall } from './call-ring.ts';

/** The end of the ring is played before its start, so that buckets are not full at time 0. */
export const WARM_UP_MS = 2 * MS_PER_MINUTE;

/** Over the calls of the ring, without its warm-up. */
export interface Counts {
  calls: number;
  firstRejected: number;
  failed: number;
  attempts: number;
}

type Event =
  | {
      readonly kind: 'attempt';
      readonly call: RingCall;
      readonly attempt: number;
      readonly isCounted: boolean;
    }
  | { readonly kind: 'done'; readonly call: RingCall; readonly reservation: Reservation };

/** Plays the ring against a limiter that was made at -WARM_UP_MS. */
export function play(ring: Ring, limiter: RateLimit, retry: RetryPolicy, random: Random): Counts {
  // Requests are never given back, so their limits need no look at when a call ends.
  const settles = limiter.dimensions.some(({ unit }) => unit !== 'requests');
  const counts: Counts = { calls: 0, firstRejected: 0, failed: 0, attempts: 0 };
  const events = new Heap<Event>();
  const attempt = (nowMs: number, event: Event & { readonly kind: 'attempt' }): void => {
    const { call, isCounted } = event;
    const weight = isCounted ? 1 : 0;
    counts.attempts += weight;
    const decision = limiter.reserve(nowMs, call.reserve);
    if (decision.admitted) {
      if (settles)
        events.push(nowMs + call.durationMs, {
          kind: 'done',
          call,
          reservation: decision.reservation,
        });
      return;
    }
    if (event.attempt === 1) counts.firstRejected += weight;
    const failed = { attempt: event.attempt, status: 429, headers: {}, nowEpochMs: 0 };
    const delayMs = retryDelayMs(retry, failed, random);
    if (delayMs === undefined) counts.failed += weight;
    else events.push(nowMs + delayMs, { ...event, attempt: event.attempt + 1 });
  };
  const runUntil = (endMs: number): void => {
    for (;;) {
      const atMs = events.peekKey();
      if (atMs === undefined || atMs > endMs) return;
      const event = events.pop()!;
      if (event.kind === 'attempt') attempt(atMs, event);
      else limiter.settle(atMs, event.reservation, event.call.settle);
    }
  };
  const start = (call: RingCall, atMs: number, isCounted: boolean): void => {
    runUntil(atMs);
    if (isCounted) counts.calls += 1;
    attempt(atMs, { kind: 'attempt', call, attempt: 1, isCounted });
  };
  for (const call of ring.calls) {
    const before = call.atMs - ring.lengthMs;
    if (before >= -WARM_UP_MS) start(call, before, false);
  }
  for (const call of ring.calls) start(call, call.atMs, true);
  runUntil(Number.POSITIVE_INFINITY);
  return counts;
}

/** Shares of calls, and attempts per call. */
export interface OverloadShares {
  readonly firstAttempt: number;
  readonly failed: number;
  readonly attempts: number;
}

/**
 * A limiter that is never idle admits 1 of `load` calls, however often they are tried. With r
 * retries and each attempt rejected with probability p that is 1 - p^(r+1) = 1/load.
 */
export function overload(load: number, retry: RetryPolicy): OverloadShares {
  const tries = retriesOf(retry) + 1;
  const failed = 1 - 1 / load;
  const rejected = failed ** (1 / tries);
  let attempts = 0;
  for (let attempt = 0; attempt < tries; attempt += 1) attempts += rejected ** attempt;
  return { firstAttempt: rejected, failed, attempts };
}

function retriesOf(retry: RetryPolicy): number {
  const random = randomStreams('retries')('count');
  for (let attempt = 1; ; attempt += 1) {
    const failed = { attempt, status: 429, headers: {}, nowEpochMs: 0 };
    if (retryDelayMs(retry, failed, random) === undefined) return attempt - 1;
  }
}
