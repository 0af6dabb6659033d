import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { chooseOption, findFlips } from '../../src/capacity/stack-choice.ts';
import type { ComponentNeed } from '../../src/capacity/stack-choice.ts';
import type { StackOption } from '../../src/capacity/stack-option.ts';
import { loadOf, optionOf, rulesOf } from './stack-example.ts';

const usd = (amount: number, per: 'hour' | 'month' | 'unit') => ({ per, steps: [{ usd: amount }] });

/** $1 per million messages: $3.60 at 1x. */
const byUse = optionOf({
  name: 'by-use',
  title: 'By use',
  cloud: 'aws',
  prices: [{ item: 'message', price: usd(1e-6, 'unit'), per: 'messages', units: 1 }],
});
/** $10 a month, whatever the load. */
const flat = optionOf({
  name: 'flat',
  title: 'Flat',
  family: 'flats',
  cloud: 'gcp',
  skills: ['flat'],
  prices: [{ item: 'plan', price: usd(10, 'month'), per: 'fixed', units: 1 }],
});

function need(change: Partial<ComponentNeed> = {}): ComponentNeed {
  return {
    component: 'queue',
    choose: 'auto',
    options: [flat, byUse],
    features: [],
    clouds: ['aws', 'gcp'],
    ...change,
  };
}

describe('the choice', () => {
  test('the cheapest that carries the load, with the next best and the difference', () => {
    const choice = chooseOption(need(), loadOf(), rulesOf());
    expect(choice.chosen?.option).toBe('by-use');
    expect(choice.runnerUp?.option).toBe('flat');
    expect(choice.why).toBe('$3.60 a month ($3.60 + 0 h of work), $6.40 less than Flat');
    expect(chooseOption(need(), loadOf(10), rulesOf()).chosen?.option).toBe('flat');
  });

  test('hours that the team must learn can outweigh the rent', () => {
    const hours = { ...rulesOf().hours, serverless: { base: 1, perNode: 0, onCall: 0 } };
    const rules = rulesOf({ hours, skills: ['aws'], unknownSkillFactor: 2 });
    const choice = chooseOption(need(), loadOf(10), rules);
    expect(choice.chosen?.option).toBe('by-use');
    expect(choice.why).toBe(
      '$136 a month ($36.00 + 1 h of work), $74.00 less than Flat, which costs $26.00 less to rent but more to run; the team lacks flat for it',
    );
  });

  test.for([
    {
      why: 'another cloud',
      change: { clouds: ['gcp'] },
      chosen: 'flat',
      reason: 'runs on aws; the plan runs on gcp',
    },
    {
      why: 'the plan names an option',
      change: { choose: 'flat' },
      chosen: 'flat',
      reason: 'the plan asks for flat',
    },
    {
      why: 'the plan names a family',
      change: { choose: 'flats' },
      chosen: 'flat',
      reason: 'the plan asks for flats',
    },
    {
      why: 'a named option runs where it runs',
      change: { choose: 'flat', clouds: ['aws'] },
      chosen: 'flat',
      reason: 'the plan asks for flat',
    },
    {
      why: 'a feature that is missing',
      change: {
        features: ['ordered' as const],
        options: [{ ...flat, features: ['ordered' as const] }, byUse],
      },
      chosen: 'flat',
      reason: 'does not keep the order of a session’s messages',
    },
  ])('$why', ({ change, chosen, reason }) => {
    const choice = chooseOption(need(change), loadOf(), rulesOf());
    expect(choice.chosen?.option).toBe(chosen);
    expect(choice.excluded).toMatchObject([{ option: 'by-use', reason, kind: 'fit' }]);
  });

  test('nothing fits: no option, no cost, and every reason', () => {
    const small = {
      ...byUse,
      limits: [{ load: 'messageBytes' as const, atMost: 1024, effect: 'excludes' as const }],
    };
    const choice = chooseOption(need({ options: [small], clouds: ['aws'] }), loadOf(), rulesOf());
    expect(choice.chosen).toBeNull();
    expect(choice.why).toBe(
      'no option for queue: By use: message of 100 KiB exceeds the 1 KiB limit',
    );
  });

  test('equal cost goes to less work', () => {
    const hours = { ...rulesOf().hours, managed: { base: 0.1, perNode: 0, onCall: 0 } };
    const worked = { ...flat, name: 'worked', operations: 'managed' as const, prices: [] };
    const choice = chooseOption(need({ options: [worked, flat] }), loadOf(), rulesOf({ hours }));
    expect(choice.ranked.map((one) => one.option)).toEqual(['flat', 'worked']);
    expect(choice.ranked[0]!.usdPerMonth).toBe(choice.ranked[1]!.usdPerMonth);
  });
});

describe('where it flips', () => {
  test('at the scale where both cost the same: $3.60 × s = $10', () => {
    const flips = findFlips([1, 3, 10], (scale) => chooseOption(need(), loadOf(scale), rulesOf()));
    expect(flips).toMatchObject([{ from: 'by-use', to: 'flat' }]);
    expect(flips[0]!.atScale).toBeCloseTo(10 / 3.6, 3);
    expect(flips[0]!.text).toBe('from 2.78x Flat instead of By use: it is cheaper from there');
  });

  test('at a limit, with the limit as the reason; and when nothing is left', () => {
    const limits = [
      { load: 'messagesPerSecond' as const, atMost: 40, effect: 'excludes' as const },
    ];
    const options = [{ ...byUse, limits }];
    const flips = findFlips([1, 10], (scale) =>
      chooseOption(need({ options }), loadOf(scale), rulesOf()),
    );
    // 20 messages a second at 1x.
    expect(flips).toMatchObject([{ from: 'by-use', to: null }]);
    expect(flips[0]!.atScale).toBeCloseTo(2, 3);
    expect(flips[0]!.text).toContain('nothing carries the load');
    const both = findFlips([1, 2.5], (scale) =>
      chooseOption(need({ options: [...options, flat] }), loadOf(scale), rulesOf()),
    );
    expect(both[0]!.text).toBe(
      'from 2x Flat instead of By use: messages per second of just over 40 exceeds the 40 limit',
    );
  });

  test('one scale has no in-between', () => {
    expect(findFlips([1], () => chooseOption(need(), loadOf(), rulesOf()))).toEqual([]);
  });
});

/** Any product: limits, node sizes and prices, by chance. */
const anyOption: fc.Arbitrary<StackOption> = fc
  .record({
    limit: fc.integer({ min: 1, max: 2000 }),
    each: fc.integer({ min: 1, max: 64 }),
    atLeast: fc.integer({ min: 1, max: 3 }),
    atMost: fc.option(fc.integer({ min: 3, max: 9 }), { nil: undefined }),
    hourly: fc.double({ min: 0.01, max: 2, noNaN: true }),
    unit: fc.double({ min: 0, max: 1e-4, noNaN: true }),
    included: fc.integer({ min: 0, max: 1e7 }),
    minimum: fc.integer({ min: 0, max: 500 }),
    operations: fc.constantFrom('serverless', 'managed', 'self-run', 'self-run-data'),
  })
  .map((one) =>
    optionOf({
      operations: one.operations,
      limits: [{ load: 'messagesPerSecond', atMost: one.limit, effect: 'excludes' }],
      nodes: [
        {
          name: 'node',
          carries: [
            { load: 'workerMemoryBytes', each: one.each * 1024 ** 3 },
            { load: 'workerCores', each: one.each },
          ],
          atLeast: one.atLeast,
          atMost: one.atMost,
          prices: [{ item: 'node', price: usd(one.hourly, 'hour'), units: 1 }],
        },
      ],
      prices: [
        {
          item: 'use',
          per: 'messages',
          units: 1,
          price: {
            per: 'unit',
            steps: [{ width: 1e6, usd: one.unit }, { usd: one.unit / 2 }],
            includedPerMonth: one.included,
            minimumUsdPerMonth: one.minimum,
          },
        },
      ],
    }),
  );

test('more load never costs less, whatever is on offer', () => {
  const hours = {
    serverless: { base: 1, perNode: 0, onCall: 0.5 },
    managed: { base: 3, perNode: 0.1, onCall: 1 },
    'self-run': { base: 8, perNode: 0.25, onCall: 3 },
    'self-run-data': { base: 16, perNode: 1, onCall: 6 },
  };
  fc.assert(
    fc.property(
      fc.array(anyOption, { minLength: 1, maxLength: 4 }),
      fc.double({ min: 0.1, max: 50, noNaN: true }),
      fc.double({ min: 1, max: 3, noNaN: true }),
      (options, scale, growth) => {
        const cost = (at: number): number =>
          chooseOption(need({ options, clouds: [] }), loadOf(at), rulesOf({ hours })).chosen
            ?.usdPerMonth ?? Number.POSITIVE_INFINITY;
        expect(cost(scale * growth)).toBeGreaterThanOrEqual(cost(scale) * (1 - 1e-9));
      },
    ),
  );
});
