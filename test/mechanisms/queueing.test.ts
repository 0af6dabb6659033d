import { describe, expect, test } from 'vitest';

import { Heap } from '../../src/core/heap.ts';
import { Random } from '../../src/core/random.ts';
import { erlangB, erlangC, meanInterval } from '../../src/core/statistics.ts';
import { createArrivals } from '../../src/mechanisms/arrivals.ts';
import type { ArrivalSpec } from '../../src/mechanisms/arrivals.ts';
import { BatchingEngine } from '../../src/mechanisms/batching.ts';
import { ConcurrencyLimit } from '../../src/mechanisms/concurrency-limit.ts';
import { PriorityQueue } from '../../src/mechanisms/priority-queue.ts';
import { TokenBucket } from '../../src/mechanisms/token-bucket.ts';

/** Replications per estimate; the interval over them is at 99.9 %, so a correct model passes. */
const RUNS = 10;
const CONFIDENCE = 0.999;

interface Outcome {
  readonly meanWaitMs: number;
  readonly waitShare: number;
  /** Time average of calls present, and what Little's law says it is. */
  readonly present: number;
  readonly arrivalRate: number;
  readonly meanTimeMs: number;
}

/** Calls of one class wait in a PriorityQueue for one of `servers` places of a ConcurrencyLimit. */
function queue(
  spec: ArrivalSpec,
  serviceMs: (random: Random) => number,
  servers: number,
  seed: string,
  customers = 40_000,
): Outcome {
  const random = new Random(`${seed}/service`);
  const arrivals = createArrivals(spec, new Random(`${seed}/arrivals`));
  const places = new ConcurrencyLimit({ limit: servers });
  const waiting = new PriorityQueue<number>({ agingMs: 1000 });
  const events = new Heap<number>(); // arrival time of the call that ends; -1 is an arrival
  const warmUp = customers / 10;
  let waitSum = 0;
  let waited = 0;
  let timeSum = 0;
  let arrived = 0;
  let ended = 0;
  let present = 0;
  let area = 0;
  let lastMs = 0;
  const start = (nowMs: number, arrivedMs: number): void => {
    places.force(nowMs, 1);
    ended += 1;
    if (ended > warmUp) {
      waitSum += nowMs - arrivedMs;
      if (nowMs > arrivedMs) waited += 1;
    }
    events.push(nowMs + serviceMs(random), arrivedMs);
  };
  events.push(arrivals.next()!, -1);
  while (events.size > 0) {
    const nowMs = events.peekKey()!;
    const arrivedMs = events.pop()!;
    area += present * (nowMs - lastMs);
    lastMs = nowMs;
    if (arrivedMs < 0) {
      arrived += 1;
      present += 1;
      if (places.waitMs(nowMs, 1) === 0 && waiting.size === 0) start(nowMs, nowMs);
      else waiting.push(nowMs, nowMs, { priority: 0 });
      if (arrived < customers) events.push(arrivals.next()!, -1);
    } else {
      present -= 1;
      timeSum += nowMs - arrivedMs;
      places.give(nowMs, 1);
      const next = waiting.pop(nowMs);
      if (next !== undefined) start(nowMs, next);
    }
  }
  const counted = customers - warmUp;
  return {
    meanWaitMs: waitSum / counted,
    waitShare: waited / counted,
    present: area / lastMs,
    arrivalRate: customers / lastMs,
    meanTimeMs: timeSum / customers,
  };
}

function replicate(run: (seed: string) => number): { low: number; high: number } {
  const values = Array.from({ length: RUNS }, (_, index) => run(`run-${index}`));
  return meanInterval(values, CONFIDENCE);
}

describe('M/M/c against Erlang C', () => {
  test.for([
    { servers: 1, load: 0.8 },
    { servers: 8, load: 6.4 },
    { servers: 8, load: 7.2 },
    { servers: 32, load: 28.8 },
  ])('$servers servers, $load erlangs', ({ servers, load }) => {
    const spec = { kind: 'poisson', perSecond: load } as const;
    const run = (seed: string): Outcome => queue(spec, (r) => r.exponential(1000), servers, seed);
    const waitShare = erlangC(servers, load);
    const share = replicate((seed) => run(seed).waitShare);
    expect(share.low).toBeLessThan(waitShare);
    expect(share.high).toBeGreaterThan(waitShare);
    const waitMs = (waitShare * 1000) / (servers - load);
    const wait = replicate((seed) => run(seed).meanWaitMs);
    expect(wait.low).toBeLessThan(waitMs);
    expect(wait.high).toBeGreaterThan(waitMs);
  });
});

describe("Little's law holds on every path", () => {
  test.for<{ why: string; spec: ArrivalSpec }>([
    { why: 'poisson', spec: { kind: 'poisson', perSecond: 6 } },
    { why: 'bursty gamma', spec: { kind: 'gamma', perSecond: 6, cv: 3 } },
    { why: 'fan-out', spec: { kind: 'batch', perSecond: 6, size: 8 } },
    {
      why: 'self-exciting',
      spec: { kind: 'self-exciting', perSecond: 6, branching: 0.5, decayMs: 500 },
    },
  ])('$why', ({ spec }) => {
    const outcome = queue(spec, (r) => r.logNormal(6.4, 1), 8, 'little', 5000);
    expect(outcome.present).toBeCloseTo(outcome.arrivalRate * outcome.meanTimeMs, 6);
  });

  test('also for the batching engine: running sequences = rate × time in the engine', () => {
    const engine = new BatchingEngine({
      maxNumSeqs: 64,
      maxNumBatchedTokens: 512,
      kvBlocks: 4000,
      stepTimeMs: (step) => 5 + 0.02 * step.prefillTokens + 0.05 * step.decodeSeqs,
    });
    const arrivals = createArrivals(
      { kind: 'poisson', perSecond: 20 },
      new Random('little/engine'),
    );
    const since = new Map<object, number>();
    let timeSum = 0;
    let present = 0;
    let area = 0;
    let lastMs = 0;
    const pass = (nowMs: number): void => {
      area += present * (nowMs - lastMs);
      lastMs = nowMs;
    };
    const sink = {
      token: () => {},
      finish: (request: object, atMs: number) => {
        pass(atMs);
        present -= 1;
        timeSum += atMs - since.get(request)!;
      },
    };
    const requests = 2000;
    for (let index = 0; index < requests; index += 1) {
      const atMs = arrivals.next()!;
      engine.advanceInto(atMs, sink);
      const request = {
        promptTokens: 100 + (index % 7) * 60,
        outputTokens: 20 + (index % 11) * 10,
      };
      pass(atMs);
      present += 1;
      since.set(request, atMs);
      engine.submit(atMs, request);
    }
    engine.advanceInto(Number.POSITIVE_INFINITY, sink);
    expect(present).toBe(0);
    expect(area / lastMs).toBeCloseTo((requests / lastMs) * (timeSum / requests), 6);
  });
});

describe('M/D/1', () => {
  const pollaczekKhinchine = (load: number, serviceMs: number): number =>
    (load * serviceMs) / (2 * (1 - load));

  test.for([0.5, 0.8])('the queue at load %d', (load) => {
    const spec = { kind: 'poisson', perSecond: load } as const;
    const wait = replicate((seed) => queue(spec, () => 1000, 1, seed).meanWaitMs);
    expect(wait.low).toBeLessThan(pollaczekKhinchine(load, 1000));
    expect(wait.high).toBeGreaterThan(pollaczekKhinchine(load, 1000));
  });

  test.for([0.5, 0.8])('the batching engine with one place and a fixed step at load %d', (load) => {
    const stepMs = 10;
    const run = (seed: string): number => {
      const engine = new BatchingEngine({
        maxNumSeqs: 1,
        maxNumBatchedTokens: 100,
        kvBlocks: 100,
        stepTimeMs: () => stepMs,
      });
      const spec = { kind: 'poisson', perSecond: (load * 1000) / stepMs } as const;
      const arrivals = createArrivals(spec, new Random(seed));
      const since = new Map<object, number>();
      let sum = 0;
      let count = 0;
      const sink = {
        token: () => {},
        finish: (request: object, atMs: number) => {
          count += 1;
          if (count > 3000) sum += atMs - since.get(request)! - stepMs;
          since.delete(request);
        },
      };
      for (let index = 0; index < 30_000; index += 1) {
        const atMs = arrivals.next()!;
        engine.advanceInto(atMs, sink);
        const request = { promptTokens: 10, outputTokens: 1 };
        since.set(request, atMs);
        engine.submit(atMs, request);
      }
      engine.advanceInto(Number.POSITIVE_INFINITY, sink);
      return sum / (count - 3000);
    };
    const wait = replicate(run);
    expect(wait.low).toBeLessThan(pollaczekKhinchine(load, stepMs));
    expect(wait.high).toBeGreaterThan(pollaczekKhinchine(load, stepMs));
  });
});

describe('M/G/1', () => {
  test.for([
    { why: 'gamma service, cv 0.5', load: 0.7, cv: 0.5 },
    { why: 'gamma service, cv 1: M/M/1', load: 0.7, cv: 1 },
    { why: 'gamma service, cv 1.5: heavier than exponential', load: 0.6, cv: 1.5 },
  ])('Pollaczek-Khinchine: $why', ({ cv, load }) => {
    const meanMs = 1000;
    const service = (random: Random): number => random.gamma(1 / cv ** 2, meanMs * cv ** 2);
    const spec = { kind: 'poisson', perSecond: load } as const;
    const wait = replicate((seed) => queue(spec, service, 1, seed).meanWaitMs);
    const expected = (load * meanMs * (1 + cv ** 2)) / (2 * (1 - load));
    expect(wait.low).toBeLessThan(expected);
    expect(wait.high).toBeGreaterThan(expected);
    expect((wait.high - wait.low) / expected).toBeLessThan(0.4);
  });
});

/**
 * Loss of M/D/1/K (K counts the one in service): (1 − ρ)(1 − Q) / (1 − ρ(1 − Q)), Q the chance of
 * fewer than K in M/D/1 without bound (Crommelin 1932 for its distribution; ρ < 1).
 */
function lossMd1k(load: number, places: number): number {
  const cumulative = (n: number): number => {
    // P(N <= n) = (1 − ρ) Σ_{k=0..n} (−1)^(n−k) e^(kρ) (kρ)^(n−k) / (n−k)!
    let sum = 0;
    for (let k = 0; k <= n; k += 1) {
      let term = Math.exp(k * load);
      for (let j = 1; j <= n - k; j += 1) term *= (-k * load) / j;
      sum += term;
    }
    return (1 - load) * sum;
  };
  const q = cumulative(places - 1);
  return ((1 - load) * (1 - q)) / (1 - load * (1 - q));
}

describe('token bucket closed forms', () => {
  test('the formula itself: one place is Erlang loss', () => {
    for (const load of [0.3, 0.5, 0.9]) {
      expect(lossMd1k(load, 1)).toBeCloseTo(load / (1 + load), 12);
      expect(erlangB(1, load)).toBeCloseTo(load / (1 + load), 12);
    }
  });

  test.for([
    { why: 'strict spacing at 30 %: 23 % refused', capacity: 1, load: 0.3, printed: 0.23 },
    { why: 'strict spacing at 50 %: 33 % refused', capacity: 1, load: 0.5, printed: 0.33 },
    { why: 'strict spacing at 90 %: 47 % refused', capacity: 1, load: 0.9, printed: 0.47 },
    { why: 'a bucket of 2 is M/D/1/2', capacity: 2, load: 0.8, printed: undefined },
    { why: 'a bucket of 5 is M/D/1/5', capacity: 5, load: 0.9, printed: undefined },
    { why: 'a bucket of 10 is M/D/1/10', capacity: 10, load: 0.95, printed: undefined },
  ])('$why', ({ capacity, load, printed }) => {
    const expected = lossMd1k(load, capacity);
    if (printed !== undefined) assertRounds(expected, printed);
    const refused = replicate((seed) => {
      const bucket = new TokenBucket({ capacity, refillPerSecond: 1 }, 0);
      const arrivals = createArrivals({ kind: 'poisson', perSecond: load }, new Random(seed));
      let count = 0;
      for (let index = 0; index < 50_000; index += 1) {
        if (!bucket.take(arrivals.next()!, 1).admitted) count += 1;
      }
      return count / 50_000;
    });
    expect(refused.low).toBeLessThan(expected);
    expect(refused.high).toBeGreaterThan(expected);
  });

  test('envelope: a burst of B passes if and only if B <= tokens + rate × spread', () => {
    for (const [tokens, rate, spreadMs] of [
      [10, 5, 0],
      [10, 5, 2000],
      [3, 20, 500],
    ] as const) {
      const fits = (burst: number): boolean => {
        const bucket = new TokenBucket({ capacity: 50, refillPerSecond: rate, level: tokens }, 0);
        for (let index = 1; index <= burst; index += 1) {
          // The last call of the burst comes at the end of the spread: the hardest one to admit.
          const atMs = burst === 1 ? spreadMs : (spreadMs * (index - 1)) / (burst - 1);
          if (!bucket.take(atMs, 1).admitted) return false;
        }
        return true;
      };
      const most = tokens + (rate * spreadMs) / 1000;
      expect(fits(most)).toBe(true);
      expect(fits(most + 1)).toBe(false);
    }
  });
});

function assertRounds(value: number, printed: number): void {
  expect(Math.round(value * 100) / 100).toBe(printed);
}
