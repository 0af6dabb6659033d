import { expect, test } from 'vitest';

import { makePlan } from '../../src/capacity/plan.ts';
import { spendCaps } from '../../src/capacity/spend.ts';
import { planOf, routeOf, trafficOf } from './example-plan.ts';

const tokens = { input: 1000, output: 0, cachedShare: 0, variation: 0 };

test('a month is spent when the cap is: 1x fits, 10x is over after three days', () => {
  // 960,000 calls a day x 22 days x 1,000 tokens x $1 per million = $21,120 a month.
  const input = planOf({
    traffic: trafficOf({ tokens }),
    routes: [routeOf({ limits: { spendPerMonth: 21_120 }, price: { inputUsd: 1, outputUsd: 1 } })],
  });
  const [one, three, ten] = spendCaps(makePlan(input, { replications: 2 }));
  expect(one).toMatchObject({ scale: 1, capUsd: 21_120, servedShare: 1, daysToCap: null });
  expect(one!.usdPerMonth).toBeCloseTo(21_120, 6);
  expect(three!.daysToCap).toBeCloseTo(365 / 36, 6);
  expect(ten!.daysToCap).toBeCloseTo(365 / 120, 6);
  expect(ten!.servedShare).toBeCloseTo(0.1, 9);
});

test('without a price nothing is known, which is not never', () => {
  const input = planOf({
    traffic: trafficOf({ tokens }),
    routes: [routeOf({ limits: { spendPerMonth: 100 } })],
  });
  const [one] = spendCaps(makePlan(input, { replications: 2 }));
  expect(one).toMatchObject({ usdPerMonth: null, servedShare: null, daysToCap: null });
});
