import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { COUNTING_RULES } from '../../src/capacity/debit.ts';
import type { Limits } from '../../src/capacity/limit.ts';
import { makePlan } from '../../src/capacity/plan.ts';
import type { PlanInput, Route } from '../../src/capacity/plan-input.ts';
import { cheapestSplit } from '../../src/capacity/split.ts';
import type { Split } from '../../src/capacity/split.ts';
import { splitClasses, splitOptions } from '../../src/capacity/split-options.ts';
import { planOf, routeOf, trafficOf } from './example-plan.ts';

const traffic = trafficOf({ tokens: { input: 900, output: 100, cachedShare: 0, variation: 0 } });

/** A provider whose call costs `usd` thousandths of a cent, with its own limits. */
function provider(model: string, usd: number, limits: Limits, route: Partial<Route> = {}): Route {
  return routeOf({
    model,
    limitPool: model,
    limits,
    price: { inputUsd: usd, outputUsd: usd },
    ...route,
  });
}

function planFor(routes: readonly Route[], alternatives: readonly Route[]): PlanInput {
  return planOf({ traffic, routes, alternatives });
}

/** 2,000 calls a minute of 1,000 tokens, at 1x. */
function solve(
  routes: readonly Route[],
  alternatives: readonly Route[] = [],
  options: { scale?: number; headroom?: number } = {},
): Split {
  const { scale = 1, headroom = 0 } = options;
  const input = planFor(routes, alternatives);
  const classes = splitClasses(input);
  const found = splitOptions(input, classes);
  return cheapestSplit(classes, found.options, {
    scale,
    callsPerMinute: 2000 * scale,
    callsPerMonth: 1_000_000 * scale,
    headroom,
    peakFactor: () => 1,
  })!;
}

const sharesOf = (split: Split): number[] => {
  const shares: number[] = [];
  for (const { option, share } of split.shares) {
    shares[option] = (shares[option] ?? 0) + share;
  }
  return Array.from(shares, (share) => Number((share ?? 0).toFixed(6)));
};

describe('hand-solved splits', () => {
  test('the cheaper is filled first, the dearer takes the rest', () => {
    const split = solve([provider('dear', 2, { rpm: 5000 })], [provider('cheap', 1, { rpm: 500 })]);
    expect(sharesOf(split)).toEqual([0.75, 0.25]);
    expect(split.unserved).toBe(0);
    // 250,000 calls at $0.001 and 750,000 at $0.002.
    expect(split.usdPerMonth).toBeCloseTo(250 + 1500, 6);
    expect(split.binding).toHaveLength(1);
    // One more request a minute moves 1/2000 of a million calls to a price $0.001 lower.
    expect(split.binding[0]).toMatchObject({ model: 'cheap', dimension: 'rpm', limit: 500 });
    expect(split.binding[0]!.usdPerUnitMonth).toBeCloseTo(0.5, 6);
  });

  test('the binding dimension is the one that fills, not the one with the smaller number', () => {
    const split = solve(
      [provider('dear', 2, { rpm: 5000 })],
      [provider('cheap', 1, { rpm: 1000, tpm: 400_000 })],
    );
    expect(sharesOf(split)).toEqual([0.8, 0.2]);
    expect(split.binding.map(({ dimension }) => dimension)).toEqual(['tpm']);
    // A token a minute is a thousandth of a call a minute.
    expect(split.binding[0]!.usdPerUnitMonth).toBeCloseTo(0.0005, 8);
  });

  test('headroom shrinks what may be used, and a unit of limit is worth less', () => {
    const split = solve(
      [provider('dear', 2, { rpm: 5000 })],
      [provider('cheap', 1, { rpm: 500 })],
      { headroom: 0.2 },
    );
    expect(sharesOf(split)).toEqual([0.8, 0.2]);
    expect(split.binding[0]!.usdPerUnitMonth).toBeCloseTo(0.4, 6);
  });

  test('too little for all: as many as fit, and what a limit lets through', () => {
    const split = solve([provider('one', 1, { rpm: 500 })], [provider('two', 2, { rpm: 1000 })]);
    expect(sharesOf(split)).toEqual([0.25, 0.5]);
    expect(split.unserved).toBeCloseTo(0.25, 9);
    expect(split.binding.map(({ callsPerMinutePerUnit }) => callsPerMinutePerUnit)).toEqual([
      expect.closeTo(1, 6),
      expect.closeTo(1, 6),
    ]);
  });

  test('two regions have limits of their own; two routes of one pool share them', () => {
    const same = [
      provider('a', 1, { rpm: 1000 }, { share: 0.5 }),
      provider('a', 1, { rpm: 1000 }, { share: 0.5 }),
    ];
    expect(solve(same).unserved).toBeCloseTo(0.5, 9);
    const regions = [same[0]!, { ...same[1]!, limitPool: 'a in west' }];
    expect(solve(regions).unserved).toBeCloseTo(0, 9);
  });

  test('another tokenizer costs limits and money: 30 % more tokens, fewer calls', () => {
    const rule = COUNTING_RULES.generic;
    const limits = { tpm: 1_300_000 };
    const one = solve(
      [provider('dear', 9, { rpm: 9000 })],
      [provider('cheap', 1, limits, { rule })],
    );
    const other = solve(
      [provider('dear', 9, { rpm: 9000 })],
      [provider('cheap', 1, limits, { rule, tokenFactor: 1.3 })],
    );
    expect(sharesOf(one)).toEqual([0.35, 0.65]);
    expect(sharesOf(other)).toEqual([0.5, 0.5]);
  });
});

describe('what may be chosen', () => {
  test('without price, without limits, too small: named, not used', () => {
    const input = planFor(
      [provider('ok', 1, { rpm: 5000 })],
      [
        { ...provider('free', 1, { rpm: 5000 }), price: null },
        provider('boundless', 0.1, {}),
        provider('tiny', 0.1, { tpm: 500 }),
      ],
    );
    const { options, leftOut } = splitOptions(input, splitClasses(input));
    expect(options.map(({ model }) => model)).toEqual(['ok']);
    expect(leftOut).toEqual([
      { provider: 'custom', model: 'free', why: 'no price is known' },
      { provider: 'custom', model: 'boundless', why: 'no limits are known' },
      { provider: 'custom', model: 'tiny', why: 'some requests are larger than its limit' },
    ]);
  });

  test('calls of a rule stay with the rule; escalated calls are not sent to a cheap stranger', () => {
    const strong = { callClass: 'step = last', share: 0.3 };
    const escalated = {
      callClass: 'escalated from custom weak',
      share: 0.07,
      escalatedFrom: 1,
    };
    const input = planFor(
      [
        provider('strong', 9, { rpm: 9000 }, strong),
        provider('weak', 2, { rpm: 9000 }, { share: 0.7 }),
        provider('judge', 9, { rpm: 9000 }, escalated),
      ],
      [
        provider('cheap', 1, { rpm: 9000 }),
        provider('cheap-strong', 5, { rpm: 9000 }, { callClass: 'step = last' }),
      ],
    );
    const classes = splitClasses(input);
    const { options } = splitOptions(input, classes);
    const split = cheapestSplit(classes, options, {
      scale: 1,
      callsPerMinute: 2000,
      callsPerMonth: 1e6,
      headroom: 0,
      peakFactor: () => 1,
    })!;
    const chosen = split.shares.map(({ option, callClass, share }) => [
      options[option]!.model,
      callClass,
      Number(share.toFixed(6)),
    ]);
    expect(chosen).toContainEqual(['judge', 'escalated from custom weak', 0.07]);
    expect(chosen).toContainEqual(['cheap', undefined, 0.7]);
    // "cheap" has no rule of its own, so it may take any class but escalations.
    expect(chosen).toContainEqual(['cheap', 'step = last', 0.3]);
    expect(split.unserved).toBe(0);
  });
});

test('never dearer than any split by hand, and never over a limit', () => {
  const option = fc.record({
    usd: fc.integer({ min: 1, max: 50 }),
    rpm: fc.integer({ min: 100, max: 3000 }),
  });
  fc.assert(
    fc.property(fc.array(option, { minLength: 2, maxLength: 5 }), (offers) => {
      const [first, ...rest] = offers.map(({ usd, rpm }, index) =>
        provider(`m${index}`, usd, { rpm }),
      );
      const split = solve([first!], rest);
      // Greedy by price is optimal when every call weighs the same on every limit.
      let left = 1;
      let usd = 0;
      for (const offer of offers.toSorted((a, b) => a.usd - b.usd)) {
        const share = Math.min(left, offer.rpm / 2000);
        usd += share * offer.usd * 1000;
        left -= share;
      }
      expect(split.unserved).toBeCloseTo(Math.max(0, left), 6);
      expect(split.usdPerMonth).toBeCloseTo(usd, 3);
      for (const { option: index, share } of split.shares) {
        expect(share * 2000).toBeLessThanOrEqual(offers[index]!.rpm * (1 + 1e-6));
      }
    }),
    { numRuns: 60 },
  );
});

test('in a plan: the split is cheaper than the shares as planned, and simulated anew', () => {
  const input = planFor(
    [provider('dear', 2, { rpm: 50_000 })],
    [provider('cheap', 1, { rpm: 2600 })],
  );
  const plan = makePlan({ ...input, scales: [1, 3] }, { replications: 4 });
  const { scales } = plan.split!;
  // At the edge of its headroom by construction; simulated noise decides between the two.
  for (const { verdict } of scales) expect(['fits', 'tight']).toContain(verdict);
  for (const one of scales) expect(one.usdPerMonth).toBeLessThan(one.plannedUsdPerMonth!);
  // Peaks count: less than 2,600 × 80 % of the mean calls go to the cheap one.
  const cheap = scales[0]!.shares.find(({ option }) => option === 1)!.share;
  expect(cheap * 2000).toBeLessThan(2600 * 0.8);
  expect(cheap * 2000).toBeGreaterThan(2600 * 0.8 * 0.85);
});

test('no alternatives, no split', () => {
  const plan = makePlan(
    { ...planFor([provider('a', 1, { rpm: 1 })], []), scales: [1] },
    { replications: 2 },
  );
  expect(plan.split).toBeNull();
});
