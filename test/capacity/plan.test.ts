import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { COUNTING_RULES } from '../../src/capacity/debit.ts';
import { simulateDemand } from '../../src/capacity/demand.ts';
import { planGates } from '../../src/capacity/gates.ts';
import { infraCost, opsCost } from '../../src/capacity/infra.ts';
import {
  oversizeRequests,
  peakBreak,
  peakBreakScale,
  sustainedBreak,
} from '../../src/capacity/limits.ts';
import { makePlan as makeFullPlan } from '../../src/capacity/plan.ts';
import type { Plan } from '../../src/capacity/plan.ts';
import type { PlanInput } from '../../src/capacity/plan-input.ts';
import type { TierOption } from '../../src/capacity/plan-input.ts';
import { planOf, routeOf, trafficOf } from './example-plan.ts';

/** Three replications are enough where no interval is looked at. */
function makePlan(input: PlanInput): Plan {
  return makeFullPlan(input, { replications: 3 });
}

const tokens = { input: 3000, output: 300, cachedShare: 0, variation: 0 };
const price = { inputUsd: 1, outputUsd: 5, batchFactor: 0.5 };

describe('the worked example: 500 users x 2 x 2 against 1,500 RPM', () => {
  const plan = makeFullPlan(planOf());

  test('1,000 turns and 2,000 calls a minute; RPM binds and breaks at 0.75x', () => {
    const [one] = plan.scales;
    expect(one!.demand.turnsPerMinute).toBe(1000);
    expect(one!.demand.rpm.mean).toBe(2000);
    expect(one!.limits).toMatchObject([{ dimension: 'rpm', limit: 1500, binding: true }]);
    expect(plan.breaksAt).toMatchObject({ scale: 0.75, dimension: 'rpm' });
    expect(one!.verdict).toBe('exceeds');
  });

  test('the busiest minute is beside it and breaks earlier', () => {
    const { peakMinute } = plan.scales[0]!.demand.rpm;
    expect(peakMinute!.low).toBeGreaterThan(2050);
    expect(plan.breaksAtPeak!.scale).toBeGreaterThan(0.65);
    expect(plan.breaksAtPeak!.scale).toBeLessThan(0.75);
  });

  test('the check fails and says where it breaks', () => {
    expect(planGates(plan)).toEqual([
      { name: 'fits at 1x', passed: false, detail: 'breaks at 0.75x' },
    ]);
  });

  test('ways out come with their effect', () => {
    const effect = Object.fromEntries(
      plan.waysOut.map((way) => [way.kind, [way.breaksAt?.scale, way.fitsRequired]]),
    );
    expect(effect['route-share']).toEqual([1.5, true]);
    expect(effect['fewer-calls']).toEqual([1.5, true]);
    expect(effect['raise-limit']).toEqual([1.25, true]);
    expect(effect['response-cache']![0]).toBeCloseTo(0.75 / 0.7, 9);
    expect(effect['smoothing']).toEqual([0.75, false]);
    const fewer = plan.waysOut.find((way) => way.kind === 'fewer-calls')!;
    expect(fewer.note).toBe('at most 1.5 calls per turn fit at 1x');
    const cache = plan.waysOut.find((way) => way.kind === 'response-cache')!;
    expect(cache.note).toContain('25% is needed');
  });

  test('what cannot be known is null and named', () => {
    const [one] = plan.scales;
    expect(one!.demand.itpm).toBeNull();
    expect(one!.cost.monthly.api).toBeNull();
    expect(one!.cost.monthly.total).toBeNull();
    expect(one!.unknowns.join()).toContain('no token counts');
  });

  test('stages grow from one to the next, each with a threshold below what the one before carries', () => {
    expect(plan.stages.map((stage) => stage.fits)).toEqual([true, true, true]);
    expect(plan.stages[0]!.startsWhen).toBeNull();
    for (const stage of plan.stages) {
      expect(stage.supports!.scale).toBeGreaterThanOrEqual(stage.atScale / 0.8);
    }
    for (const [index, stage] of plan.stages.slice(1).entries()) {
      const before = plan.stages[index]!;
      expect(stage.startsWhen!.threshold).toBeLessThan(before.supports!.scale * 2000);
      expect(stage.startsWhen!.threshold).toBeGreaterThanOrEqual(before.atScale * 2000);
    }
  });
});

describe('verdicts', () => {
  const verdict = (limits: object, more: object = {}): string =>
    makePlan(planOf({ routes: [routeOf({ limits, ...more })], scales: [1] })).scales[0]!.verdict;

  test.for([
    { why: 'wide open', limits: { rpm: 10_000 }, expected: 'fits' },
    { why: 'above 80 % in the busiest minute', limits: { rpm: 2400 }, expected: 'tight' },
    {
      why: 'the mean fits, the busiest minute does not',
      limits: { rpm: 2050 },
      expected: 'bursts',
    },
    { why: 'the mean does not fit', limits: { rpm: 1999 }, expected: 'exceeds' },
    { why: 'no limits known is not a pass', limits: {}, expected: 'unknown' },
    {
      why: 'a token limit without token counts is not a pass',
      limits: { rpm: 10_000, tpm: 1e9 },
      expected: 'unknown',
    },
    { why: 'calls in flight are limits too', limits: { concurrency: 50 }, expected: 'exceeds' },
    {
      why: 'requests per second look at the busiest second',
      limits: { rps: 40 },
      expected: 'bursts',
    },
    { why: 'a day has its own limit', limits: { rpd: 900_000 }, expected: 'exceeds' },
  ])('$why: $expected', ({ limits, expected }) => {
    expect(verdict(limits)).toBe(expected);
  });

  test('a request larger than the bucket is unservable at any load', () => {
    const route = routeOf({
      rule: COUNTING_RULES.openai,
      limits: { rpm: 1e6, tpm: 30_000 },
      maxOutputTokens: 28_000,
    });
    const plan = planOf({
      traffic: trafficOf({ tokens }),
      routes: [route],
      volume: { ...planOf().volume, turnsPerMinute: 0.1 },
      scales: [1],
    });
    expect(oversizeRequests(plan)).toMatchObject([{ dimension: 'tpm', requestP99: 31_000 }]);
    expect(makePlan(plan).scales[0]!.verdict).toBe('unservable');
    expect(planGates(makePlan(plan))[0]!.passed).toBe(false);
  });

  test('tight passes unless the plan asked for the headroom', () => {
    const input = planOf({ routes: [routeOf({ limits: { rpm: 2400 } })], scales: [1] });
    expect(planGates(makePlan(input))[0]!.passed).toBe(true);
    const strict = { ...input, goals: { ...input.goals, headroomRequired: true } };
    expect(planGates(makePlan(strict))[0]!.passed).toBe(false);
  });
});

describe('binding dimension', () => {
  test('the one whose mean demand is nearest to its limit', () => {
    const routes = [routeOf({ limits: { rpm: 10_000, itpm: 7_000_000, otpm: 5_000_000 } })];
    const plan = makePlan(planOf({ traffic: trafficOf({ tokens }), routes, scales: [1] }));
    expect(plan.breaksAt).toMatchObject({ dimension: 'itpm' });
    expect(plan.breaksAt!.scale).toBeCloseTo(7 / 6, 9);
    expect(plan.scales[0]!.limits.filter((use) => use.binding).map((use) => use.dimension)).toEqual(
      ['itpm'],
    );
  });

  test('models that share a limit are added up', () => {
    const shared = { limitPool: 'anthropic opus-4', limits: { rpm: 3000 } };
    const routes = [
      routeOf({ ...shared, model: 'claude-opus-4-8', share: 0.5 }),
      routeOf({ ...shared, model: 'claude-opus-4-5', share: 0.5 }),
    ];
    expect(sustainedBreak(planOf({ routes }))!.scale).toBe(1.5);
  });

  test('prompt caching frees ITPM only where cache reads are free', () => {
    const hot = trafficOf({ tokens: { ...tokens, cachedShare: 0.8 } });
    const limits = { itpm: 6_000_000 };
    const at = (rule: keyof typeof COUNTING_RULES): number =>
      sustainedBreak(
        planOf({ traffic: hot, routes: [routeOf({ rule: COUNTING_RULES[rule], limits })] }),
      )!.scale;
    expect(at('anthropic')).toBeCloseTo(5, 9);
    expect(at('anthropic-cache-counts')).toBeCloseTo(1, 9);
  });
});

test('higher tiers are tried lowest first and move every limit at once', () => {
  const tier = (name: string, rpm: number): TierOption => ({
    tier: name,
    limits: { rpm },
    qualify: null,
    source: { of: '', page: '', date: '', basis: 'listed' },
  });
  const higherTiers = [tier('t2', 2100), tier('t3', 6000), tier('t4', 50_000)];
  const plan = makePlan(planOf({ routes: [routeOf({ higherTiers })] }));
  expect(plan.stages.map((stage) => stage.changes)).toEqual([
    ['move custom model to tier t3'],
    ['move custom model to tier t4'],
    [],
  ]);
  const way = plan.waysOut.find((one) => one.change.endsWith('t2'))!;
  expect(way.breaksAt!.scale).toBeCloseTo(1.05, 9);
});

describe('where the peak breaks', () => {
  test('is where the simulated busiest minute reaches the limit', () => {
    const input = planOf();
    const at = peakBreak(input, simulateDemand(input))!.scale;
    const there = simulateDemand({ ...input, scales: [at] }, { replications: 20 });
    expect(there.scales[0]!.pools.get('custom model')!.rpm!.value / 1500).toBeCloseTo(1, 2);
  });

  test('never lies above the sustained break, and meets it when there are no bursts', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 1e6, noNaN: true }),
        fc.double({ min: 1, max: 1e6, noNaN: true }),
        fc.double({ min: 0, max: 5, noNaN: true }),
        (mean, limit, excess) => {
          const peak = { scale: 1, peak: mean * (1 + excess) };
          const scale = peakBreakScale(mean, limit, () => peak);
          expect(scale).toBeLessThanOrEqual((limit / mean) * (1 + 1e-9));
          // Peak at that scale by the same law is the limit.
          expect(mean * scale + mean * excess * Math.sqrt(scale)).toBeCloseTo(limit, 4);
          expect(peakBreakScale(mean, limit, () => ({ scale: 1, peak: mean }))).toBeCloseTo(
            limit / mean,
            6,
          );
        },
      ),
    );
  });
});

describe('cost', () => {
  const traffic = trafficOf({ tokens });
  const routes = [routeOf({ price, limits: { rpm: 1e6 } })];

  test('per turn, per user and per month from the same calls', () => {
    const { cost } = makePlan(planOf({ traffic, routes, scales: [1] })).scales[0]!;
    const perCall = (3000 * 1 + 300 * 5) / 1e6;
    expect(cost.perTurn).toBeCloseTo(2 * perCall, 12);
    expect(cost.monthly.api).toBeCloseTo(480_000 * 22 * 2 * perCall, 6);
    expect(cost.perUser).toBeCloseTo(cost.monthly.total! / 500, 9);
  });

  test('recomputed at each scale: minimums, allowances, whole machines, lines that start later', () => {
    const infra = [
      {
        name: 'minimum',
        price: { per: 'unit', steps: [{ usd: 1e-6 }], minimumUsdPerMonth: 50 },
        quantity: { kind: 'usage', per: 'turn', units: 1 },
      },
      {
        name: 'workers',
        price: { per: 'hour', steps: [{ usd: 0.1 }] },
        quantity: { kind: 'machines', per: 'concurrentTurn', each: 100, atLeast: 2 },
      },
    ] as const;
    const ops = [{ name: 'on call', usdPerMonth: 2000, fromScale: 3 }];
    const plan = makePlan(planOf({ traffic, routes, infra, ops }));
    const infraAt = plan.scales.map(({ cost }) => cost.infraLines.map((line) => line.quantity));
    expect(plan.scales.map(({ cost }) => cost.monthly.ops)).toEqual([0, 2000, 2000]);
    expect(plan.scales.map(({ cost }) => cost.infraLines[0]!.usdPerMonth)).toEqual([
      50,
      50,
      expect.closeTo(105.6, 6),
    ]);
    // 1,000 turns a minute of 6 s are 100 in flight, 123 with 99 % of minutes; machines are whole.
    expect(infraAt.map(([, machines]) => machines)).toEqual([2, 4, 11]);
  });

  test('an unknown price makes the total unknown, never zero', () => {
    const { cost } = makePlan(planOf({ traffic, scales: [1] })).scales[0]!;
    expect(cost.monthly).toMatchObject({ api: null, total: null });
    expect(cost.perTurn).toBeNull();
  });

  test('ceilings are gates; an unknown cost fails them', () => {
    const with$ = (maxMonthlyUsd: number, priced: boolean): boolean =>
      planGates(
        makePlan(
          planOf({
            traffic,
            scales: [1],
            routes: priced ? routes : [routeOf({ limits: { rpm: 1e6 } })],
            goals: { ...planOf().goals, maxMonthlyUsd },
          }),
        ),
      ).every((gate) => gate.passed);
    expect(with$(100_000, true)).toBe(true);
    expect(with$(90_000, true)).toBe(false);
    expect(with$(1e9, false)).toBe(false);
  });
});

test('infrastructure: an unknown driver is unknown cost; operations start at their scale', () => {
  const line = {
    name: 'seats',
    price: { per: 'month', steps: [{ usd: 5 }] },
    quantity: { kind: 'machines', per: 'concurrentUser', each: 1, atLeast: 0 },
  } as const;
  const activity = { turnsPerMonth: 1, callsPerMonth: 1, concurrentTurns: 1, concurrentCalls: 1 };
  expect(infraCost(line, { ...activity, concurrentUsers: null })).toBeNull();
  expect(infraCost(line, { ...activity, concurrentUsers: 7 })).toMatchObject({ usdPerMonth: 35 });
  expect(
    opsCost(
      [
        { name: 'a', usdPerMonth: 1, fromScale: 0 },
        { name: 'b', usdPerMonth: 2, fromScale: 3 },
      ],
      2,
    ),
  ).toBe(1);
});

test('a plan is a pure function of its input', () => {
  const input = planOf({ scales: [1, 3] });
  expect(makePlan(input)).toEqual(makePlan(input));
});
