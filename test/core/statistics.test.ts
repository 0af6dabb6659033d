import { array, assert, double, integer, property } from 'fast-check';
import { describe, expect, it, test } from 'vitest';

import { Random } from '../../src/core/random.ts';
import {
  batchMeansInterval,
  erlangB,
  erlangC,
  indexOfDispersion,
  logGamma,
  mean,
  meanInterval,
  normalCdf,
  normalQuantile,
  populationStd,
  quantileInterval,
  quantileSorted,
  regularisedBeta,
  sampleStd,
  tQuantile,
  wilsonInterval,
} from '../../src/core/statistics.ts';

describe('quantileSorted (type 7)', () => {
  test.for([
    { why: 'a single value', values: [3], q: 0.95, value: 3 },
    { why: 'the ends', values: [1, 2, 9], q: 1, value: 9 },
    { why: 'between ranks', values: [1, 2, 3, 4], q: 0.5, value: 2.5 },
    // numpy.percentile([15, 20, 35, 40, 50], 40) = 29
    { why: 'the textbook example', values: [15, 20, 35, 40, 50], q: 0.4, value: 29 },
  ])('$why', ({ values, q, value }) => expect(quantileSorted(values, q)).toBeCloseTo(value, 12));
});

describe('moments', () => {
  it('divide by n and by n - 1', () => {
    expect(mean([2, 4, 4, 4, 5, 5, 7, 9])).toBe(5);
    expect(populationStd([2, 4, 4, 4, 5, 5, 7, 9])).toBe(2);
    expect(sampleStd([1, 2, 3, 4])).toBeCloseTo(Math.sqrt(5 / 3), 12);
  });
});

describe('normal distribution', () => {
  // Standard values (Abramowitz and Stegun; R qnorm with 15 digits).
  test.for([
    [0.5, 0],
    [0.975, 1.959_963_984_540_054],
    [0.995, 2.575_829_303_548_9],
    [0.8, 0.841_621_233_572_914],
    [0.001, -3.090_232_306_167_813],
    [1e-5, -4.264_890_793_922_825],
  ] as const)('quantile of %d', ([p, z]) => expect(normalQuantile(p)).toBeCloseTo(z, 9));

  test.for([
    [0, 0.5],
    [1, 0.841_344_746_068_542_9],
    [-2, 0.022_750_131_948_179_2],
    [-6, 9.865_876_450_376_98e-10],
  ] as const)('distribution at %d', ([z, p]) => {
    expect(Math.abs(normalCdf(z) / p - 1)).toBeLessThan(1e-9);
  });

  it('quantile and distribution undo each other', () => {
    assert(
      property(double({ min: 1e-8, max: 1 - 1e-8, noNaN: true }), (p) => {
        expect(Math.abs(normalCdf(normalQuantile(p)) - p)).toBeLessThan(1e-9);
      }),
    );
  });

  it('has infinite ends', () => {
    expect(normalQuantile(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(normalQuantile(1)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('Student t', () => {
  test.for([
    [2, 4.302_653],
    [4, 2.776_445],
    [8, 2.306_004],
    [9, 2.262_157],
    [14, 2.144_787],
    [18, 2.100_922],
    [19, 2.093_024],
    [29, 2.045_23],
  ] as const)('97.5 %% quantile with %d degrees of freedom', ([df, t]) => {
    expect(tQuantile(0.975, df)).toBeCloseTo(t, 6);
    expect(tQuantile(0.025, df)).toBeCloseTo(-t, 6);
  });

  it('is a Cauchy with one degree and nearly normal with many', () => {
    expect(tQuantile(0.975, 1)).toBeCloseTo(Math.tan(Math.PI * 0.475), 9);
    expect(tQuantile(0.975, 1e7)).toBeCloseTo(1.959_964, 5);
    expect(tQuantile(0.5, 3)).toBe(0);
  });
});

describe('special functions', () => {
  it('logGamma follows the factorials and the half integers', () => {
    let factorial = 1;
    for (let n = 1; n <= 20; n += 1) {
      expect(logGamma(n)).toBeCloseTo(Math.log(factorial), 11);
      factorial *= n;
    }
    expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 12);
    expect(logGamma(0.1)).toBeCloseTo(2.252_712_651_734_206, 12);
  });

  it('regularisedBeta has its closed forms and symmetry', () => {
    const inside = double({ min: 0.01, max: 0.99, noNaN: true });
    const shape = double({ min: 0.2, max: 50, noNaN: true });
    assert(
      property(inside, shape, shape, (x, a, b) => {
        expect(regularisedBeta(x, 1, b)).toBeCloseTo(1 - (1 - x) ** b, 10);
        expect(regularisedBeta(x, a, 1)).toBeCloseTo(x ** a, 10);
        expect(regularisedBeta(x, a, b)).toBeCloseTo(1 - regularisedBeta(1 - x, b, a), 10);
      }),
    );
    expect(regularisedBeta(0, 2, 3)).toBe(0);
    expect(regularisedBeta(1, 2, 3)).toBe(1);
  });
});

describe('Wilson interval', () => {
  test.for([
    { successes: 23, trials: 1000, low: 0.015_374, high: 0.034_276 },
    { successes: 0, trials: 100, low: 0, high: 0.036_993 },
    { successes: 100, trials: 100, low: 1 - 0.036_993, high: 1 },
  ])('$successes of $trials', ({ successes, trials, low, high }) => {
    const interval = wilsonInterval(successes, trials);
    expect(interval.low).toBeCloseTo(low, 6);
    expect(interval.high).toBeCloseTo(high, 6);
  });

  it('knows nothing without trials', () => {
    expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 });
  });

  it('holds the share', () => {
    assert(
      property(integer({ min: 1, max: 5000 }), double({ min: 0, max: 1, noNaN: true }), (n, p) => {
        const successes = Math.round(n * p);
        const { low, high } = wilsonInterval(successes, n);
        expect(low).toBeLessThanOrEqual(successes / n + 1e-12);
        expect(high).toBeGreaterThanOrEqual(successes / n - 1e-12);
      }),
    );
  });
});

describe('intervals for means', () => {
  it('of independent values is the t interval', () => {
    const { low, high } = meanInterval([1, 2, 3, 4, 5]);
    // 3 ± t(0.975, 4) · sqrt(2.5) / sqrt(5)
    expect(high - 3).toBeCloseTo(2.776_445 * Math.sqrt(0.5), 5);
    expect(3 - low).toBeCloseTo(high - 3, 12);
    expect(meanInterval([1])).toEqual({ low: -Infinity, high: Infinity });
  });

  it('needs ten values for batches and uses all of them', () => {
    expect(batchMeansInterval([1, 2, 3])).toBeUndefined();
    const flat = batchMeansInterval(Array.from({ length: 109 }, () => 7))!;
    expect(flat).toEqual({ low: 7, high: 7 });
  });
});

describe('indicator batch means on queue latencies (M/G/1, rho 0.5)', () => {
  const p95 = trueP95();

  it('covers the true p95 where independence does not', () => {
    let batches = 0;
    let independent = 0;
    const trials = 150;
    for (let trial = 0; trial < trials; trial += 1) {
      const values = sojournTimes(`trial ${trial}`, 7000).subarray(2000);
      const { low, high } = quantileInterval(values, 0.95)!;
      if (low <= p95 && p95 <= high) batches += 1;
      const [from, to] = orderStatisticInterval(values, 0.95);
      if (from <= p95 && p95 <= to) independent += 1;
    }
    // Published: 96 % against 49 %; three standard errors of 150 trials are 5 and 12 points.
    expect(batches / trials).toBeGreaterThan(0.9);
    expect(independent / trials).toBeLessThan(0.65);
  });

  it('is unbounded above when the run is too short', () => {
    const { high } = quantileInterval(sojournTimes('short', 60), 0.95)!;
    expect(high).toBe(Number.POSITIVE_INFINITY);
    expect(quantileInterval([1, 2, 3], 0.95)).toBeUndefined();
  });
});

/** Lindley's recursion: Poisson arrivals, log-normal service of mean 1 and CV 1. */
function sojournTimes(seed: string, count: number): Float64Array {
  const random = new Random(seed);
  const sigma = Math.sqrt(Math.log(2));
  const times = new Float64Array(count);
  let wait = 0;
  for (let index = 0; index < count; index += 1) {
    const service = random.logNormal(-(sigma ** 2) / 2, sigma);
    times[index] = wait + service;
    wait = Math.max(0, wait + service - random.exponential(2));
  }
  return times;
}

function trueP95(): number {
  return quantileSorted(sojournTimes('truth', 2_000_000).toSorted(), 0.95);
}

function orderStatisticInterval(values: Float64Array, q: number): [number, number] {
  const sorted = values.toSorted();
  const half = 1.96 * Math.sqrt(values.length * q * (1 - q));
  return [
    sorted[Math.floor(values.length * q - half)]!,
    sorted[Math.ceil(values.length * q + half)]!,
  ];
}

describe('index of dispersion', () => {
  it('is the variance over the mean', () => {
    expect(indexOfDispersion([1, 3])).toBeCloseTo(0.5, 12);
    expect(indexOfDispersion([0, 0])).toBeNaN();
  });

  it('does not depend on order', () => {
    assert(
      property(array(integer({ min: 0, max: 50 }), { minLength: 1 }), (counts) => {
        const [a, b] = [indexOfDispersion(counts), indexOfDispersion(counts.toReversed())];
        expect(Number.isNaN(a) ? 0 : a).toBeCloseTo(Number.isNaN(b) ? 0 : b, 9);
      }),
    );
  });
});

describe('Erlang', () => {
  test.for([
    { servers: 1, load: 0.8, wait: 0.8 },
    { servers: 8, load: 6.4, wait: 0.457_645 },
    { servers: 8, load: 7.2, wait: 0.701_533 },
    { servers: 32, load: 28.8, wait: 0.458_197 },
    { servers: 64, load: 44.8, wait: 0.004_413 },
  ])('C($servers, $load)', ({ servers, load, wait }) => {
    expect(erlangC(servers, load)).toBeCloseTo(wait, 6);
  });

  it('B of one server is load over one plus load', () => {
    expect(erlangB(1, 3)).toBeCloseTo(0.75, 12);
    expect(erlangB(0, 3)).toBe(1);
  });
});
