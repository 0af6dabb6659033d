import { describe, expect, test } from 'vitest';

import { Heap } from '../../src/core/heap.ts';
import { Random } from '../../src/core/random.ts';
import { logGamma, mean, sampleStd } from '../../src/core/statistics.ts';
import { createArrivals } from '../../src/mechanisms/arrivals.ts';
import { retryDelayMs } from '../../src/mechanisms/backoff.ts';
import type { Meter } from '../../src/mechanisms/meter.ts';
import { createProviderLimit } from '../../src/mechanisms/provider-limit.ts';
import type { Enforcement } from '../../src/mechanisms/provider-limit.ts';
import { TokenBucket } from '../../src/mechanisms/token-bucket.ts';
import { FixedWindow } from '../../src/mechanisms/windows.ts';

/** The requests-per-minute meter of a provider that checks it in the given way. */
function rpmMeter(rpm: number, enforcement: Enforcement): Meter {
  const { dimensions } = createProviderLimit('generic', { rpm }, 0, {
    enforcement: { rpm: enforcement },
  });
  return dimensions[0]!.meter;
}

/** Share of requests refused when Poisson fan-outs of `size` offer `load` of the limit, no retry. */
function refusedShare(
  meter: Meter,
  perSecond: number,
  size: number,
  requests: number,
  seed: string,
): number {
  const arrivals = createArrivals({ kind: 'batch', perSecond, size }, new Random(seed));
  let refused = 0;
  for (let index = 0; index < requests; index += 1) {
    if (!meter.take(arrivals.next()!, 1).admitted) refused += 1;
  }
  return refused / requests;
}

/** E[f(N)] for N = size × Poisson. */
function expectInWindow(size: number, meanRequests: number, f: (n: number) => number): number {
  const batches = meanRequests / size;
  const last = Math.ceil(batches + 12 * Math.sqrt(batches) + 30);
  let sum = 0;
  for (let count = 0; count <= last; count += 1) {
    // In logarithms: e to the minus 1,000 is nothing to a double.
    const probability = Math.exp(count * Math.log(batches) - batches - logGamma(count + 1));
    sum += probability * f(size * count);
  }
  return sum;
}

/** E[(N − C)+] / E[N] for N = size × Poisson. */
function refusedInWindow(capacity: number, size: number, meanRequests: number): number {
  return expectInWindow(size, meanRequests, (n) => Math.max(0, n - capacity)) / meanRequests;
}

/** Standard error of a simulated share: the tolerance of 0.2 points is more than three of them. */
const STANDARD_ERROR = 0.0006;

/**
 * Requests whose simulated share has that standard error when their mean rate is exactly right:
 * what the number in a window does not explain of its excess is all that is left to chance.
 */
function requestsFor(capacity: number, size: number, meanRequests: number): number {
  const share = refusedInWindow(capacity, size, meanRequests);
  const excess = (n: number): number => Math.max(0, n - capacity) - share * n;
  const expectation = (f: (n: number) => number): number => expectInWindow(size, meanRequests, f);
  const covariance = expectation((n) => excess(n) * (n - meanRequests));
  const rest = expectation((n) => excess(n) ** 2) - covariance ** 2 / (size * meanRequests);
  const windows = rest / (STANDARD_ERROR * meanRequests) ** 2;
  return Math.ceil(Math.max(20_000, windows * meanRequests));
}

/** Times of Poisson fan-outs. */
function fanOuts(count: number, size: number, seed: string): Float64Array {
  const spec = { kind: 'batch', perSecond: 1000, size } as const;
  const arrivals = createArrivals(spec, new Random(seed));
  const times = new Float64Array(count);
  for (let index = 0; index < count; index += 1) times[index] = arrivals.next()!;
  return times;
}

/** Share refused of the first `count` of these times, stretched to exactly `perMs` on average. */
function refusedShareOf(meter: Meter, times: Float64Array, count: number, perMs: number): number {
  const stretch = count / times[count - 1]! / perMs;
  let refused = 0;
  for (let index = 0; index < count; index += 1) {
    if (!meter.take(times[index]! * stretch, 1).admitted) refused += 1;
  }
  return refused / count;
}

/** Two significant digits in percent; below 0.005 % it is 0. Three digits where the table has them. */
function printed(share: number): number {
  const percent = share * 100;
  return percent < 0.005 ? 0 : Number(percent.toPrecision(2));
}

const LOADS = [0.5, 0.6, 0.7, 0.8, 0.9, 1];

// Published blocking table: limit RPM, window s, fan-out, percent refused at 50 to 100 % load.
const TABLE: readonly (readonly [
  rpm: number,
  windowS: number,
  size: number,
  percent: readonly number[],
])[] = [
  [60, 1, 1, [21, 25, 28, 31, 34, 37]],
  [60, 1, 5, [81, 81, 81, 82, 82, 82]],
  [60, 60, 1, [0, 0, 0.023, 0.3, 1.7, 5.1]],
  [60, 60, 5, [0.24, 0.85, 2.2, 4.4, 7.5, 11]],
  [500, 1, 1, [0.39, 1.1, 2.4, 4.3, 7, 10]],
  [500, 1, 5, [13, 16, 19, 22, 25, 28]],
  [500, 60, 5, [0, 0, 0, 0.065, 0.83, 4]],
  [1000, 1, 1, [0.05, 0.28, 0.98, 2.5, 5.1, 8.8]],
  [1000, 1, 5, [5.4, 8, 11, 14, 18, 21]],
  [1000, 1, 10, [15, 18, 21, 25, 28, 30]],
  [1000, 10, 1, [0, 0, 0, 0.0067, 0.33, 3]],
  [1000, 10, 5, [0, 0.024, 0.21, 1, 3.1, 6.8]],
  [1000, 60, 1, [0, 0, 0, 0, 0, 1.3]],
  [1000, 60, 5, [0, 0, 0, 0, 0.24, 2.8]],
  [5000, 1, 1, [0, 0, 0, 0.097, 0.94, 4]],
  [5000, 1, 5, [0.063, 0.33, 1.1, 2.8, 5.6, 9.4]],
  [10_000, 1, 1, [0, 0, 0, 0.0067, 0.33, 3]],
  [10_000, 1, 5, [0, 0.024, 0.21, 1, 3.1, 6.8]],
];

describe('refused share by window, fan-out and load', () => {
  test('the closed form prints the table', () => {
    for (const [rpm, windowS, size, percent] of TABLE) {
      const capacity = Math.ceil((rpm * windowS) / 60);
      const row = LOADS.map((load) =>
        printed(refusedInWindow(capacity, size, (load * rpm * windowS) / 60)),
      );
      expect({ rpm, windowS, size, row }).toEqual({ rpm, windowS, size, row: percent });
    }
  });

  test.for(TABLE.map(([rpm, windowS, size], row) => ({ rpm, windowS, size, row })))(
    '$rpm RPM in windows of $windowS s, fan-out $size: simulation within 0.2 points',
    ({ rpm, windowS, size, row }) => {
      const capacity = Math.ceil((rpm * windowS) / 60);
      const cases = LOADS.map((load) => {
        const meanRequests = (load * rpm * windowS) / 60;
        const requests = requestsFor(capacity, size, meanRequests);
        return { load, meanRequests, requests };
      });
      // One stream for all loads: drawing it costs more than the limiter.
      const longest = Math.max(...cases.map(({ requests }) => requests));
      const times = fanOuts(longest, size, `row ${row}`);
      for (const { load, meanRequests, requests } of cases) {
        const meter = rpmMeter(rpm, { kind: 'fixed', windowMs: windowS * 1000 });
        expect(meter.limit).toBe(capacity);
        const expected = refusedInWindow(capacity, size, meanRequests);
        const share = refusedShareOf(meter, times, requests, (load * rpm) / 60_000);
        expect(Math.abs(share - expected)).toBeLessThan(0.002);
      }
    },
  );

  test('floor instead of ceil matters: 16 instead of 17 per second', () => {
    const percent = [0.5, 0.7, 0.8, 0.9].map((load) =>
      printed(refusedInWindow(16, 1, (load * 1000) / 60)),
    );
    expect(percent).toEqual([0.12, 1.7, 3.9, 7.4]);
  });

  test('a bucket that holds a full minute refuses nothing below 100 % at 1,000 RPM', () => {
    for (const load of [0.5, 0.8, 0.9]) {
      expect(
        refusedShare(
          rpmMeter(1000, { kind: 'bucket' }),
          (load * 1000) / 60,
          1,
          300_000,
          `full/${load}`,
        ),
      ).toBe(0);
    }
  });

  test('strict spacing at 60 RPM with a fan-out of 5 refuses over 80 % at any load', () => {
    for (const load of [0.3, 0.5, 0.9]) {
      const meter = rpmMeter(60, { kind: 'bucket', burstMs: 1000 });
      expect(refusedShare(meter, load, 5, 100_000, `strict/${load}`)).toBeGreaterThan(0.8);
    }
  });
});

describe('token bucket under fan-out', () => {
  const RPM = 600;
  const SPREAD_MS = 500;
  const RUNS = 4;
  const LOADS_RUN = [0.7, 0.95];
  const bucketOf = (seconds: number): TokenBucket =>
    new TokenBucket({ capacity: (RPM / 60) * seconds, refillPerSecond: RPM / 60 }, 0);

  /** Requests of several runs of six hours; drawn once for all limiters of a fan-out and load. */
  const streams = new Map<string, readonly Float64Array[]>();

  function streamsOf(load: number, size: number): readonly Float64Array[] {
    const name = `fan/${size}/${load}`;
    const known = streams.get(name);
    if (known !== undefined) return known;
    const spec = {
      kind: 'batch',
      perSecond: (load * RPM) / 60,
      size,
      spreadMs: SPREAD_MS,
    } as const;
    const drawn = Array.from({ length: RUNS }, (_, run) => {
      const arrivals = createArrivals(spec, new Random(`${name}/${run}`));
      const times = new Float64Array(Math.round(load * RPM * 360));
      for (let index = 0; index < times.length; index += 1) times[index] = arrivals.next()!;
      return times;
    });
    streams.set(name, drawn);
    return drawn;
  }

  /** Percent refused in each run. */
  function runs(create: () => Meter, load: number, size: number): number[] {
    return streamsOf(load, size).map((times) => {
      const meter = create();
      let refused = 0;
      for (const atMs of times) if (!meter.take(atMs, 1).admitted) refused += 1;
      return (100 * refused) / times.length;
    });
  }

  /** The published figure is one run of six hours, so it must lie among ours: mean ± 4 sigma. */
  function expectAmong(percent: readonly number[], published: number): void {
    const spread = Math.max(0.1, 4 * sampleStd(percent));
    expect(Math.abs(mean(percent) - published)).toBeLessThan(spread + 0.05);
  }

  // Percent refused at 70 and 95 % load by bucket capacity in seconds of refill.
  test.for([
    { size: 1, seconds: 1, percent: [0.1, 3.1] },
    { size: 8, seconds: 1, percent: [15.6, 23.7] },
    { size: 8, seconds: 6, percent: [0.24, 4.6] },
    { size: 32, seconds: 1, percent: [62.3, 64.2] },
    { size: 32, seconds: 6, percent: [11.8, 20.5] },
    { size: 32, seconds: 60, percent: [0, 1.3] },
  ])('fan-out $size into $seconds s of refill', ({ size, seconds, percent }) => {
    for (const [index, load] of LOADS_RUN.entries()) {
      expectAmong(
        runs(() => bucketOf(seconds), load, size),
        percent[index]!,
      );
    }
  });

  test.for([
    { size: 1, percent: [0, 0.25] },
    { size: 8, percent: [0, 2.7] },
    { size: 32, percent: [1.5, 8.2] },
  ])('fan-out $size into fixed minutes', ({ size, percent }) => {
    for (const [index, load] of LOADS_RUN.entries()) {
      const create = (): Meter => new FixedWindow({ limit: RPM, windowMs: 60_000 });
      expectAmong(runs(create, load, size), percent[index]!);
    }
  });
});

interface RetryOutcome {
  readonly first: number;
  readonly failed: number;
  readonly attempts: number;
}

/** Calls with two SDK retries against one limit. */
function withRetries(meter: Meter, perSecond: number, calls: number): RetryOutcome {
  const arrivals = createArrivals({ kind: 'poisson', perSecond }, new Random('retry/arrivals'));
  const jitter = new Random('retry/jitter');
  const due = new Heap<number>(); // number of the attempt
  let arrived = 0;
  let attempts = 0;
  let refusedFirst = 0;
  let failed = 0;
  due.push(arrivals.next()!, 1);
  while (due.size > 0) {
    const nowMs = due.peekKey()!;
    const attempt = due.pop()!;
    if (attempt === 1) {
      arrived += 1;
      if (arrived < calls) due.push(arrivals.next()!, 1);
    }
    attempts += 1;
    if (meter.take(nowMs, 1).admitted) continue;
    if (attempt === 1) refusedFirst += 1;
    const delayMs = retryDelayMs(
      'python',
      { attempt, status: 429, headers: {}, nowEpochMs: nowMs },
      jitter,
    );
    if (delayMs === undefined) failed += 1;
    else due.push(nowMs + delayMs, attempt + 1);
  }
  return { first: refusedFirst / calls, failed: failed / calls, attempts: attempts / calls };
}

describe('two retries against 1,000 RPM', () => {
  const calls = 200_000;

  test.for([
    { load: 0.8, first: 3.9, failed: 0.06, attempts: 1.04 },
    { load: 0.9, first: 11, failed: 0.46, attempts: 1.11 },
    { load: 0.95, first: 17, failed: 1.3, attempts: 1.19 },
    { load: 1, first: 25, failed: 2.9, attempts: 1.29 },
    { load: 1.1, first: 42, failed: 8.3, attempts: 1.54 },
    { load: 1.2, first: 55, failed: 15, attempts: 1.75 },
    { load: 1.5, first: 71, failed: 32, attempts: 2.13 },
  ])('windows of 1 s at load $load', ({ load, first, failed, attempts }) => {
    const outcome = withRetries(
      rpmMeter(1000, { kind: 'fixed', windowMs: 1000 }),
      (load * 1000) / 60,
      calls,
    );
    expect(Math.abs(outcome.first * 100 - first)).toBeLessThan(1);
    expect(Math.abs(outcome.failed * 100 - failed)).toBeLessThan(0.6);
    expect(Math.abs(outcome.attempts - attempts)).toBeLessThan(0.02);
  });

  test.for([
    { load: 0.8, first: 0, failed: 0, attempts: 1 },
    { load: 0.95, first: 0, failed: 0, attempts: 1 },
    { load: 1.1, first: 37, failed: 9.1, attempts: 1.56 },
    { load: 1.2, first: 52, failed: 17, attempts: 1.81 },
    { load: 1.5, first: 69, failed: 33, attempts: 2.16 },
  ])('a full minute of burst at load $load', ({ load, first, failed, attempts }) => {
    const outcome = withRetries(rpmMeter(1000, { kind: 'bucket' }), (load * 1000) / 60, calls);
    expect(Math.abs(outcome.first * 100 - first)).toBeLessThan(2);
    expect(Math.abs(outcome.failed * 100 - failed)).toBeLessThan(1);
    expect(Math.abs(outcome.attempts - attempts)).toBeLessThan(0.04);
  });
});
