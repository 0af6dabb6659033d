import { expect, test } from 'vitest';

import { makePlan } from '../../src/capacity/plan.ts';
import { planText } from '../../src/report/plan-text.ts';
import { planOf, routeOf, trafficOf } from '../capacity/example-plan.ts';

test('the worked example, in full', () => {
  const traffic = trafficOf({
    tokens: { input: 3000, output: 300, cachedShare: 0.5, variation: 0 },
  });
  const price = { inputUsd: 1, cacheReadUsd: 0.1, outputUsd: 5, batchFactor: 0.5 };
  const plan = makePlan(
    planOf({
      traffic,
      routes: [routeOf({ price })],
      ops: [{ name: 'on call', usdPerMonth: 2000, fromScale: 3 }],
      assumptions: [{ key: 'goals.headroom', value: '20%', why: 'our default' }],
      sources: [
        { of: 'limits a', page: 'https://example.com/limits', date: '2026-10-04', basis: 'listed' },
        { of: 'limits b', page: 'https://example.com/limits', date: '2026-10-04', basis: 'listed' },
      ],
    }),
  );
  expect(planText(plan)).toMatchInlineSnapshot(`
    "test
    Breaks at 0.75x: RPM of custom model. The busiest minute of an hour breaks it at 0.69x.
    Costs a month: $66,528 at 1x, $201,584 at 3x, $667,280 at 10x.
    Next: route 50% of these calls to a second model or provider, then it breaks at 1.5x.
      FAIL  fits at 1x: breaks at 0.75x

    Demand in the busy period
           verdict       turns/min  LLM calls/min  input tok/min  cached  output tok/min      in flight
      1x   does not fit      1,000  2,000 / 2,141     6M / 6.42M     50%   600k / 642.4k      100 / 134
      3x   does not fit      3,000  6,000 / 6,270   18M / 18.81M     50%    1.8M / 1.88M      300 / 363
      10x  does not fit        10k    20k / 20.5k   60M / 61.48M     50%      6M / 6.15M  1,000 / 1,115
      mean / busiest minute of 60, from 10 simulated hours; whole sessions, fan-out kept
      a turn takes 6 s on average, 95 % of them up to 6 s, without waiting for limits

    Limits
                    limit         peak at 1x  peak at 3x  peak at 10x  breaks at  at 1x
      custom model  RPM    1,500      142.7%        418%      1366.2%      0.75x  ████████████████████▶ ← binding

    Rejections, or waiting
                     at  429 first  fails  attempts  or wait  429 first*  fails*  attempts*  or wait*
      custom model   1x      49.4%    17%     1.74x   no end       61.6%   15.8%      1.81x    no end
      custom model   3x      87.2%  61.7%     2.57x   no end       82.5%   60.9%      2.45x    no end
      custom model  10x      99.9%  86.8%      2.9x   no end       94.2%   86.2%      2.81x    no end
      with retries; windows as documented, and * with RPM enforced in every second
      or wait: mean and 95th percentile when the client queues calls until there is room

    Ways out, best first (mean demand)
         change                                                            breaks at  use at 1x  fits 1x  API $/month
      1  route 50% of these calls to a second model or provider           1.5x (RPM)      66.7%  yes              ±$0  assumes the same limits there
      2  make 1 instead of 2 calls per turn                               1.5x (RPM)      66.7%  yes         -$33,264  at most 1.5 calls per turn fit at 1x
      3  answer 30% of calls from a response cache                       1.07x (RPM)      93.3%  yes         -$19,958  a hit rate of 25% is needed at 1x; measure yours
      4  get a higher tier or a raised limit: 2,500 RPM                  1.25x (RPM)        80%  yes              ±$0  20% headroom at 1x; the provider decides
      5  move 20% of calls to the batch interface                        0.94x (RPM)     106.7%  no           -$6,653  only for calls that may wait up to 24 hours; batch queues have limits of their own
      6  queue and spread calls in the client instead of sending bursts  0.75x (RPM)     133.3%  no               ±$0  first rejections move from 0.69x to 0.75x; at 1x the queue only grows

    Cost per month
                API  infra     ops  total/month  per turn  per concurrent user
      1x    $66,528     $0      $0      $66,528  $0.00630                 $133
      3x   $199,584     $0  $2,000     $201,584  $0.00636                 $134
      10x  $665,280     $0  $2,000     $667,280  $0.00632                 $133

    The bill, line by line ($ a month)
                    at 1x                          1x        3x       10x
      custom model  21.12M calls at $0.00315  $66,528  $199,584  $665,280
      on call       later                          $0    $2,000    $2,000

    Sensitivity: one assumption at a time, around $66,528 a month
                                                      range  cost at 1x                          low      high  breaks at  why
      users and sessions                               ±25%  ██████████████│██████████████  -$16,632  +$16,632  1x … 0.6x  planning tolerance; measure to narrow it
      hours of busy traffic a month                    ±25%  ██████████████│██████████████  -$16,632  +$16,632          =  planning tolerance; measure to narrow it
      input tokens per call                            ±20%          ██████│██████           -$6,970   +$6,970          =  planning tolerance; measure to narrow it
      API prices                                       ±10%          ██████│██████           -$6,653   +$6,653          =  discounts and price changes within a quarter
      output tokens per call                           ±20%           █████│█████            -$6,336   +$6,336          =  planning tolerance; measure to narrow it
      share of input read from the prompt cache  ±10 points           █████│█████            +$5,702   -$5,702          =  hit rates move with traffic per prefix and with changes of the prompt

    Stages
      stage 1, for 1x: now
        - have 3,000 RPM for custom model, 2 times what this stage starts with: more providers, models or regions, or a raised limit
        carries 1.42x (RPM), $66,528 per month
      stage 2, for 3x: when RPM of custom model stays above 2,000 (1x; 70% of what the stage before carries, 1.42x, is already less)
        - have 9,000 RPM for custom model, 3 times what this stage starts with: more providers, models or regions, or a raised limit
        carries 4.34x (RPM), $201,584 per month
      stage 3, for 10x: when RPM of custom model stays above 6,073 (70% of what the stage before carries, 4.34x)
        - have 27k RPM for custom model, 3 times what this stage starts with: more providers, models or regions, or a raised limit
        carries 13.2x (RPM), $667,280 per month

    Assumed, because the plan does not say
      goals.headroom  20%  our default

    Sources
      date        basis   number and page
      2026-10-04  listed  limits a, limits b: https://example.com/limits
    "
  `);
});

test('unknown is a question mark and is named, never a zero', () => {
  const text = planText(makePlan(planOf({ routes: [routeOf({ limits: {} })], scales: [1] })));
  expect(text).toContain('No limit is known that could break this plan.');
  expect(text).toContain('FAIL  fits at 1x: unknown');
  expect(text).toMatch(/1x +\? +\$0 +\$0 +\? +\?/);
  expect(text).toContain('the workload gives no token counts');
});

test('names from outside cannot paint the terminal', () => {
  const route = routeOf({ provider: 'evil\u001B[31m', model: 'line\nbreak' });
  const text = planText(makePlan(planOf({ routes: [route], scales: [1], name: 'a\u001Bb' })));
  expect(text).not.toContain('\u001B');
  expect(text).not.toContain('line\nbreak');
});

test('colour marks the verdict and changes nothing else', () => {
  const plan = makePlan(planOf({ scales: [1] }));
  // eslint-disable-next-line no-control-regex -- colours are what is looked for
  expect(planText(plan, { colour: true }).replaceAll(/\u001B\[\d+m/g, '')).toBe(planText(plan));
  expect(planText(plan, { colour: true })).toContain('\u001B[31mdoes not fit');
});
