import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { COUNTING_RULES } from '../../src/capacity/debit.ts';
import { simulateDemand } from '../../src/capacity/demand.ts';
import { callVolume, meanDemand } from '../../src/capacity/mean-demand.ts';
import { sustainedBreak } from '../../src/capacity/limits.ts';
import type { Route } from '../../src/capacity/plan-input.ts';
import { trafficMeans } from '../../src/capacity/traffic.ts';
import { planOf, routeOf, trafficOf } from './example-plan.ts';

/** Expected largest of 60 standard normals (Harter 1961, table of expected order statistics). */
const LARGEST_OF_60 = 2.319;

describe('mean demand', () => {
  test('500 users x 2 interactions x 2 calls are exactly 2,000 calls a minute', () => {
    expect(callVolume(planOf().volume, planOf().traffic).perMinute).toBe(2000);
    expect(meanDemand(planOf(), routeOf(), 'rpm')).toBe(2000);
  });

  test('Little: calls in flight are rate times duration', () => {
    expect(meanDemand(planOf(), routeOf(), 'concurrency')).toBeCloseTo((2000 / 60) * 3, 9);
  });

  test('unknown tokens are unknown demand, not zero', () => {
    expect(meanDemand(planOf(), routeOf(), 'tpm')).toBeNull();
    expect(meanDemand(planOf(), routeOf(), 'spendPerMonth')).toBeNull();
  });

  test('batch calls leave the per-minute limits and stay in the bill', () => {
    const traffic = trafficOf({ tokens: { input: 1000, output: 0, cachedShare: 0, variation: 0 } });
    const price = { inputUsd: 1, outputUsd: 1, batchFactor: 0.5 };
    const route = routeOf({ batchShare: 0.5, price });
    const plan = planOf({ traffic, routes: [route] });
    expect(meanDemand(plan, route, 'rpm')).toBe(1000);
    // 960,000 calls a day x 22 days x 1,000 tokens x $1/M, half of them at half price.
    expect(meanDemand(plan, route, 'spendPerMonth')).toBeCloseTo(21_120 * 0.75, 6);
  });

  test.for([
    { rule: 'openai', tpm: 1000 + 4096, why: 'max_tokens counts' },
    { rule: 'anthropic', tpm: 400 + 200, why: 'cache reads are free' },
    {
      rule: 'bedrock-claude',
      tpm: 400 + 5 * 200 + (4096 - 1000) * (3 / 60),
      why: 'output burns five times; the rest of the reservation is held for the 3 s of the call',
    },
    { rule: 'gemini', tpm: 1000, why: 'TPM is input' },
    {
      rule: 'xai',
      tpm: 1000 + 200 + (4096 - 200) * (3 / 60),
      why: 'everything once, max_tokens for as long as the call runs',
    },
  ] as const)('$rule: $why', ({ rule, tpm }) => {
    const traffic = trafficOf({
      callsPerTurn: 1,
      tokens: { input: 1000, output: 200, cachedShare: 0.6, variation: 0 },
    });
    const route = routeOf({ rule: COUNTING_RULES[rule], maxOutputTokens: 4096 });
    const plan = planOf({ traffic, routes: [route] });
    expect(meanDemand(plan, route, 'tpm')).toBeCloseTo(1000 * tpm, 6);
  });
});

describe('a Bedrock call without max_tokens', () => {
  // 2M TPM carry 1,333 calls in flight of 500 + 1,000 tokens, and 15 of 500 + 128k.
  const traffic = trafficOf({
    callsPerTurn: 1,
    callMs: 60_000,
    tokens: { input: 500, output: 0, cachedShare: 0, variation: 0 },
  });
  const volume = { turnsPerMinute: 1, turnsPerDay: 480, daysPerMonth: 22, concurrentUsers: 1 };
  const breaksAt = (route: Partial<Route>): number => {
    const rule = COUNTING_RULES['bedrock-claude'];
    const one = routeOf({ rule, limits: { tpm: 2_000_000 }, ...route });
    return sustainedBreak(planOf({ traffic, volume, routes: [one] }))!.scale;
  };

  test.for([
    { why: 'the cap it sends', route: { maxOutputTokens: 1000 }, calls: 1333 },
    { why: 'the most its model gives', route: { modelMaxOutputTokens: 128_000 }, calls: 15 },
    {
      why: 'a cap wins over it',
      route: { maxOutputTokens: 1000, modelMaxOutputTokens: 128_000 },
      calls: 1333,
    },
  ])('reserves $why: $calls calls of a minute fit at once', ({ calls, route }) => {
    expect(Math.floor(breaksAt(route))).toBe(calls);
  });
});

describe('simulated peak', () => {
  test('Poisson calls: the busiest minute lies where the order statistic of 60 normals says', () => {
    const plan = planOf({ traffic: trafficOf({ callsPerTurn: 1 }) });
    const { scales } = simulateDemand(plan, { replications: 30 });
    const peak = scales[0]!.total.rpm!;
    const expected = 1000 + LARGEST_OF_60 * Math.sqrt(1000);
    // The maximum is discrete and slightly skewed, so the band is a little wider than the interval.
    expect(Math.abs(peak.value - expected)).toBeLessThan((peak.high - peak.low) / 2 + 4);
  });

  test('fan-out: b calls at the same moment spread the minute by the square root of b', () => {
    const fanOut = 16;
    const traffic = trafficOf({ callsPerTurn: fanOut, fanOut });
    const volume = { ...planOf().volume, turnsPerMinute: 1000 / fanOut };
    const { scales } = simulateDemand(planOf({ traffic, volume }), { replications: 30 });
    const peak = scales[0]!.total.rpm!;
    const expected = 1000 + LARGEST_OF_60 * Math.sqrt(1000 * fanOut);
    expect(peak.value / expected).toBeGreaterThan(0.97);
    expect(peak.value / expected).toBeLessThan(1.05);
    // The average says 1,000 a minute fits under 1,200 RPM; with this fan-out it does not.
    expect(peak.low).toBeGreaterThan(1200);
  });

  test('heavy calls: the peak of tokens is above the mean by more than the peak of requests', () => {
    const traffic = trafficOf({
      callsPerTurn: 1,
      tokens: { input: 4000, output: 300, cachedShare: 0, variation: 3 },
    });
    const { scales } = simulateDemand(planOf({ traffic }));
    const { rpm, itpm } = scales[0]!.total;
    const mean = trafficMeans(traffic).tokens.uncached * 1000;
    expect(itpm!.value / mean).toBeGreaterThan(rpm!.value / 1000 + 0.05);
  });

  test('the mean number of calls in flight is Little’s, and the peak lies above it', () => {
    const { scales } = simulateDemand(planOf());
    const little = (2000 / 60) * 3;
    const { concurrency } = scales[0]!.total;
    expect(concurrency!.value).toBeGreaterThan(little);
    // Poisson in flight (M/G/inf): the largest of 3,600 looks is below 5 standard deviations.
    expect(concurrency!.value).toBeLessThan(little + 5 * Math.sqrt(2 * little));
  });

  test('the same seed gives the same figures; another seed another sample', () => {
    const options = { replications: 3 };
    const first = simulateDemand(planOf(), options);
    expect(simulateDemand(planOf(), options)).toEqual(first);
    expect(simulateDemand(planOf({ seed: 2 }), options).scales).not.toEqual(first.scales);
  });

  test('common random numbers: no scale has a lower peak than a smaller one', () => {
    const { scales } = simulateDemand(planOf({ scales: [0.5, 0.6, 0.7, 1, 1.01] }));
    const peaks = scales.map(({ total }) => total.rpm!.value);
    expect(peaks).toEqual(peaks.toSorted((a, b) => a - b));
  });

  test('extrapolated scales agree with simulated ones within two percent', () => {
    const traffic = trafficOf({
      tokens: { input: 3000, output: 300, cachedShare: 0, variation: 1.5 },
    });
    const plan = planOf({ traffic, volume: { ...planOf().volume, turnsPerMinute: 500 } });
    const full = simulateDemand(plan, { mostCalls: 2_000_000 });
    const cut = simulateDemand(plan, { mostCalls: 75_000 });
    expect(cut.calls).toBeLessThan(full.calls / 5);
    for (const dimension of ['rpm', 'itpm', 'otpm', 'concurrency'] as const) {
      const exact = full.scales[2]!.total[dimension]!.value;
      expect(cut.scales[2]!.total[dimension]!.value / exact).toBeCloseTo(1, 1);
      expect(Math.abs(cut.scales[2]!.total[dimension]!.value / exact - 1)).toBeLessThan(0.02);
    }
  });

  test('routes share the calls as told', () => {
    const routes = [
      routeOf({ share: 0.75 }),
      routeOf({ share: 0.25, provider: 'second', limitPool: 'second' }),
    ];
    const { scales } = simulateDemand(planOf({ routes }));
    const { pools, total } = scales[0]!;
    const first = pools.get('custom model')!.rpm!.value;
    const second = pools.get('second')!.rpm!.value;
    expect(first).toBeGreaterThan(1500);
    expect(second).toBeGreaterThan(500);
    expect(second).toBeLessThan(620);
    expect(total.rpm!.value).toBeGreaterThan(2000);
  });

  test('sessions longer than the hour are counted whole', () => {
    const traffic = trafficOf({ turnsPerSession: 40, thinkMs: 240_000 });
    const { scales } = simulateDemand(planOf({ traffic }));
    const peak = scales[0]!.total.rpm!.value;
    expect(peak).toBeGreaterThan(2000);
    expect(peak).toBeLessThan(2600);
  });
});

test('numbers become sessions whose means are exactly those numbers', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.5, max: 12, noNaN: true }),
      fc.integer({ min: 1, max: 8 }),
      fc.double({ min: 0, max: 3, noNaN: true }),
      (callsPerTurn, turnsPerSession, variation) => {
        const tokens = { input: 5000, output: 400, cachedShare: 0.5, variation };
        const means = trafficMeans(trafficOf({ callsPerTurn, turnsPerSession, tokens }));
        expect(means.turnsPerSession).toBeCloseTo(turnsPerSession, 9);
        expect(means.callsPerTurn).toBeCloseTo(callsPerTurn, 3);
        expect(means.tokens.uncached).toBeCloseTo(2500, 4);
        expect(means.tokens.output).toBeCloseTo(400, 4);
      },
    ),
    { numRuns: 12 },
  );
});
