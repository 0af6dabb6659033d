import { describe, expect, it, test } from 'vitest';

import { Random } from '../../src/core/random.ts';
import { fitArrivals, ksDistance } from '../../src/workload/arrival-fit.ts';

function gaps(count: number, draw: (random: Random) => number): Float64Array {
  const random = new Random('gaps');
  return Float64Array.from({ length: count }, () => draw(random));
}

const weibull = (random: Random): number => 500 * (-Math.log(1 - random.uniform())) ** (1 / 0.6);

describe('fitArrivals', () => {
  test.for([
    { family: 'gamma', draw: (r: Random) => r.gamma(0.25, 2000), shape: 0.25, scale: 2000 },
    { family: 'gamma', draw: (r: Random) => r.gamma(4, 100), shape: 4, scale: 100 },
    { family: 'weibull', draw: weibull, shape: 0.6, scale: 500 },
    {
      family: 'lognormal',
      draw: (r: Random) => r.logNormal(Math.log(300), 1.5),
      shape: 1.5,
      scale: 300,
    },
  ] as const)('finds $family, shape $shape', ({ family, draw, shape, scale }) => {
    const fit = fitArrivals(gaps(15_000, draw))!;
    expect(fit.family).toBe(family);
    expect(fit.fit).toBe('good');
    expect(Math.abs(fit.shape / shape - 1)).toBeLessThan(0.05);
    expect(Math.abs(fit.scale / scale - 1)).toBeLessThan(0.06);
    expect(fit.tried.map(({ ks }) => ks)).toEqual(
      fit.tried.map(({ ks }) => ks).toSorted((a, b) => a - b),
    );
  });

  it('an exponential is fitted by itself and by families that contain it', () => {
    const fit = fitArrivals(gaps(15_000, (random) => random.exponential(200)))!;
    expect(['exponential', 'gamma', 'weibull']).toContain(fit.family);
    const { ks } = fit.tried.find(({ family }) => family === 'exponential')!;
    expect(ks).toBeLessThan(0.015);
  });

  it('calls half of which come together fit nothing', () => {
    const fit = fitArrivals(gaps(5000, (r) => (r.uniform() < 0.5 ? 0 : r.exponential(100))))!;
    expect(fit.fit).toBe('poor');
    expect(fit.ks).toBeGreaterThan(0.45);
  });

  test.for([
    { why: 'too few', values: gaps(49, (r) => r.exponential(1)) },
    { why: 'a clockwork has no distribution', values: gaps(500, () => 1000) },
    { why: 'all at once', values: gaps(500, () => 0) },
  ])('refuses: $why', ({ values }) => expect(fitArrivals(values)).toBeNull());

  test.for([
    { why: 'all, while they are few', count: 20_000, fitted: 20_000 },
    { why: 'every second, when one too many', count: 20_001, fitted: 10_001 },
  ])('says what it looked at: $why', ({ count, fitted }) => {
    const fit = fitArrivals(gaps(count, (r) => r.exponential(1)))!;
    expect({ values: fit.values, fitted: fit.fitted }).toEqual({ values: count, fitted });
  });

  it('is not shaken by wide ranges', () => {
    const fit = fitArrivals(gaps(500, (r) => 10 ** (12 * r.uniform() - 3)))!;
    expect(Number.isFinite(fit.ks + fit.shape + fit.scale)).toBe(true);
  });
});

it('the KS distance of a uniform grid from its own distribution is one step', () => {
  const grid = Float64Array.from({ length: 10 }, (_, index) => (index + 1) / 10);
  expect(ksDistance(grid, (value) => value)).toBeCloseTo(0.1, 12);
});
