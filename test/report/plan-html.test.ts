import { expect, test } from 'vitest';

import { makePlan } from '../../src/capacity/plan.ts';
import { renderPlanHtml } from '../../src/report/html-plan-page.ts';
import { planOf, routeOf, trafficOf } from '../capacity/example-plan.ts';
import { htmlFaults } from './well-formed.ts';

const options = { replications: 2, mostCalls: 5000 };

test('the page of a plan is well formed, self-contained, and begins with the answer', () => {
  const hostile = '<img src=x>"';
  const plan = makePlan(
    planOf({
      name: hostile,
      traffic: trafficOf({ tokens: { input: 100, output: 10, cachedShare: 0, variation: 0 } }),
      routes: [routeOf({ model: hostile, price: { inputUsd: 1, outputUsd: 2 } })],
      warnings: ['mind the gap'],
      notCounted: ['taxes'],
      assumptions: [{ key: 'retry', value: 'python', why: 'a default' }],
      sources: [{ of: 'limits', page: hostile, date: '2026-10-04', basis: 'listed' }],
    }),
    options,
  );
  const page = renderPlanHtml(plan);
  expect(htmlFaults(page)).toEqual([]);
  expect(page).not.toContain('<img');
  const [, heading] = /<h1>(.*?)<\/h1>/s.exec(page)!;
  expect(heading).toContain('Breaks at 0.75x');
  for (const part of ['does not fit', 'FAIL', 'mind the gap', 'taxes', '2026-10-04', 'a default']) {
    expect(page).toContain(part);
  }
});

test('what nobody knows is a question mark there, too', () => {
  const page = renderPlanHtml(makePlan(planOf({ routes: [routeOf({ limits: {} })] }), options));
  expect(page).toContain('No limit is known');
  expect(page).toContain('? a month');
  expect(page).not.toContain('fullest limit');
});
