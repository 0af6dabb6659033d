import { describe, expect, test } from 'vitest';

import { diffOutlines } from '../../src/capacity/plan-diff.ts';
import { makePlan } from '../../src/capacity/plan.ts';
import { outlinePlan } from '../../src/capacity/plan-outline.ts';
import type { PlanOutline } from '../../src/capacity/plan-outline.ts';
import { planOf, routeOf, trafficOf } from './example-plan.ts';

const price = { inputUsd: 1, cacheReadUsd: 0.1, outputUsd: 5 };
const tokens = { input: 4000, output: 300, cachedShare: 0.5, variation: 0.5 };
const quick = { replications: 2 };

function planned(rpm: number, scales: readonly number[]): Parameters<typeof outlinePlan>[0] {
  return planOf({
    traffic: trafficOf({ callsPerTurn: 2, tokens }),
    // A tenth of the example: fewer calls to simulate.
    volume: { turnsPerMinute: 100, turnsPerDay: 48_000, daysPerMonth: 22, concurrentUsers: 50 },
    routes: [routeOf({ limits: { rpm }, price })],
    scales,
  });
}

const outline = (rpm: number, scales = [1, 3]): PlanOutline =>
  outlinePlan(planned(rpm, scales), quick);

test('the outline is the plan, without its expensive parts', () => {
  const input = planned(300, [1, 3]);
  const full = makePlan(input, quick);
  expect(full).toMatchObject(outlinePlan(input, quick) as object);
});

describe('two plans beside each other', () => {
  test('a plan and itself: nothing changes', () => {
    const same = outline(300);
    const diff = diffOutlines(same, same);
    expect(diff.breaksAt.before).toEqual(diff.breaksAt.after);
    expect([diff.noLongerAssumed, diff.newlyAssumed]).toEqual([[], []]);
    for (const { callsPerMinute, fullestLimit, usdPerMonth, usdPerTurn } of diff.scales) {
      for (const { change } of [callsPerMinute, fullestLimit, usdPerMonth, usdPerTurn]) {
        expect(change).toBe(0);
      }
    }
  });

  test('twice the limit halves its use, moves the break, and costs nothing', () => {
    const { breaksAt, scales } = diffOutlines(outline(150), outline(300));
    expect([breaksAt.before!.scale, breaksAt.after!.scale]).toEqual([0.75, 1.5]);
    expect(scales[0]!.fullestLimit.change).toBeCloseTo(-0.5, 9);
    expect(scales[0]!.usdPerMonth.change).toBe(0);
    expect(scales[0]!.verdict.before).not.toBe(scales[0]!.verdict.after);
  });

  test('a scale that only one has is null on the other side, never 0', () => {
    const { scales } = diffOutlines(outline(300, [1, 10]), outline(300, [1, 3]));
    expect(scales.map(({ scale, planned: has }) => [scale, has.before, has.after])).toEqual([
      [1, true, true],
      [3, false, true],
      [10, true, false],
    ]);
    expect(scales[1]!.usdPerMonth).toMatchObject({ before: null, change: null });
    expect(scales[2]).toMatchObject({ verdict: { after: null }, usdPerTurn: { after: null } });
  });
});
