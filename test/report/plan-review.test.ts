import { expect, test } from 'vitest';

import type { Review } from '../../src/capacity/review.ts';
import { reviewJson, reviewText } from '../../src/report/plan-review.ts';

const names = { plan: 'agents', actual: 'production' };

const review: Review = {
  assumptions: [
    { name: 'callsPerTurn', planned: 2, actual: 3, change: 0.5, isOff: true },
    { name: 'cachedShare', planned: 0.5, actual: 0.48, change: -0.04, isOff: false },
    { name: 'turnsPerMinute', planned: 1000, actual: null, change: null, isOff: false },
  ],
  scaleNow: 1.2,
  triggers: [
    {
      stage: 'stage 2',
      trigger: { dimension: 'rpm', provider: 'p', model: 'm', threshold: 2000, why: '' },
      now: 2400,
      share: 1.2,
      state: 'passed',
    },
  ],
  breaksAt: { planned: { scale: 1.5, dimension: 'rpm', provider: 'p', model: 'm' }, actual: null },
  breaksAtPeak: { planned: null, actual: null },
  cost: [{ scale: 1, planned: 1000, actual: 1500 }],
  perTurn: [{ scale: 1, planned: 0.01, actual: null }],
};

test('what is due comes first; unknown is a question mark', () => {
  expect(reviewText(review, names, { colour: false })).toMatchInlineSnapshot(`
    "agents, held against production
      The trigger of stage 2 has passed: it is due.

    Assumed and measured
                                plan  measured  change
      LLM calls per turn           2         3    +50%  off
      input read from a cache    50%       48%     -4%
      turns per minute         1,000         ?

    Triggers of the next stages
                           threshold    now  share
      stage 2  RPM of p m      2,000  2,400   120%  passed

    The answer, recomputed on what was measured
                                        plan     now
      runs at                             1x    1.2x
      breaks at (mean)            1.5x (RPM)       ?
      breaks at (busiest minute)           ?       ?
      cost per month at 1x            $1,000  $1,500
      cost per turn at 1x             $0.010       ?
    "
  `);
});

test.for([
  { why: 'near', state: 'near', says: 'stage 2 is near' },
  { why: 'not judged', state: 'unknown', says: 'Not every trigger can be judged' },
  { why: 'ahead, with a number off', state: 'ahead', says: '1 of its numbers are off' },
] as const)('the verdict when the trigger is $why', ({ says, state }) => {
  const triggers = review.triggers.map((one) => ({ ...one, state }));
  expect(reviewText({ ...review, triggers }, names, { colour: false })).toContain(says);
});

test('the plan holds', () => {
  const fine = { ...review, assumptions: [], triggers: [] };
  expect(reviewText(fine, names, { colour: false })).toContain('The plan holds.');
});

test('JSON is versioned and keeps unknown null', () => {
  const json = reviewJson(review, names, '1.2.3');
  expect(json).toMatchObject({ schema: 'agent-infra/plan-review', schemaVersion: '1.0', ...names });
  expect(json.perTurn[0]!.actual).toBeNull();
});
