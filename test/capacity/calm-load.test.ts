import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { buildRing } from '../../src/capacity/call-ring.ts';
import { loadBySecond, refusesNothing } from '../../src/capacity/calm-load.ts';
import { COUNTING_RULES } from '../../src/capacity/debit.ts';
import { play } from '../../src/capacity/limiter-run.ts';
import type { Counts } from '../../src/capacity/limiter-run.ts';
import { limitPools } from '../../src/capacity/limits.ts';
import type { Limits } from '../../src/capacity/limit.ts';
import { Random } from '../../src/core/random.ts';
import { createProviderLimit } from '../../src/mechanisms/provider-limit.ts';
import type { Enforcements } from '../../src/mechanisms/provider-limit.ts';
import type { RateLimit } from '../../src/mechanisms/rate-limit.ts';
import { planOf, routeOf, trafficOf } from './example-plan.ts';

type RuleId = keyof typeof COUNTING_RULES;

/** About 600 calls a minute of 1,000 tokens in and 200 out for three minutes, as a ring. */
function judge(
  rule: RuleId,
  limits: Limits,
  {
    enforcement = {},
    seed = 1,
  }: { readonly enforcement?: Enforcements | undefined; readonly seed?: number } = {},
): { readonly isCalm: boolean; readonly bySecond: number; readonly played: Counts } {
  const tokens = { input: 1000, output: 200, cachedShare: 0.5, variation: 0 };
  const input = planOf({
    traffic: trafficOf({ callsPerTurn: 3, fanOut: 2, callMs: 4000, tokens }),
    volume: { ...planOf().volume, turnsPerMinute: 200 },
    routes: [routeOf({ rule: COUNTING_RULES[rule], limits, maxOutputTokens: 500 })],
  });
  const [pool] = limitPools(input);
  const load = buildRing(input, pool!, 1, 1800, new Random(seed));
  const limiter = (): RateLimit =>
    createProviderLimit(COUNTING_RULES[rule].rule, limits, -load.warmUpMs, { enforcement });
  const units = limiter().dimensions.map(({ name, unit = name }) => unit);
  const seconds = loadBySecond(load, units);
  const client = { retry: 'python', hints: 'none', onFailure: 'end-turn' } as const;
  return {
    isCalm: refusesNothing(limiter(), seconds),
    bySecond: seconds.calls,
    played: play(load, limiter(), client, new Random(0)),
  };
}

describe('loads that need not be played', () => {
  test.for<{ why: string; rule: RuleId; limits: Limits; enforcement?: Enforcements }>([
    { why: 'a bucket far above the load', rule: 'openai', limits: { rpm: 1500 } },
    { why: 'tokens far above', rule: 'openai', limits: { rpm: 1500, tpm: 2_000_000 } },
    { why: 'output counted at the end', rule: 'anthropic', limits: { itpm: 1e6, otpm: 300_000 } },
    { why: 'a minute that is reset', rule: 'azure', limits: { rpm: 1500, tpm: 2_000_000 } },
    { why: 'calls in flight: 40 on average', rule: 'deepseek', limits: { concurrency: 100 } },
    {
      why: 'single seconds: 10 on average',
      rule: 'openai',
      limits: { rpm: 3000 },
      enforcement: { rpm: { kind: 'fixed', windowMs: 1000 } },
    },
  ])('$why', ({ enforcement, limits, rule }) => {
    const { bySecond, isCalm, played } = judge(rule, limits, { enforcement });
    expect(isCalm).toBe(true);
    expect(played).toEqual({
      calls: bySecond,
      attempts: bySecond,
      firstRejected: 0,
      rejected: 0,
      failed: 0,
    });
    expect(bySecond).toBeGreaterThan(1500);
  });

  test.for<{ why: string; rule: RuleId; limits: Limits; enforcement?: Enforcements }>([
    { why: 'more than the bucket', rule: 'openai', limits: { rpm: 400 } },
    { why: 'more tokens', rule: 'mistral', limits: { rpm: 1500, tpm: 500_000 } },
    { why: 'more output', rule: 'anthropic', limits: { otpm: 90_000 } },
    { why: 'more in flight', rule: 'deepseek', limits: { concurrency: 40 } },
    {
      why: 'bursts above a second',
      rule: 'openai',
      limits: { rpm: 750 },
      enforcement: { rpm: { kind: 'fixed', windowMs: 1000 } },
    },
  ])('must be played: $why', ({ enforcement, limits, rule }) => {
    const { isCalm, played } = judge(rule, limits, { enforcement });
    expect(played.rejected).toBeGreaterThan(0);
    expect(isCalm).toBe(false);
  });

  test('nothing that is called calm is ever refused', () => {
    const cases = fc.record({
      rule: fc.constantFrom<RuleId>('openai', 'anthropic', 'azure', 'xai', 'bedrock-claude'),
      // Around what the load asks for, where a wrong bound would show.
      rpm: fc.integer({ min: 500, max: 1100 }),
      tokens: fc.integer({ min: 500_000, max: 1_500_000 }),
      concurrency: fc.integer({ min: 40, max: 90 }),
      windowMs: fc.constantFrom(1000, 10_000, 60_000),
      seed: fc.nat(1000),
    });
    let calm = 0;
    fc.assert(
      fc.property(cases, ({ concurrency, rpm, rule, seed, tokens, windowMs }) => {
        const limits = { rpm, tpm: tokens, itpm: tokens, otpm: tokens / 3, concurrency };
        const enforcement =
          windowMs === 60_000 ? {} : { rpm: { kind: 'fixed', windowMs } as const };
        const { isCalm, played } = judge(rule, limits, { enforcement, seed });
        if (!isCalm) return;
        calm += 1;
        expect(played.rejected).toBe(0);
      }),
      { numRuns: 60, seed: 7 },
    );
    expect(calm).toBeGreaterThan(5);
  });
});
