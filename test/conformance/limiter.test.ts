import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/clock.ts';
import type { Clock } from '../../src/core/clock.ts';
import { BatchingEngine } from '../../src/mechanisms/batching.ts';
import { CircuitBreaker } from '../../src/mechanisms/circuit-breaker.ts';
import { ConcurrencyLimit } from '../../src/mechanisms/concurrency-limit.ts';
import { GrowthLimit } from '../../src/mechanisms/growth-limit.ts';
import { LateMeter } from '../../src/mechanisms/late-meter.ts';
import { nextMonthMs } from '../../src/core/calendar.ts';
import { CalendarLimit } from '../../src/mechanisms/calendar-limit.ts';
import { createProviderLimit } from '../../src/mechanisms/provider-limit.ts';
import { TokenBucket } from '../../src/mechanisms/token-bucket.ts';
import { FixedWindow, SlidingWindow } from '../../src/mechanisms/windows.ts';
import { RealClock } from '../../src/system.ts';
import { limiterConformance } from './limiter.ts';

const amounts = fc.oneof(
  fc.integer({ min: 0, max: 14 }),
  fc.double({ min: 0, max: 14, noNaN: true }),
);

limiterConformance({
  name: 'token bucket',
  create: (nowMs) => new TokenBucket({ capacity: 10, refillPerSecond: 2.5 }, nowMs),
  amounts,
  skip: {},
});
limiterConformance({
  name: 'fixed window',
  create: () => new FixedWindow({ limit: 10, windowMs: 1000 / 3 }),
  amounts,
  skip: {},
});
limiterConformance({
  name: 'sliding window',
  create: () => new SlidingWindow({ limit: 10, windowMs: 1000 }),
  amounts,
  skip: {},
});
limiterConformance({
  name: 'sliding window in slices',
  create: () => new SlidingWindow({ limit: 10, windowMs: 1000, sliceMs: 50 }),
  amounts,
  skip: {
    'a late refund never takes back more than was debited':
      'debits of one slice share an entry, so the refund is bounded by the entry (windows.test.ts)',
  },
});
limiterConformance({
  name: 'month limit',
  create: () => new CalendarLimit({ limit: 10, epochAtZeroMs: 0, nextMs: nextMonthMs }),
  amounts,
  skip: {},
});
limiterConformance({
  name: 'concurrency',
  create: () => new ConcurrencyLimit({ limit: 10 }),
  amounts: fc.integer({ min: 0, max: 14 }),
  skip: {
    'who waits as long as it was told is admitted': 'nobody knows when a call ends: a hint',
    'nothing counts any more after resetMs': 'calls in flight end by themselves, not by time',
  },
});
limiterConformance({
  name: 'late meter',
  create: (nowMs) => new LateMeter(new TokenBucket({ capacity: 10, refillPerSecond: 2.5 }, nowMs)),
  amounts,
  skip: {
    'a debit above the limit is remembered': 'has no limit of its own (next test)',
  },
});
limiterConformance({
  name: 'growth limit',
  create: () => new GrowthLimit({ floorPerMinute: 10, factor: 1.5, periodMs: 180_000 }),
  amounts,
  skip: {
    'take alone never goes above the limit': 'one call larger than the floor must be able to start',
    'the wait is infinite exactly for amounts above the limit': 'a load may always grow',
  },
});

test('a late meter remembers an overshoot until refill has paid it', () => {
  const meter = new LateMeter(new TokenBucket({ capacity: 10, refillPerSecond: 2.5 }, 0));
  expect(meter.take(0, 30).admitted).toBe(true);
  expect(meter.take(0, 1)).toEqual({ admitted: false, waitMs: 8000 });
  expect(meter.take(8000, 1).admitted).toBe(true);
});

/** A program of calls against one mechanism; what it answers, with the readings of the clock. */
interface Script {
  readonly name: string;
  readonly start: (nowMs: number) => (nowMs: number, step: number) => unknown;
}

const scripts: readonly Script[] = [
  {
    name: 'OpenAI limits with settlement',
    start: (nowMs) => {
      const limit = createProviderLimit('openai', { rpm: 600, tpm: 60_000 }, nowMs);
      return (atMs, step) => {
        const decision = limit.reserve(atMs, { requests: 1, tokens: (step * 7919) % 4000 });
        if (decision.admitted && step % 3 === 0)
          limit.settle(atMs, decision.reservation, { tokens: 10 });
        return decision.admitted ? 'admitted' : decision;
      };
    },
  },
  {
    name: 'Azure and Gemini windows',
    start: (nowMs) => {
      const azure = createProviderLimit('azure-standard', { rpm: 60, tpm: 6000 }, nowMs);
      const gemini = createProviderLimit('gemini', { spendPer10Min: 0.1, rpm: 300 }, nowMs);
      return (atMs, step) =>
        [
          azure.reserve(atMs, { requests: 1, tokens: 50 * step }),
          gemini.reserve(atMs, { requests: 1, usd: 0.003 * step }),
        ].map((decision) => (decision.admitted ? 'admitted' : decision));
    },
  },
  {
    name: 'continuous batching',
    start: () => {
      const engine = new BatchingEngine({
        maxNumSeqs: 4,
        maxNumBatchedTokens: 64,
        kvBlocks: 40,
        stepTimeMs: (shape) => 0.5 + 0.01 * shape.prefillTokens,
      });
      return (atMs, step) => {
        const events = engine.advance(atMs).map(({ kind, atMs: when }) => [kind, when]);
        return [
          events,
          engine.submit(atMs, { promptTokens: 20 * step, outputTokens: step }),
          engine.nextEventMs(),
        ];
      };
    },
  },
  {
    name: 'circuit breaker',
    start: () => {
      const breaker = new CircuitBreaker({
        windowMs: 50,
        minimumCalls: 3,
        failureShare: 0.5,
        openMs: 7,
      });
      return (atMs, step) => {
        const decision = breaker.allow(atMs);
        if (decision.allowed)
          breaker.record(atMs, decision.ticket, step % 4 === 0 ? 'success' : 'failure');
        return [decision, breaker.state(atMs)];
      };
    },
  },
];

const settle = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Runs one step at each planned moment of the clock, and says what each saw. */
function play(clock: Clock, { start }: Script, atMs: readonly number[]) {
  const answer = start(atMs[0]!);
  const seen: { nowMs: number; answer: unknown }[] = [];
  const done = new Promise<void>((resolve) => {
    for (const dueMs of atMs) {
      clock.at(dueMs, () => {
        const nowMs = clock.now();
        // Numbered as they run: equal deadlines may swap on a real clock.
        seen.push({ nowMs, answer: answer(nowMs, seen.length) });
        if (seen.length === atMs.length) resolve();
      });
    }
  });
  return { seen, done };
}

describe('the same decisions on both clocks', () => {
  test.for(scripts)('$name', async (script) => {
    const real = new RealClock();
    const startMs = real.now();
    const planned = Array.from({ length: 40 }, (_, step) => startMs + 5 * Math.floor(step / 2));
    // The first answer of `start` must not depend on scheduling: both runs start at planned[0].
    const measured = play(real, script, planned);
    await measured.done;
    const readings = measured.seen.map(({ nowMs }) => nowMs);
    const virtual = new VirtualClock(settle, startMs);
    const replayed = play(virtual, { ...script, start: () => script.start(planned[0]!) }, readings);
    await virtual.run();
    await replayed.done;
    expect(replayed.seen).toEqual(measured.seen);
  });
});
