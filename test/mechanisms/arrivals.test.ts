import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Random } from '../../src/core/random.ts';
import { indexOfDispersion, mean, populationStd } from '../../src/core/statistics.ts';
import { createArrivals } from '../../src/mechanisms/arrivals.ts';
import type { ArrivalSpec } from '../../src/mechanisms/arrivals.ts';

function first(count: number, spec: ArrivalSpec, seed = 'test'): number[] {
  const arrivals = createArrivals(spec, new Random(seed));
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const atMs = arrivals.next();
    if (atMs === undefined) break;
    times.push(atMs);
  }
  return times;
}

function gaps(times: readonly number[]): number[] {
  return times.slice(1).map((atMs, index) => atMs - times[index]!);
}

test.for<{ why: string; spec: ArrivalSpec; times: number[] }>([
  {
    why: 'constant starts at 0 and keeps its spacing',
    spec: { kind: 'constant', perSecond: 4 },
    times: [0, 250, 500, 750],
  },
  {
    why: 'a burst arrives at one instant',
    spec: { kind: 'burst', size: 2, everyMs: 1000 },
    times: [0, 0, 1000, 1000],
  },
  {
    why: 'replay is sorted and ends',
    spec: { kind: 'replay', atMs: [30, 10, 20] },
    times: [10, 20, 30],
  },
  { why: 'rate 0 never arrives', spec: { kind: 'poisson', perSecond: 0 }, times: [] },
  {
    why: 'a burst of nobody never arrives',
    spec: { kind: 'burst', size: 0, everyMs: 1 },
    times: [],
  },
  {
    why: 'gamma without variation is constant',
    spec: { kind: 'gamma', perSecond: 2, cv: 0 },
    times: [0, 500, 1000, 1500],
  },
  {
    why: 'ramp from 0: the n-th arrival at sqrt(2n / slope)',
    spec: { kind: 'ramp', fromPerSecond: 0, toPerSecond: 10, durationMs: 5000 },
    times: [0, 1000, Math.sqrt(2) * 1000, Math.sqrt(3) * 1000],
  },
  {
    why: 'a flat ramp is constant',
    spec: { kind: 'ramp', fromPerSecond: 2, toPerSecond: 2, durationMs: 1000 },
    times: [0, 500, 1000, 1500],
  },
  {
    why: 'after the ramp the last rate stays',
    spec: { kind: 'ramp', fromPerSecond: 4, toPerSecond: 2, durationMs: 1000 },
    times: [0, 1000 * (2 - Math.sqrt(3)), 1000 * (2 - Math.sqrt(2)), 1000],
  },
])('$why', ({ spec, times }) => {
  const count = times.length === 3 && spec.kind === 'replay' ? 5 : 4;
  const got = first(count, spec);
  expect(got).toHaveLength(times.length);
  for (const [index, atMs] of times.entries()) expect(got[index]).toBeCloseTo(atMs, 6);
});

test('a ramp down to nothing ends', () => {
  const times = first(1000, { kind: 'ramp', fromPerSecond: 10, toPerSecond: 0, durationMs: 4000 });
  expect(times).toHaveLength(20);
  expect(times.at(-1)).toBeLessThanOrEqual(4000);
});

describe('moments', () => {
  const count = 100_000;
  test.for([
    { why: 'poisson', spec: { kind: 'poisson', perSecond: 50 } as ArrivalSpec, cv: 1 },
    {
      why: 'gamma cv 0.25',
      spec: { kind: 'gamma', perSecond: 50, cv: 0.25 } as ArrivalSpec,
      cv: 0.25,
    },
    { why: 'gamma cv 3', spec: { kind: 'gamma', perSecond: 50, cv: 3 } as ArrivalSpec, cv: 3 },
  ])('$why: mean gap and variation within four standard errors', ({ spec, cv }) => {
    const sample = gaps(first(count, spec));
    const standardError = (20 * cv) / Math.sqrt(count);
    expect(Math.abs(mean(sample) - 20)).toBeLessThan(4 * standardError);
    expect(Math.abs(populationStd(sample) / mean(sample) / cv - 1)).toBeLessThan(0.05);
  });

  test('poisson counts per second have an index of dispersion of 1', () => {
    const counts = Array.from({ length: 2000 }, () => 0);
    for (const atMs of first(count, { kind: 'poisson', perSecond: 50 })) {
      const second = Math.floor(atMs / 1000);
      if (second < counts.length) counts[second]! += 1;
    }
    // Standard error of the index over 2,000 windows: sqrt(2 / 2000) = 0.032.
    expect(Math.abs(indexOfDispersion(counts.slice(0, 1900)) - 1)).toBeLessThan(0.13);
  });
});

test('property: offsets never decrease and a seed gives the same arrivals again', () => {
  const rate = fc.double({ min: 0.01, max: 1000, noNaN: true });
  const spec: fc.Arbitrary<ArrivalSpec> = fc.oneof(
    fc.record({ kind: fc.constant('constant' as const), perSecond: rate }),
    fc.record({ kind: fc.constant('poisson' as const), perSecond: rate }),
    fc.record({
      kind: fc.constant('gamma' as const),
      perSecond: rate,
      cv: fc.double({ min: 0, max: 10, noNaN: true }),
    }),
    fc.record({
      kind: fc.constant('ramp' as const),
      fromPerSecond: rate,
      toPerSecond: rate,
      durationMs: fc.integer({ min: 0, max: 60_000 }),
    }),
    fc.record({
      kind: fc.constant('burst' as const),
      size: fc.integer({ min: 1, max: 50 }),
      everyMs: fc.integer({ min: 0, max: 1000 }),
    }),
    fc.record({ kind: fc.constant('replay' as const), atMs: fc.array(fc.nat()) }),
  );
  fc.assert(
    fc.property(spec, fc.string(), (arrivals, seed) => {
      const times = first(100, arrivals, seed);
      expect(first(100, arrivals, seed)).toEqual(times);
      return times.every((atMs, index) => index === 0 || atMs >= times[index - 1]!);
    }),
  );
});
