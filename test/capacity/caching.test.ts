import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  breakWithCache,
  cacheAt,
  cachedShare,
  keysWanted,
  planCachedShare,
  withPromptCaching,
} from '../../src/capacity/caching.ts';
import { COUNTING_RULES } from '../../src/capacity/debit.ts';
import { sustainedBreak } from '../../src/capacity/limits.ts';
import { makePlan } from '../../src/capacity/plan.ts';
import type { PlanInput } from '../../src/capacity/plan-input.ts';
import { trafficMeans } from '../../src/capacity/traffic.ts';
import { waysOut } from '../../src/capacity/ways-out.ts';
import { inputTokens } from '../../src/core/tokens.ts';
import { planOf, routeOf, trafficOf } from './example-plan.ts';

const sized = (cachedShare: number): ReturnType<typeof trafficOf> =>
  trafficOf({ callsPerTurn: 1, tokens: { input: 1000, output: 100, cachedShare, variation: 0.5 } });

describe('another hit rate than the measured one', () => {
  test.for([
    { why: 'below: every call loses the same share of its reads', from: 0.8, to: 0.4 },
    { why: 'above: every call loses the same share of its misses', from: 0.4, to: 0.8 },
    { why: 'nothing was read: the same rate for all', from: 0, to: 0.9 },
    { why: 'all was read: nothing to win', from: 1, to: 1 },
    { why: 'no cache at all', from: 0.5, to: 0 },
  ])('$why', ({ from, to }) => {
    const before = sized(from);
    const after = withPromptCaching(before, { hitRate: to, written: 1, lifetime: '5m' });
    expect(cachedShare(after)).toBeCloseTo(to, 9);
    const { tokens } = trafficMeans(after);
    expect(inputTokens(tokens)).toBeCloseTo(inputTokens(trafficMeans(before).tokens), 6);
    expect(tokens.cacheWrite5m).toBeCloseTo((1 - to) * inputTokens(tokens), 6);
    expect(tokens.output).toBeCloseTo(trafficMeans(before).tokens.output, 9);
  });

  test('no call ever gets a negative part or other sums', () => {
    const rate = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(rate, rate, rate, (from, to, written) => {
        const before = sized(from);
        const after = withPromptCaching(before, { hitRate: to, written, lifetime: '1h' });
        for (const [index, session] of after.sessions.entries()) {
          for (const [call, { tokens }] of session.calls.entries()) {
            const was = before.sessions[index]!.calls[call]!.tokens;
            expect(Math.min(...Object.values(tokens))).toBeGreaterThanOrEqual(-1e-9);
            expect(inputTokens(tokens)).toBeCloseTo(inputTokens(was), 6);
          }
        }
      }),
      { numRuns: 8 },
    );
  });
});

/** 1,000 calls a minute at 1x, 90 % of 1,000 input tokens read, 15 requests a minute per key. */
function keyed(promptKeys: number | undefined, limits = { itpm: 1_000_000 }): PlanInput {
  const traffic = sized(0.9);
  const route = routeOf({ rule: COUNTING_RULES.anthropic, limits, cacheKeyRpm: 15 });
  return planOf({ traffic, routes: [route], promptKeys });
}

describe('cache keys that all traffic shares', () => {
  test.for([
    { why: '1,000 a minute over 100 keys is 10 each: all is found', keys: 100, scale: 1, left: 1 },
    { why: 'at 3x each key gets 30, half of what it is asked for', keys: 100, scale: 3, left: 0.5 },
    { why: 'at 10x it gets 100', keys: 100, scale: 10, left: 0.15 },
    { why: 'one key for everybody', keys: 1, scale: 1, left: 0.015 },
    { why: 'one per session grows with the load', keys: undefined, scale: 10, left: 1 },
  ])('$why', ({ keys, left, scale }) => {
    expect(planCachedShare(cacheAt(keyed(keys), scale))).toBeCloseTo(0.9 * left, 9);
  });

  test('as many keys as are wanted lose nothing', () => {
    const input = keyed(100);
    const keys = keysWanted(input, input.routes[0]!, 10)!;
    expect(keys).toBe(667);
    expect(planCachedShare(cacheAt({ ...input, promptKeys: keys }, 10))).toBeCloseTo(0.9, 9);
    expect(planCachedShare(cacheAt({ ...input, promptKeys: keys - 1 }, 10))).toBeLessThan(0.9);
  });

  test('the plan breaks where the load and the misses it causes meet the limit', () => {
    const found = breakWithCache(keyed(100), sustainedBreak)!;
    // Uncached per call at scale s: 1000 - 900 × 1.5/s; s × 1000 × that = 1M, so s = 2.35.
    expect(found.scale).toBeCloseTo(2.35, 2);
    expect(breakWithCache(keyed(undefined), sustainedBreak)!.scale).toBeCloseTo(10, 6);
    expect(breakWithCache(keyed(1e6), sustainedBreak)!.scale).toBeCloseTo(10, 6);
  });

  test('demand, limits and the bill of each scale are those of its own hit rate', () => {
    const price = { inputUsd: 1, cacheReadUsd: 0.1, outputUsd: 0 };
    const input = keyed(100);
    const routes = input.routes.map((route) => ({ ...route, price }));
    const plan = makePlan({ ...input, routes }, { replications: 2, mostCalls: 5000 });
    expect(plan.scales.map(({ demand }) => demand.cachedShare!.toFixed(3))).toEqual([
      '0.900',
      '0.450',
      '0.135',
    ]);
    const perCall = plan.scales.map(({ cost }) => cost.routes[0]!.usdPerCall!);
    expect(perCall[0]).toBeCloseTo((100 + 90) / 1e6, 9);
    expect(perCall[1]).toBeCloseTo((550 + 45) / 1e6, 9);
    const [first, second] = plan.scales.map(({ limits }) => limits[0]!);
    expect(first!.demandMean).toBeCloseTo(100_000, 3);
    expect(second!.demandMean).toBeCloseTo(3 * 550_000, 3);
    expect(second!.demandPeak!.value).toBeGreaterThan(3 * 550_000);
    expect(plan.waysOut.map(({ kind }) => kind)).not.toContain('cache-keys');
  });

  test('more keys are a way out where they help', () => {
    const goals = { ...planOf().goals, fitsAtScale: 3 };
    const input = cacheAt({ ...keyed(100), goals }, 3);
    const way = waysOut(input).find(({ kind }) => kind === 'cache-keys');
    expect(way).toMatchObject({
      change: 'use 200 prompt-cache keys instead of 100',
      fitsRequired: true,
    });
  });
});

describe('calls that response caches answer', () => {
  test('leave every limit and the bill, not the turns', () => {
    const price = { inputUsd: 1, outputUsd: 1 };
    const input = planOf({ traffic: sized(0), routes: [routeOf({ price })] });
    const fewer = {
      ...input,
      answeredFromCache: 0.4,
      routes: input.routes.map((route) => ({ ...route, share: 0.6 })),
    };
    const options = { replications: 2, mostCalls: 20_000 };
    const [all, some] = [makePlan(input, options), makePlan(fewer, options)];
    expect(some.breaksAt!.scale).toBeCloseTo(all.breaksAt!.scale / 0.6, 9);
    const [before, after] = [all.scales[0]!, some.scales[0]!];
    expect(after.demand.rpm.mean).toBeCloseTo(0.6 * before.demand.rpm.mean, 6);
    expect(after.demand.rpm.peakMinute!.value).toBeLessThan(0.75 * before.demand.rpm.mean);
    expect(after.demand.itpm!.mean).toBeCloseTo(0.6 * before.demand.itpm!.mean, 3);
    expect(after.cost.monthly.api).toBeCloseTo(0.6 * before.cost.monthly.api!, 6);
    expect(after.demand.turnsPerMinute).toBe(before.demand.turnsPerMinute);
    expect(some.waysOut.map(({ kind }) => kind)).not.toContain('response-cache');
    expect(some.sensitivity.rows.map(({ factor }) => factor)).toContain('responseCache');
  });
});
