import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { COUNTING_RULES } from '../../src/capacity/debit.ts';
import { simulateDemand } from '../../src/capacity/demand.ts';
import { meanCall, meanDemand, routePrice } from '../../src/capacity/mean-demand.ts';
import { makePlan } from '../../src/capacity/plan.ts';
import { callFeatures, classifyCalls, holds } from '../../src/capacity/routing-classes.ts';
import type { CallFeatures } from '../../src/capacity/routing-classes.ts';
import { extraCallShare, routeTokens } from '../../src/capacity/routing.ts';
import type { Traffic } from '../../src/capacity/traffic.ts';
import { parseCallRule } from '../../src/config/call-rule.ts';
import { inputTokens, NO_TOKENS } from '../../src/core/tokens.ts';
import type { SessionSkeleton } from '../../src/core/trace.ts';
import { planOf, routeOf, trafficOf } from './example-plan.ts';

const tokens = { ...NO_TOKENS, uncached: 1000, cacheRead: 3000, output: 500, reasoning: 100 };

describe('tokens of another model', () => {
  test.for([
    { factor: 1, min: 0, expected: tokens, why: 'nothing to change' },
    {
      factor: 1.3,
      min: 0,
      expected: { uncached: 1300, cacheRead: 3900, output: 650, reasoning: 130 },
      why: 'every kind by the tokenizer’s factor',
    },
    {
      factor: 1,
      min: 4001,
      expected: { uncached: 4000, cacheRead: 0, output: 500 },
      why: 'one token short of the smallest cacheable prompt: all uncached',
    },
    { factor: 1, min: 4000, expected: tokens, why: 'exactly the smallest cacheable prompt' },
    {
      factor: 1.3,
      min: 5200,
      expected: { cacheRead: 3900 },
      why: 'the model’s own count decides, not the workload’s',
    },
  ])('$why', ({ factor, min, expected }) => {
    const route = routeOf({ tokenFactor: factor, minCacheableTokens: min });
    expect(routeTokens(route, tokens)).toMatchObject(expected);
  });

  test('a what-if over tokenizers rescales cost and limits, not only the price', () => {
    const traffic = trafficOf({
      tokens: { input: 4000, output: 500, cachedShare: 0.5, variation: 0 },
    });
    const price = { inputUsd: 1, cacheReadUsd: 0.1, outputUsd: 5 };
    const old = routeOf({ price, rule: COUNTING_RULES.anthropic });
    const other = { ...old, tokenFactor: 1.3 };
    const input = planOf({ traffic });
    expect(meanCall(traffic, other).costUsd! / meanCall(traffic, old).costUsd!).toBeCloseTo(1.3, 9);
    for (const dimension of ['itpm', 'otpm'] as const) {
      const ratio = meanDemand(input, other, dimension)! / meanDemand(input, old, dimension)!;
      expect(ratio).toBeCloseTo(1.3, 9);
    }
    expect(meanDemand(input, other, 'rpm')).toBe(meanDemand(input, old, 'rpm'));
  });

  test('the long-prompt tier is chosen by the model’s own tokens', () => {
    const price = {
      inputUsd: 1,
      outputUsd: 1,
      long: { inputUsd: 2, outputUsd: 2, thresholdTokens: 100_000, inclusive: false },
    };
    const prompt = { ...NO_TOKENS, uncached: 80_000 };
    expect(routePrice(routeOf({ price }), prompt)).toBeCloseTo(0.08, 9);
    expect(routePrice(routeOf({ price, tokenFactor: 1.3 }), prompt)).toBeCloseTo(0.208, 9);
  });
});

describe('rules', () => {
  const call: CallFeatures = {
    inputTokens: 2000,
    outputTokens: 100,
    step: 'last',
    model: 'gpt-4o',
  };
  test.for([
    { rule: 'inputTokens < 2k', holds: false, why: 'below is not at' },
    { rule: 'inputTokens <= 2k', holds: true, why: 'at most' },
    { rule: 'inputTokens >= 2000 and outputTokens < 200', holds: true, why: 'both' },
    { rule: 'inputTokens >= 2k and outputTokens > 200', holds: false, why: 'one of two' },
    { rule: 'step = last', holds: true, why: 'the place in the turn' },
    { rule: 'step != last', holds: false, why: 'any other place' },
    { rule: 'model = gpt-4o', holds: true, why: 'the measured model' },
    { rule: 'model = gpt-4', holds: false, why: 'names match exactly' },
  ])('$rule: $why', ({ rule, holds: expected }) => {
    const tests = parseCallRule(rule);
    if ('error' in tests) throw new Error(tests.error);
    expect(holds(tests, call)).toBe(expected);
  });

  test.for([
    { rule: 'inputToken < 2k', says: 'did you mean "inputTokens"?' },
    { rule: 'inputTokens = 2k', says: 'compared with <' },
    { rule: 'inputTokens < big', says: 'expected a count' },
    { rule: 'step < last', says: 'compared with =' },
    { rule: 'step = end', says: 'step is one of' },
    { rule: 'always', says: 'expected a rule' },
    { rule: '', says: 'expected a rule' },
  ])('refused: $rule', ({ rule, says }) => {
    expect(parseCallRule(rule)).toMatchObject({ error: expect.stringContaining(says) });
  });

  test('places in a turn: what waits for the same steps runs in parallel', () => {
    const llm = (id: string, ...after: string[]): unknown => ({ kind: 'llm', id, after, tokens });
    const tool = { kind: 'tool', id: 't', after: ['a'], name: 'x', durationMs: 1 };
    const session = {
      turns: [
        { thinkMs: 0, steps: [llm('a'), tool, llm('b', 't'), llm('c', 't'), llm('d', 'b', 'c')] },
        { thinkMs: 0, steps: [llm('a')] },
      ],
    } as SessionSkeleton;
    const steps = callFeatures([session]).map(({ step }) => step);
    expect(steps).toEqual(['first', 'parallel', 'parallel', 'last', 'only']);
  });

  test('every call goes to the first rule that holds, and shares add up', () => {
    const size = fc.record({
      inputTokens: fc.nat(5000),
      outputTokens: fc.nat(500),
      step: fc.constant('only' as const),
      model: fc.constant(null),
    });
    const bounds = fc.array(fc.nat(5000), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 50 }), bounds, (calls, limits) => {
        const rules = limits.map((value) => [
          { field: 'inputTokens' as const, is: 'below' as const, value },
        ]);
        const { classes, unmatched } = classifyCalls([...rules, []], calls);
        expect(unmatched).toBeCloseTo(0, 12);
        expect(classes.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
        for (const [index] of calls.entries()) {
          const taken = classes.filter(
            ({ share, selection }) => share > 0 && (selection?.[index] ?? 1) > 0,
          );
          expect(taken).toHaveLength(1);
          expect(taken[0]!.share * (taken[0]!.selection?.[index] ?? 1)).toBeCloseTo(1, 9);
        }
      }),
    );
  });
});

describe('routing by size in the plan', () => {
  const traffic: Traffic = trafficOf({
    callsPerTurn: 3,
    tokens: { input: 4000, output: 400, cachedShare: 0, variation: 1 },
  });
  const calls = traffic.sessions.flatMap((session) => session.calls);
  const features = calls.map((call): CallFeatures => ({
    inputTokens: inputTokens(call.tokens),
    outputTokens: call.tokens.output,
    step: 'only',
    model: null,
  }));
  const { classes } = classifyCalls(
    [[{ field: 'inputTokens', is: 'below', value: 3000 }], []],
    features,
  );
  const small = routeOf({
    model: 'small',
    limitPool: 'small',
    share: classes[0]!.share,
    selection: classes[0]!.selection,
    callClass: 'inputTokens < 3k',
    price: { inputUsd: 1, outputUsd: 1 },
  });
  const large = routeOf({
    model: 'large',
    limitPool: 'large',
    share: classes[1]!.share,
    selection: classes[1]!.selection,
    price: { inputUsd: 1, outputUsd: 1 },
  });
  const input = planOf({ traffic, routes: [small, large], scales: [1] });

  test('each model gets its own sizes: means are those of the calls the rule takes', () => {
    const shorts = calls.filter((call) => inputTokens(call.tokens) < 3000);
    const mean = shorts.reduce((sum, call) => sum + inputTokens(call.tokens), 0) / shorts.length;
    expect(inputTokens(meanCall(traffic, small).tokens)).toBeCloseTo(mean, 6);
    expect(small.share).toBeCloseTo(shorts.length / calls.length, 12);
    const all = meanDemand(planOf({ traffic }), routeOf({ rule: small.rule }), 'tpm')!;
    const parts = meanDemand(input, small, 'tpm')! + meanDemand(input, large, 'tpm')!;
    expect(parts).toBeCloseTo(all, 3);
  });

  test('the simulation routes single calls: both pools’ peaks bracket their means', () => {
    const simulation = simulateDemand(input, { replications: 4 });
    const [{ pools, total }] = simulation.scales as [(typeof simulation.scales)[number]];
    for (const route of [small, large]) {
      const peaks = pools.get(route.limitPool)!;
      for (const dimension of ['rpm', 'tpm'] as const) {
        const mean = meanDemand(input, route, dimension)!;
        expect(peaks[dimension]!.value).toBeGreaterThan(mean);
        expect(peaks[dimension]!.value).toBeLessThan(mean * 1.2);
      }
    }
    const together = pools.get('small')!.rpm!.value + pools.get('large')!.rpm!.value;
    expect(total.rpm!.value).toBeLessThanOrEqual(together);
  });
});

describe('cascade', () => {
  const first = routeOf({ model: 'small', limitPool: 'small', limits: { rpm: 10_000 } });
  const again = routeOf({
    model: 'large',
    limitPool: 'large',
    share: 0.25,
    escalatedFrom: 0,
    limits: { rpm: 10_000 },
  });
  const input = planOf({ routes: [first, again], scales: [1] });

  test('escalated calls come on top: 2,000 calls a minute become 2,500', () => {
    expect(extraCallShare(input)).toBe(0.25);
    const plan = makePlan(input, { replications: 4 });
    const [{ demand, limits }] = plan.scales as [(typeof plan.scales)[number]];
    expect(demand.rpm.mean).toBe(2500);
    const mean = (pool: string): number =>
      limits.find(({ limitPool }) => limitPool === pool)!.demandMean!;
    expect([mean('small'), mean('large')]).toEqual([2000, 500]);
    // Peaks of the same minute: the simulation adds what the means add.
    expect(demand.rpm.peakMinute!.value).toBeGreaterThan(2500);
    expect(demand.rpm.peakMinute!.value).toBeLessThan(2800);
  });

  test('every escalation rate between none and all is simulated at its mean', () => {
    for (const share of [0.05, 0.5, 1]) {
      const plan = planOf({ routes: [first, { ...again, share }], scales: [1] });
      const { scales } = simulateDemand(plan, { replications: 4 });
      const peak = scales[0]!.pools.get('large')!.rpm!.value;
      expect(peak).toBeGreaterThan(2000 * share);
      expect(peak).toBeLessThan(2000 * share + 6 * Math.sqrt(2 * 2000 * share));
    }
  });
});
