import { expect, test } from 'vitest';

import { makePlan } from '../../src/capacity/plan.ts';
import { provisionedText, splitText } from '../../src/report/plan-routing.ts';
import { marginText, sensitivityText } from '../../src/report/plan-sensitivity.ts';
import { planOf, routeOf, trafficOf } from '../capacity/example-plan.ts';

const plain = { colour: false };
const price = (usd: number): { inputUsd: number; outputUsd: number } => ({
  inputUsd: usd,
  outputUsd: usd,
});
const plan = makePlan(
  planOf({
    scales: [1],
    traffic: trafficOf({ tokens: { input: 900, output: 100, cachedShare: 0, variation: 0 } }),
    routes: [
      routeOf({
        model: 'dear',
        limitPool: 'dear',
        price: price(2),
        limits: { rpm: 9000 },
        provisioned: {
          unit: 'PTU',
          tokensPerMinutePerUnit: 10_000,
          weights: { input: 1, cacheRead: 0, output: 1 },
          minimum: 15,
          increment: 5,
          term: 'year',
          usdPerUnitMonth: 100,
          overflow: 'refused',
        },
      }),
    ],
    alternatives: [
      routeOf({ model: 'cheap', limitPool: 'cheap', price: price(1), limits: { rpm: 1000 } }),
      routeOf({ model: 'no-price', limitPool: 'x', limits: { rpm: 1000 } }),
    ],
    business: { usdPerTurn: 0.01, taskSuccess: 1 },
  }),
  { replications: 3 },
);

test('the split names shares, money, the full limit and what is left out', () => {
  expect(splitText(plan, plain)).toMatchInlineSnapshot(`
    "
    Cheapest split over routes and alternatives, under all limits
          share  calls  to            API/month  as planned  busiest minute
      1x   100%  all                    $34,624     $42,240  fits
          63.9%         custom/dear     $27,008
          36.1%         custom/cheap     $7,616
      1x: RPM of custom cheap (1,000) is full; +100 saves $762 a month ($7.62 per unit)
      custom no-price is left out: no price is known"
  `);
});

test('reserved units: what they cost, what spills, and from where they pay', () => {
  expect(provisionedText(plan, plain)).toMatchInlineSnapshot(`
    "
    Provisioned base with pay-as-you-go above it
                                  cheapest units  for the peak  base/month  spill/month  pay-as-you-go   used  pays from  spilled  spill fits
      custom dear, PTU, year  1x             200           218     $20,000         $402        $42,004  23.7%      11.4%       1%           ?
      above the units calls are refused: configure spillover, or they fail"
  `);
});

test('the tornado has its widest bar first', () => {
  expect(sensitivityText(plan, plain)).toMatchInlineSnapshot(`
    "
    Sensitivity: one assumption at a time, around $42,240 a month
                                     range  cost at 1x                          low      high  breaks at  why
      users and sessions              ±25%  ██████████████│██████████████  -$10,560  +$10,560  6x … 3.6x  planning tolerance; measure to narrow it
      hours of busy traffic a month   ±25%  ██████████████│██████████████  -$10,560  +$10,560          =  planning tolerance; measure to narrow it
      input tokens per call           ±20%      ██████████│██████████       -$7,603   +$7,603          =  planning tolerance; measure to narrow it
      API prices                      ±10%          ██████│██████           -$4,224   +$4,224          =  discounts and price changes within a quarter
      output tokens per call          ±20%               █│█                  -$845     +$845          =  planning tolerance; measure to narrow it"
  `);
});

test('margin per scale', () => {
  expect(marginText(plan, plain)).toMatchInlineSnapshot(`
    "
    Margin
             per month  value each  cost each  value/month  margin/month  margin
      1x  10.56M turns      $0.010   $0.00400     $105,600       $63,360     60%"
  `);
});

test('nothing to say is no heading', () => {
  const bare = makePlan(planOf({ scales: [1] }), { replications: 2 });
  expect(splitText(bare, plain) + provisionedText(bare, plain) + marginText(bare, plain)).toBe('');
});
