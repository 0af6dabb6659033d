import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { provisionedBase, weigh } from '../../src/capacity/provisioned-base.ts';
import type { ProvisionedOffer } from '../../src/capacity/provisioned-base.ts';
import { NO_TOKENS } from '../../src/core/tokens.ts';
import { HOURS_PER_MONTH } from '../../src/core/units.ts';
import { planOf, routeOf, trafficOf } from './example-plan.ts';

/** GPT-5.5 as sold: 1,200 tokens a minute per PTU, output counts six times, cache reads nothing. */
const ptu: ProvisionedOffer = {
  unit: 'PTU',
  tokensPerMinutePerUnit: 1200,
  weights: { input: 1, cacheRead: 0, output: 6 },
  minimum: 15,
  increment: 5,
  term: 'year',
  usdPerUnitMonth: 221,
  overflow: 'refused',
};
const price = { inputUsd: 5, cacheReadUsd: 0.5, outputUsd: 30 };

const traffic = (cachedShare: number, variation = 0): ReturnType<typeof trafficOf> =>
  trafficOf({ tokens: { input: 5000, output: 100, cachedShare, variation } });

/** Traffic that runs at one rate all month: 24 hours on 30.42 days. */
const always = {
  turnsPerMinute: 1000,
  turnsPerDay: 1000 * 60 * 24,
  daysPerMonth: HOURS_PER_MONTH / 24,
  concurrentUsers: null,
};

describe('weights', () => {
  test('output and cache reads count by their weights', () => {
    const tokens = { ...NO_TOKENS, uncached: 100, cacheRead: 900, cacheWrite5m: 50, output: 10 };
    expect(weigh(ptu, tokens)).toBe(150 + 60);
    const gsu = { ...ptu, weights: { input: 1, cacheRead: 0.1, output: 5 } };
    expect(weigh(gsu, tokens)).toBe(150 + 90 + 50);
  });

  test.for([
    { prompt: 200_000, expected: 200_060, why: 'at the threshold: short weights' },
    { prompt: 200_001, expected: 400_002 + 90, why: 'above it the whole request weighs more' },
  ])('$why', ({ prompt, expected }) => {
    const long = { aboveTokens: 200_000, input: 2, cacheRead: 0.2, output: 9 };
    expect(weigh({ ...ptu, long }, { ...NO_TOKENS, uncached: prompt, output: 10 })).toBe(expected);
  });
});

describe('break-even', () => {
  const breakEven = (cachedShare: number): number => {
    const input = planOf({ traffic: traffic(cachedShare), volume: always });
    return provisionedBase(input, routeOf({ price }), ptu, 1)!.breakEvenUtilisation;
  };

  test('a PTU of GPT-5.5 is worth $263 of tokens, so $221 pays from 84 %', () => {
    expect(breakEven(0)).toBeCloseTo(221 / 262.8, 3);
  });

  test('cached input is free on a PTU: its value rises as published', () => {
    // value = 260 × [I(1 − 0.9c) + rO] / [I(1 − c) + rO] with I:O = 50:1, c = 0.9, r = 6
    const value = (262.8 * (50 * (1 - 0.81) + 6)) / (50 * 0.1 + 6);
    expect(breakEven(0.9)).toBeCloseTo(221 / value, 3);
  });

  test('at the hourly price it never pays', () => {
    const input = planOf({ traffic: traffic(0), volume: always });
    const hourly = provisionedBase(input, routeOf({ price }), { ...ptu, usdPerUnitMonth: 730 }, 1)!;
    expect(hourly.breakEvenUtilisation).toBeGreaterThan(1);
    expect(hourly.units).toBe(0);
    expect(hourly.spillUsdPerMonth).toBeCloseTo(hourly.payAsYouGoUsdPerMonth, 6);
    expect(hourly.utilisation).toBeNull();
  });
});

describe('the newsvendor size', () => {
  test('steady demand all month is bought almost whole', () => {
    const input = planOf({ traffic: traffic(0), volume: always });
    const base = provisionedBase(input, routeOf({ price }), ptu, 1)!;
    expect(base.busyShare).toBeCloseTo(1, 9);
    expect(base.utilisation!).toBeGreaterThan(0.95);
    expect(base.spilledShare).toBeLessThan(0.05);
    expect(base.baseUsdPerMonth + base.spillUsdPerMonth).toBeLessThan(base.payAsYouGoUsdPerMonth);
    expect((base.units - ptu.minimum) % ptu.increment).toBe(0);
  });

  test('eight busy hours on 22 days never pay a unit that is billed at night', () => {
    const input = planOf({ traffic: traffic(0) });
    const base = provisionedBase(input, routeOf({ price }), ptu, 1)!;
    expect(base.busyShare).toBeCloseTo((8 * 22) / HOURS_PER_MONTH, 9);
    expect(base.units).toBe(0);
  });

  test('cheaper than every other size that can be bought, none included', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 320 }),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        (usdPerUnitMonth, cached) => {
          const input = planOf({
            traffic: traffic(cached, 1),
            volume: { ...always, turnsPerMinute: 20, turnsPerDay: 20 * 60 * 20 },
          });
          const offer = { ...ptu, usdPerUnitMonth };
          const at = (changed: ProvisionedOffer): number => {
            const base = provisionedBase(input, routeOf({ price }), changed, 1)!;
            return base.baseUsdPerMonth + base.spillUsdPerMonth;
          };
          const best = provisionedBase(input, routeOf({ price }), offer, 1)!;
          const bestUsd = best.baseUsdPerMonth + best.spillUsdPerMonth;
          expect(bestUsd).toBeLessThanOrEqual(best.payAsYouGoUsdPerMonth + 1e-6);
          // Any single size, forced by making it the smallest that is sold.
          for (const units of [15, 50, 100, 200, 400]) {
            expect(bestUsd).toBeLessThanOrEqual(
              at({ ...offer, minimum: units, increment: 1e9 }) + 1e-6,
            );
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  test('a dearer unit is never bought in larger numbers', () => {
    const input = planOf({ traffic: traffic(0.5, 1), volume: always });
    const units = [50, 150, 221, 260, 300].map(
      (usdPerUnitMonth) =>
        provisionedBase(input, routeOf({ price }), { ...ptu, usdPerUnitMonth }, 1)!.units,
    );
    expect(units).toEqual(units.toSorted((a, b) => b - a));
  });

  test('what spills is held against the standard deployment’s own limit', () => {
    const input = planOf({ traffic: traffic(0), volume: always });
    const offer = { ...ptu, usdPerUnitMonth: 1000 };
    const spill = (tpm: number | undefined): boolean | null =>
      provisionedBase(input, routeOf({ price, limits: { tpm } }), offer, 1)!.spillFits;
    // 2,000 calls a minute of 5,100 tokens are 10.2M, all of it spilled.
    expect([spill(20_000_000), spill(9_000_000), spill(undefined)]).toEqual([true, false, null]);
  });

  test('at a scale too large to simulate, means are exact and spread is relative', () => {
    const input = planOf({ traffic: traffic(0, 1), volume: always });
    const [one, many] = [1, 100].map((scale) =>
      provisionedBase(input, routeOf({ price }), ptu, scale)!,
    ) as [
      NonNullable<ReturnType<typeof provisionedBase>>,
      NonNullable<ReturnType<typeof provisionedBase>>,
    ];
    expect(many.payAsYouGoUsdPerMonth / one.payAsYouGoUsdPerMonth).toBeCloseTo(100, -1);
    expect(many.peakUnits / 100).toBeLessThan(one.peakUnits);
  });
});

test('no price or no tokens: nothing is said', () => {
  expect(provisionedBase(planOf(), routeOf({ price }), ptu, 1)).toBeUndefined();
  const input = planOf({ traffic: traffic(0) });
  expect(provisionedBase(input, routeOf({ price: null }), ptu, 1)).toBeUndefined();
});
