import { Heap } from '../core/heap.ts';
import type { Random } from '../core/random.ts';
import { hintedDelayMs } from '../mechanisms/backoff.ts';
import type { RetryPolicy } from '../mechanisms/backoff.ts';
import type { ProviderRule } from '../mechanisms/debits/debit-rules.ts';
import type { RateLimit, Reservation } from '../mechanisms/rate-limit.ts';
import { hintedMs } from '../mechanisms/retry-hint.ts';
import type { SessionLoad } from './call-ring.ts';
import { SessionPlay } from './session-play.ts';
import type { FailureRule } from './session-play.ts';

/** What happened between time 0 and the end of the load; the warm-up is not in it. */
export interface Counts {
  /** Calls sent for the first time. */
  calls: number;
  firstRejected: number;
  attempts: number;
  /** Attempts that got a 429. */
  rejected: number;
  /** Calls given up after their last attempt. */
  failed: number;
}

/** How clients behave when they are refused. */
export interface ClientRules {
  readonly retry: RetryPolicy;
  /** Whether clients are told when to come back, as most providers do. */
  readonly hints: ProviderRule | 'none';
  /** What a call that failed for good does: as `onFailure` of a load test. */
  readonly onFailure: FailureRule;
}

/** What happens next to a call: the number of its next attempt from 1 on, or one of these. */
const OVER = 0;
const GIVEN_UP = -1;

/**
 * Plays sessions against a limiter made at `-warmUpMs`: a call that is refused is tried again by
 * the client's rules, and whatever waits for it in its session comes later, or not at all.
 */
export function play(
  load: SessionLoad,
  limiter: RateLimit,
  client: ClientRules,
  random: Random,
): Counts {
  const counts: Counts = { calls: 0, firstRejected: 0, attempts: 0, rejected: 0, failed: 0 };
  // Places of calls. A call has at most one event to come.
  const events = new Heap<number>();
  const sessions = new SessionPlay(load.parts, client.onFailure, (place, atMs) => {
    nexts[place] = 1;
    events.push(atMs, place);
  });
  const nexts = new Int8Array(sessions.size);
  // Requests are never given back, so their limits need no look at when a call ends.
  const settles = limiter.dimensions.some(({ unit }) => unit !== 'requests');
  const reservations: (Reservation | undefined)[] = [];
  // Sessions begin one by one: a heap of what is under way is much smaller than one of everything.
  let begun = 0;
  for (;;) {
    const nowMs = events.peekKey() ?? Number.POSITIVE_INFINITY;
    if (begun < load.parts.length && load.parts[begun]!.beginMs <= nowMs) {
      sessions.begin(begun);
      begun += 1;
      continue;
    }
    if (nowMs >= load.endMs) return counts;
    const place = events.pop()!;
    const next = nexts[place]!;
    if (next === GIVEN_UP) {
      sessions.finish(place, nowMs, 'failed');
    } else if (next === OVER) {
      if (settles) settle(nowMs, place);
      sessions.finish(place, nowMs, 'ok');
    } else if (next === 1 && sessions.isBroken(place)) {
      sessions.finish(place, nowMs, 'skipped');
    } else {
      tryCall(nowMs, place, next);
    }
  }

  function tryCall(nowMs: number, place: number, attempt: number): void {
    const { amounts, durationMs } = sessions.callAt(place);
    if (amounts === undefined) {
      nexts[place] = OVER;
      events.push(nowMs + durationMs, place);
      return;
    }
    const weight = nowMs >= 0 ? 1 : 0;
    if (attempt === 1) counts.calls += weight;
    counts.attempts += weight;
    const decision = limiter.reserve(nowMs, amounts.reserve);
    if (decision.admitted) {
      nexts[place] = OVER;
      if (settles && amounts.settle !== undefined) reservations[place] = decision.reservation;
      events.push(nowMs + durationMs, place);
      return;
    }
    counts.rejected += weight;
    if (attempt === 1) counts.firstRejected += weight;
    const hintMs = client.hints === 'none' ? undefined : hintedMs(client.hints, decision.waitMs);
    const delayMs = hintedDelayMs(client.retry, attempt, hintMs, random);
    if (delayMs === undefined) {
      counts.failed += weight;
      // As an event of its own: calls sent at the same moment are out before the refusal is known.
      nexts[place] = GIVEN_UP;
      events.push(nowMs, place);
    } else {
      nexts[place] = attempt + 1;
      events.push(nowMs + delayMs, place);
    }
  }

  function settle(nowMs: number, place: number): void {
    const reservation = reservations[place];
    if (reservation === undefined) return;
    reservations[place] = undefined;
    limiter.settle(nowMs, reservation, sessions.callAt(place).amounts!.settle!);
  }
}
