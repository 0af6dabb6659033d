import { Heap } from '../core/heap.ts';
import type { Random } from '../core/random.ts';
import { retryDelayMs } from '../mechanisms/backoff.ts';
import type { RetryPolicy } from '../mechanisms/backoff.ts';
import type { ProviderRule } from '../mechanisms/debits/debit-rules.ts';
import type { RateLimit, Reservation } from '../mechanisms/rate-limit.ts';
import { retryHint } from '../mechanisms/retry-hint.ts';
import type { SessionLoad } from './call-ring.ts';
import { SessionPlay } from './session-play.ts';

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
  readonly onFailure: 'end-turn' | 'end-session' | 'continue';
}

/** The next thing to happen to a call; one object goes with it through all its attempts. */
interface Event {
  readonly play: SessionPlay;
  readonly call: number;
  /** OVER, GIVEN_UP, or the number of the attempt from 1 on. */
  attempt: number;
  reservation: Reservation | undefined;
}

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
  const events = new Heap<Event>();
  // Requests are never given back, so their limits need no look at when a call ends.
  const settles = limiter.dimensions.some(({ unit }) => unit !== 'requests');
  const start = (session: SessionPlay, call: number, atMs: number): void => {
    events.push(atMs, { play: session, call, attempt: 1, reservation: undefined });
  };
  // Sessions begin one by one: a heap of what is under way is much smaller than one of everything.
  let next = 0;
  for (;;) {
    const part = load.parts[next];
    const nowMs = events.peekKey() ?? Number.POSITIVE_INFINITY;
    if (part !== undefined && part.beginMs <= nowMs) {
      new SessionPlay(part, client.onFailure, start).begin();
      next += 1;
      continue;
    }
    if (nowMs >= load.endMs) return counts;
    const event = events.pop()!;
    const { attempt, call } = event;
    if (attempt === GIVEN_UP) {
      event.play.finish(call, nowMs, 'failed');
    } else if (attempt === OVER) {
      if (settles && event.reservation !== undefined) {
        const { settle } = event.play.calls[call]!.amounts!;
        if (settle !== undefined) limiter.settle(nowMs, event.reservation, settle);
      }
      event.play.finish(call, nowMs, 'ok');
    } else if (attempt === 1 && event.play.isBroken(call)) {
      event.play.finish(call, nowMs, 'skipped');
    } else {
      tryCall(nowMs, event);
    }
  }

  function tryCall(nowMs: number, event: Event): void {
    const { attempt } = event;
    const { amounts, durationMs } = event.play.calls[event.call]!;
    if (amounts === undefined) {
      event.attempt = OVER;
      events.push(nowMs + durationMs, event);
      return;
    }
    const weight = nowMs >= 0 ? 1 : 0;
    if (attempt === 1) counts.calls += weight;
    counts.attempts += weight;
    const decision = limiter.reserve(nowMs, amounts.reserve);
    if (decision.admitted) {
      event.attempt = OVER;
      event.reservation = decision.reservation;
      events.push(nowMs + durationMs, event);
      return;
    }
    counts.rejected += weight;
    if (attempt === 1) counts.firstRejected += weight;
    const headers = client.hints === 'none' ? {} : retryHint(client.hints, decision.waitMs);
    const failed = { attempt, status: 429, headers, nowEpochMs: 0 };
    const delayMs = retryDelayMs(client.retry, failed, random);
    if (delayMs === undefined) {
      counts.failed += weight;
      // As an event of its own: calls sent at the same moment are out before the refusal is known.
      event.attempt = GIVEN_UP;
      events.push(nowMs, event);
    } else {
      event.attempt += 1;
      events.push(nowMs + delayMs, event);
    }
  }
}
