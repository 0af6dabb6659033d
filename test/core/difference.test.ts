import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  benjaminiHochberg,
  detectableDifference,
  differenceInterval,
  differenceOfIntervals,
  differenceOfReplicates,
  differenceP,
} from '../../src/core/difference.ts';
import { randomStreams } from '../../src/core/random.ts';
import { BATCHES, quantileInterval } from '../../src/core/statistics.ts';

describe('Welch over replicate runs', () => {
  // The worked example of Wikipedia's "Welch's t-test" (equal sizes): t = -2.46, 25.0 df, p = 0.021.
  const a = [27.5, 21, 19, 23.6, 17, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19, 21.7, 21.4];
  const b = [27.1, 22, 20.8, 23.4, 23.4, 23.5, 25.8, 22, 24.8, 20.2, 21.9, 22.1, 22.9, 20.5, 24.4];

  test('the worked example', () => {
    const difference = differenceOfReplicates(a, b)!;
    expect(difference.estimate / difference.errorUp).toBeCloseTo(2.46, 2);
    expect(difference.degreesOfFreedom).toBeCloseTo(25, 0);
    expect(differenceP(difference)).toBeCloseTo(0.021, 3);
  });

  test('a single run is given the spread of the other side', () => {
    const difference = differenceOfReplicates([1, 2, 3, 4, 5], [3])!;
    expect(difference).toMatchObject({ estimate: 0, degreesOfFreedom: 4 });
    // Variance 2.5, in a mean of five and in one.
    expect(difference.errorUp).toBeCloseTo(Math.sqrt(2.5 / 5 + 2.5), 12);
    expect(differenceOfReplicates([3], [1, 2, 3, 4, 5])!.errorUp).toBeCloseTo(
      difference.errorUp,
      12,
    );
    expect(differenceOfReplicates([1], [2])).toBeUndefined();
  });

  test('turning the sides round turns the sign', () => {
    const values = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), {
      minLength: 2,
      maxLength: 6,
    });
    fc.assert(
      fc.property(values, values, (left, right) => {
        const there = differenceInterval(differenceOfReplicates(left, right)!);
        const back = differenceInterval(differenceOfReplicates(right, left)!);
        expect(there.low).toBeCloseTo(-back.high, 9);
        expect(there.high).toBeCloseTo(-back.low, 9);
      }),
    );
  });

  test('equal runs: no difference, and no division by zero', () => {
    const same = differenceOfReplicates([5, 5, 5], [5, 5, 5])!;
    expect(differenceP(same)).toBe(1);
    expect(differenceInterval(same)).toEqual({ low: 0, high: 0 });
    expect(differenceP(differenceOfReplicates([5, 5, 5], [6, 6, 6])!)).toBe(0);
  });
});

test.for([
  { runs: 3, sd: 0.02, percent: 6.3 },
  { runs: 5, sd: 0.05, percent: 10.6 },
  { runs: 10, sd: 0.1, percent: 14.2 },
  { runs: 20, sd: 0.05, percent: 4.7 },
])(
  'the smallest effect that $runs runs with a spread of $sd show is $percent %',
  ({ percent, runs, sd }) => {
    const error = sd * Math.sqrt(2 / runs);
    const shown = detectableDifference({
      estimate: 0,
      errorDown: error,
      errorUp: error,
      degreesOfFreedom: 2 * runs - 2,
    });
    expect(Math.expm1(shown) * 100).toBeCloseTo(percent, 1);
  },
);

describe('the difference of two intervals', () => {
  const side = (value: number, down: number, up: number) => ({
    value,
    interval: { low: value - down, high: value + up },
  });

  test('even intervals add as the root of their squares', () => {
    const difference = differenceOfIntervals(side(10, 3, 3), side(20, 4, 4), 10);
    // t(0.975) of 9 and of about 16.5 degrees of freedom differ: 2.262 against 2.115.
    const { high, low } = differenceInterval({ ...difference, degreesOfFreedom: 9 });
    expect([low, high].map((each) => Number(each.toFixed(9)))).toEqual([5, 15]);
    expect(difference.degreesOfFreedom).toBeGreaterThan(9);
    expect(difference.degreesOfFreedom).toBeLessThanOrEqual(18);
  });

  test('uneven ones keep to their sides: up is the candidate up and the baseline down', () => {
    const { errorDown, errorUp } = differenceOfIntervals(side(0, 1, 100), side(0, 2, 3), 10);
    expect(errorUp / errorDown).toBeCloseTo(Math.hypot(3, 1) / Math.hypot(2, 100), 9);
  });

  test('a side that is not bounded bounds nothing on that side', () => {
    const difference = differenceOfIntervals(side(10, 1, Infinity), side(20, 1, 1), 10);
    expect(differenceInterval(difference).low).toBe(Number.NEGATIVE_INFINITY);
    expect(differenceInterval(difference).high).toBeLessThan(Infinity);
    expect(differenceP(difference)).toBe(1);
    expect(detectableDifference(difference)).toBe(Infinity);
  });
});

test('Benjamini and Hochberg 1995, their example: the first four of fifteen at 5 %', () => {
  const ps = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719,
    0.6528, 0.759, 1,
  ];
  const adjusted = benjaminiHochberg(ps);
  expect(adjusted.filter((p) => p <= 0.05)).toHaveLength(4);
  expect(adjusted[3]).toBeCloseTo(0.035_625, 9);
  expect(adjusted[4]).toBeCloseTo(0.0603, 9);
  // The order of the tests is nobody's business.
  expect(benjaminiHochberg(ps.toReversed())).toEqual(adjusted.toReversed());
  expect(benjaminiHochberg([])).toEqual([]);
});

describe('the same queue on both sides', () => {
  /** Times in a queue with one server at this use: successive ones depend on each other. */
  function sojourns(seed: string, use: number, count: number, slower = 1): number[] {
    const random = randomStreams(seed)('queue');
    let wait = 0;
    return Array.from({ length: count }, () => {
      const service = random.exponential(1) * slower;
      const total = wait + service;
      wait = Math.max(0, total - random.exponential(1 / use));
      return total;
    });
  }

  function shown(a: readonly number[], b: readonly number[]): boolean {
    const [baseline, candidate] = [a, b].map((values) => {
      const sorted = Float64Array.from(values).toSorted();
      const { high, low } = quantileInterval(values, 0.95)!;
      return {
        value: Math.log(sorted[Math.ceil(0.95 * values.length) - 1]!),
        interval: { low: Math.log(low), high: Math.log(high) },
      };
    }) as [
      Parameters<typeof differenceOfIntervals>[0],
      Parameters<typeof differenceOfIntervals>[0],
    ];
    return differenceP(differenceOfIntervals(baseline, candidate, BATCHES)) <= 0.05;
  }

  const PAIRS = 120;

  test.for([
    { why: 'half used', use: 0.5, most: 0.08 },
    { why: 'nearly full, where no method from one run reaches 5 %', use: 0.8, most: 0.12 },
  ])('$why: a difference is claimed rarely', ({ most, use }) => {
    let alarms = 0;
    for (let pair = 0; pair < PAIRS; pair += 1) {
      if (shown(sojourns(`a${pair}`, use, 3000), sojourns(`b${pair}`, use, 3000))) alarms += 1;
    }
    expect(alarms / PAIRS).toBeLessThanOrEqual(most);
  });

  test('taking requests for independent claims one in more than half of such pairs', () => {
    let alarms = 0;
    for (let pair = 0; pair < PAIRS; pair += 1) {
      const [a, b] = [sojourns(`a${pair}`, 0.8, 3000), sojourns(`b${pair}`, 0.8, 3000)];
      if (differenceP(differenceOfReplicates(a, b)!) <= 0.05) alarms += 1;
    }
    expect(alarms / PAIRS).toBeGreaterThan(0.5);
  });

  test('a service 30 % slower is found nearly always', () => {
    let found = 0;
    for (let pair = 0; pair < PAIRS; pair += 1) {
      if (shown(sojourns(`a${pair}`, 0.5, 3000), sojourns(`b${pair}`, 0.5, 3000, 1.3))) found += 1;
    }
    expect(found / PAIRS).toBeGreaterThan(0.9);
  });
});
