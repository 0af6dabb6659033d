import { describe, expect, test } from 'vitest';

import type { PlanInput } from '../../src/capacity/plan-input.ts';
import { outlinePlan } from '../../src/capacity/plan-outline.ts';
import { reviewPlan } from '../../src/capacity/review.ts';
import type { Review, ReviewInput } from '../../src/capacity/review.ts';
import { planOf, routeOf, trafficOf } from './example-plan.ts';

const tokens = { input: 4000, output: 300, cachedShare: 0.5, variation: 0.5 };
const price = { inputUsd: 1, cacheReadUsd: 0.1, outputUsd: 5 };

function inputOf(callsPerTurn: number, cachedShare = 0.5): PlanInput {
  return planOf({
    traffic: trafficOf({ callsPerTurn, tokens: { ...tokens, cachedShare } }),
    routes: [routeOf({ limits: { rpm: 3000 }, price })],
    scales: [1, 3],
  });
}

function side(input: PlanInput): ReviewInput['planned'] {
  return { input, plan: outlinePlan(input, { replications: 2 }) };
}

/** The plan, made once. */
const planned = side(inputOf(2));

function review(actual: ReviewInput['actual'], rate: ReviewInput['rate']): Review {
  return reviewPlan({ planned, actual, rate });
}

const by = ({ assumptions }: Review, name: string): Review['assumptions'][number] =>
  assumptions.find((one) => one.name === name)!;

describe('a plan held against what was measured', () => {
  test('as planned: nothing is off, the trigger is where the rate says', () => {
    // The plan's own 2,000 calls a minute; its next stage starts at 70 % of what carries 1x.
    const same = review(planned, { callsPerMinute: 2000, peakFactor: 1.08 });
    expect(same.assumptions.filter(({ isOff }) => isOff)).toEqual([]);
    expect(same.scaleNow).toBeCloseTo(1, 9);
    expect(same.breaksAt.actual!.scale).toBeCloseTo(same.breaksAt.planned!.scale, 9);
    expect(same.triggers).toHaveLength(1);
    const [trigger] = same.triggers;
    expect(trigger!.now).toBeCloseTo(2000, 6);
    expect(trigger!.share).toBeCloseTo(2000 / trigger!.trigger.threshold, 9);
  });

  test.for([
    { why: 'far below', share: 0.5, state: 'ahead' },
    { why: 'four fifths: time to prepare', share: 0.8, state: 'near' },
    { why: 'just below', share: 0.999, state: 'near' },
    { why: 'at the threshold', share: 1.0001, state: 'passed' },
  ])('a trigger $why is $state', ({ share, state }) => {
    const { threshold } = review(planned, undefined).triggers[0]!.trigger;
    const rate = { callsPerMinute: threshold * share, peakFactor: null };
    expect(review(planned, rate).triggers[0]!.state).toBe(state);
  });

  test('half again as many calls per turn: breaks sooner, costs more, and says what is off', () => {
    const more = review(side(inputOf(3)), { callsPerMinute: 3000, peakFactor: 2 });
    expect(by(more, 'callsPerTurn')).toMatchObject({ planned: 2, actual: 3, isOff: true });
    expect(by(more, 'callsPerTurn').change).toBeCloseTo(0.5, 9);
    expect(by(more, 'turnsPerMinute')).toMatchObject({ actual: 1000, isOff: false });
    expect(by(more, 'peakFactor').isOff).toBe(true);
    expect(more.breaksAt.planned!.scale).toBeCloseTo(1.5, 6);
    expect(more.breaksAt.actual!.scale).toBeCloseTo(1, 6);
    const [cost] = more.cost;
    expect(cost!.actual! / cost!.planned!).toBeCloseTo(1.5, 3);
  });

  test('a colder cache costs more and moves no limit of requests', () => {
    const colder = review(side(inputOf(2, 0)), { callsPerMinute: 2000, peakFactor: 1.1 });
    expect(by(colder, 'cachedShare')).toMatchObject({ planned: 0.5, actual: 0, isOff: true });
    expect(colder.perTurn[0]!.actual).toBeGreaterThan(colder.perTurn[0]!.planned!);
    expect(colder.breaksAt.actual!.scale).toBeCloseTo(colder.breaksAt.planned!.scale, 6);
  });

  test('a profile without a rate: triggers are unknown, never fine', () => {
    const none = review(planned, undefined);
    expect(none.scaleNow).toBeNull();
    expect(by(none, 'turnsPerMinute')).toMatchObject({ actual: null, change: null, isOff: false });
    expect(none.triggers.map(({ state }) => state)).toEqual(['unknown']);
  });
});
