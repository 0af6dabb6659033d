import { describe, expect, test } from 'vitest';

import { makePlan } from '../../src/capacity/plan.ts';
import type { Plan } from '../../src/capacity/plan.ts';
import type { PlanInput } from '../../src/capacity/plan-input.ts';
import { swing } from '../../src/capacity/sensitivity.ts';
import type { SensitivityRow } from '../../src/capacity/sensitivity.ts';
import { SENSITIVITY_FACTORS } from '../../src/capacity/sensitivity-factors.ts';
import { planGates } from '../../src/capacity/gates.ts';
import { planOf, routeOf, trafficOf } from './example-plan.ts';

const traffic = trafficOf({
  tokens: { input: 4000, output: 400, cachedShare: 0.5, variation: 0 },
});
const price = { inputUsd: 1, cacheReadUsd: 0.1, outputUsd: 5 };
const routes = [routeOf({ price, limits: { rpm: 3000, itpm: 10_000_000 } })];
const base = planOf({
  traffic,
  routes,
  scales: [1],
  infra: [
    {
      name: 'workers',
      price: { per: 'month', steps: [{ usd: 100 }] },
      quantity: { kind: 'machines', per: 'concurrentCall', each: 10, atLeast: 1 },
    },
  ],
  ops: [{ name: 'us', usdPerMonth: 1000, fromScale: 0 }],
});

const planFor = (change: Partial<PlanInput> = {}): Plan =>
  makePlan({ ...base, ...change }, { replications: 3 });
const rowOf = (plan: Plan, factor: string): SensitivityRow =>
  plan.sensitivity.rows.find((row) => row.factor === factor)!;

describe('the tornado', () => {
  const plan = planFor();
  const { cost } = plan.scales[0]!;

  test('its middle is the plan itself', () => {
    expect(plan.sensitivity.usdPerMonth).toBe(cost.monthly.total);
    expect(plan.sensitivity.breaksAt).toBe(plan.breaksAt!.scale);
  });

  test('widest first', () => {
    const swings = plan.sensitivity.rows.map(swing);
    expect(swings).toEqual(swings.toSorted((a, b) => b - a));
  });

  test('prices move the API part of the bill and nothing else', () => {
    const row = rowOf(plan, 'apiPrice');
    expect(row.high.usdPerMonth).toBeCloseTo(cost.monthly.total! + 0.1 * cost.monthly.api!, 6);
    expect(row.low.usdPerMonth).toBeCloseTo(cost.monthly.total! - 0.1 * cost.monthly.api!, 6);
    expect([row.low.breaksAt, row.high.breaksAt]).toEqual([
      plan.breaksAt!.scale,
      plan.breaksAt!.scale,
    ]);
  });

  test('ten points more of the prompt from the cache: 400 tokens a call at a tenth', () => {
    const row = rowOf(plan, 'promptCache');
    const calls = cost.routes[0]!.callsPerMonth;
    expect(row.high.usdPerMonth).toBeCloseTo(cost.monthly.total! - (calls * 400 * 0.9) / 1e6, 4);
  });

  test('traffic moves where it breaks by its inverse; machines come in whole numbers', () => {
    const row = rowOf(plan, 'traffic');
    expect(row.high.breaksAt).toBeCloseTo(plan.breaksAt!.scale / 1.25, 9);
    expect(row.low.breaksAt).toBeCloseTo(plan.breaksAt!.scale / 0.75, 9);
    const machines = row.high.usdPerMonth! - 1000 - 1.25 * cost.monthly.api!;
    expect(machines % 100).toBeCloseTo(0, 4);
  });

  test('the bill at 125 % of traffic is the bill of a plan at 1.25x', () => {
    const larger = makePlan({ ...base, scales: [1, 1.25] }, { replications: 3 });
    const expected = larger.scales[1]!.cost.monthly.total!;
    // The peak is extrapolated from 1x: at most a machine off.
    expect(Math.abs(rowOf(larger, 'traffic').high.usdPerMonth! - expected)).toBeLessThanOrEqual(
      100,
    );
  });

  test('what the plan does not have is not listed', () => {
    const factors = plan.sensitivity.rows.map(({ factor }) => factor);
    for (const absent of ['gpuPrice', 'escalation', 'tokenizer']) {
      expect(factors).not.toContain(absent);
    }
    expect(factors).toContain('operations');
  });

  test('a range of the plan’s own replaces ours, and says so', () => {
    const own = planFor({ sensitivity: { apiPrice: 0.5 } });
    expect(rowOf(own, 'apiPrice')).toMatchObject({ range: 0.5, basis: 'given by the plan' });
    expect(swing(rowOf(own, 'apiPrice'))).toBeCloseTo(5 * swing(rowOf(plan, 'apiPrice')), 4);
    expect(planFor({ sensitivity: { apiPrice: 0 } }).sensitivity.rows).not.toContainEqual(
      expect.objectContaining({ factor: 'apiPrice' }),
    );
  });

  test('without a price the bill is unknown, and rows are ranked by where it breaks', () => {
    const unpriced = planFor({ routes: [routeOf({ limits: { rpm: 3000 } })] });
    expect(unpriced.sensitivity.usdPerMonth).toBeNull();
    expect(unpriced.sensitivity.rows.map(({ factor }) => factor)).toEqual(['traffic']);
  });

  test('every factor has a basis, and a range below 1', () => {
    for (const { basis, range } of Object.values(SENSITIVITY_FACTORS)) {
      expect(basis.length).toBeGreaterThan(10);
      expect(range).toBeGreaterThan(0);
      expect(range).toBeLessThan(1);
    }
  });
});

describe('margin', () => {
  const turns = 480_000 * 22;
  test.for([
    { business: { usdPerTurn: 0.05 }, unit: 'turn', units: turns, value: turns * 0.05 },
    {
      business: { usdPerTask: 0.1, taskSuccess: 0.8 },
      unit: 'task',
      units: turns * 0.8,
      value: turns * 0.08,
    },
    {
      business: { usdPerUserMonth: 20, users: 5000 },
      unit: 'user',
      units: 5000,
      value: 100_000,
    },
  ] as const)('per $unit', ({ business, unit, units, value }) => {
    const plan = planFor({ business: { taskSuccess: 1, ...business } });
    const { margin, cost } = plan.scales[0]!;
    expect(margin).toMatchObject({ unit });
    expect(margin!.unitsPerMonth).toBeCloseTo(units, 3);
    expect(margin!.valueUsdPerMonth).toBeCloseTo(value, 3);
    expect(margin!.marginUsdPerMonth).toBeCloseTo(value - cost.monthly.total!, 3);
    expect(margin!.costPerUnitUsd).toBeCloseTo(cost.monthly.total! / units, 9);
  });

  test('an unknown bill gives an unknown margin, never the whole value', () => {
    const plan = planFor({
      routes: [routeOf({ limits: { rpm: 3000 } })],
      business: { usdPerTurn: 1, taskSuccess: 1 },
    });
    expect(plan.scales[0]!.margin).toMatchObject({ marginUsdPerMonth: null, marginShare: null });
  });

  test('no value, no margin', () => {
    expect(planFor().scales[0]!.margin).toBeNull();
  });
});

describe('age of prices', () => {
  const stale = [{ of: 'prices openai gpt-5.5', date: '2026-09-01', days: 80 }];
  test('an old price warns in the plan and fails the check', () => {
    const plan = planFor({ priceAge: { maxDays: 30, stale } });
    expect(plan.warnings.join()).toContain('prices openai gpt-5.5 is of 2026-09-01, 80 days ago');
    expect(planGates(plan).find(({ name }) => name === 'age of prices')!.passed).toBe(false);
  });
  test('a bound that holds is a gate that passes; no bound is no gate', () => {
    const bounded = planFor({ priceAge: { maxDays: 30, stale: [] } });
    expect(planGates(bounded).find(({ name }) => name === 'age of prices')!.passed).toBe(true);
    expect(planGates(planFor()).map(({ name }) => name)).not.toContain('age of prices');
  });
});
