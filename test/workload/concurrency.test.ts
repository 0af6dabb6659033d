import { array, assert, integer, property, tuple } from 'fast-check';
import { describe, expect, it, test } from 'vitest';

import { concurrency, maxOverlap } from '../../src/workload/concurrency.ts';
import { spearman } from '../../src/workload/rank-correlation.ts';

function sweep(intervals: readonly (readonly [number, number])[]): ReturnType<typeof concurrency> {
  return concurrency(
    Float64Array.from(intervals, ([start]) => start),
    Float64Array.from(intervals, ([, end]) => end),
  );
}

describe('concurrency', () => {
  test.for([
    { why: 'nothing is unknown, not zero', intervals: [], result: null },
    {
      why: 'one after the other',
      intervals: [
        [0, 1],
        [1, 2],
      ],
      result: { mean: 1, peak: 1 },
    },
    {
      why: 'an overlap of half',
      intervals: [
        [0, 2],
        [1, 3],
      ],
      result: { mean: 4 / 3, peak: 2 },
    },
    {
      why: 'idle time lowers the mean',
      intervals: [
        [0, 1],
        [3, 4],
      ],
      result: { mean: 0.5, peak: 1 },
    },
    {
      why: 'no length holds nothing',
      intervals: [
        [1, 1],
        [0, 2],
      ],
      result: { mean: 1, peak: 1 },
    },
    { why: 'only points', intervals: [[1, 1]], result: { mean: 0, peak: 0 } },
  ] as const)('$why', ({ intervals, result }) => expect(sweep(intervals)).toEqual(result));

  it('agrees with counting at every start', () => {
    const interval = tuple(integer({ min: 0, max: 20 }), integer({ min: 0, max: 9 })).map(
      ([start, length]) => [start, start + length] as const,
    );
    assert(
      property(array(interval, { minLength: 1 }), (intervals) => {
        const counted = intervals.map(
          ([at]) => intervals.filter(([start, end]) => start <= at && at < end).length,
        );
        expect(sweep(intervals)!.peak).toBe(Math.max(...counted));
        expect(maxOverlap(intervals)).toBe(Math.max(...counted));
      }),
    );
  });
});

describe('spearman', () => {
  test.for([
    { why: 'same order', a: [1, 2, 3, 10], b: [5, 6, 7, 8], rho: 1 },
    { why: 'opposite order', a: [1, 2, 3], b: [3, 2, 1], rho: -1 },
    // Ranks 1 2.5 2.5 4 5 and 2 1 4 4 4, centre 3: 5.5 / sqrt(9.5 * 8).
    {
      why: 'ties get mean ranks',
      a: [1, 2, 2, 3, 5],
      b: [2, 1, 4, 4, 4],
      rho: 5.5 / Math.sqrt(76),
    },
  ])('$why', ({ a, b, rho }) => {
    expect(spearman(Float64Array.from(a), Float64Array.from(b))).toBeCloseTo(rho, 9);
  });

  test.for([
    { why: 'two pairs say nothing', a: [1, 2], b: [1, 2] },
    { why: 'no variation', a: [1, 1, 1], b: [1, 2, 3] },
  ])('$why', ({ a, b }) => {
    expect(spearman(Float64Array.from(a), Float64Array.from(b))).toBeNull();
  });
});
