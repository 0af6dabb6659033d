import { describe, expect, test } from 'vitest';

import { sizeOption } from '../../src/capacity/stack-option.ts';
import type { StackOption } from '../../src/capacity/stack-option.ts';
import type { StackLoad } from '../../src/capacity/stack-load.ts';
import { loadOf, optionOf, rulesOf } from './stack-example.ts';

const flat = (usd: number, per: 'hour' | 'month' | 'unit' = 'unit') => ({ per, steps: [{ usd }] });

function sized(option: StackOption, load: StackLoad = loadOf(), rules = rulesOf()) {
  const outcome = sizeOption(option, load, rules);
  if (!outcome.fits) throw new Error(outcome.excluded.reason);
  return outcome.sized;
}

function reason(option: StackOption, load: StackLoad = loadOf()): string {
  const outcome = sizeOption(option, load, rulesOf());
  return outcome.fits ? 'fits' : outcome.excluded.reason;
}

describe('limits', () => {
  test.for([
    { why: 'one below', value: 899, says: 'fits' },
    { why: 'exactly the limit is allowed', value: 900, says: 'fits' },
    { why: 'one above', value: 901, says: 'turn p95 of 15 min 1 s exceeds the 15 min limit' },
    {
      why: 'so little above that it reads the same',
      value: 900.1,
      says: 'turn p95 of 15 min 0 s exceeds the 15 min limit',
    },
    {
      why: 'in minutes where they are whole',
      value: 1080,
      says: 'turn p95 of 18 min exceeds the 15 min limit',
    },
  ])('$why', ({ value, says }) => {
    const option = optionOf({
      limits: [{ load: 'turnSecondsP95', atMost: 900, effect: 'excludes' }],
    });
    expect(reason(option, { ...loadOf(), turnSecondsP95: value })).toBe(says);
  });

  test.for([
    {
      effect: 'raisable' as const,
      says: 'needs a raised quota: turns in flight of 120, 119 by default (per region)',
    },
    { effect: 'degrades' as const, says: 'turns in flight of 120 is above 119 (per region)' },
  ])('a limit that $effect is a note, not an exclusion', ({ effect, says }) => {
    const limits = [{ load: 'concurrentTurns', atMost: 119, effect, note: 'per region' }] as const;
    expect(sized(optionOf({ limits })).notes).toEqual([says]);
  });

  test('what is not known is no pass', () => {
    const option = optionOf({ limits: [{ load: 'dimensions', atMost: 2000, effect: 'excludes' }] });
    expect(sizeOption(option, loadOf(), rulesOf())).toMatchObject({
      fits: false,
      excluded: { kind: 'unknown', reason: 'dimensions of a vector is not known' },
    });
    const billed = optionOf({
      prices: [{ item: 'gb', price: flat(1), per: 'vectorGb', units: 1 }],
    });
    expect(reason(billed)).toBe('what it bills, gb, is not known');
  });
});

describe('nodes', () => {
  // 120 turns in flight, 256 MiB each: 30 GiB; 40 calls a second of 0.1 s: 4 cores.
  const carries = (memoryGib: number, cores: number) => [
    { load: 'workerMemoryBytes' as const, each: memoryGib * 1024 ** 3 },
    { load: 'workerCores' as const, each: cores },
  ];
  const node = (memoryGib: number, cores: number, atLeast = 1, atMost?: number) => ({
    name: `${memoryGib} GiB`,
    carries: carries(memoryGib, cores),
    atLeast,
    atMost,
    prices: [{ item: 'node', price: flat(0.1, 'hour'), units: 1 }],
  });

  test.for([
    {
      why: 'memory decides',
      node: node(10, 4),
      nodes: 3,
      binding: 'workerMemoryBytes',
      utilisation: 1,
    },
    { why: 'CPU decides', node: node(30, 1), nodes: 4, binding: 'workerCores', utilisation: 1 },
    { why: 'the minimum decides', node: node(64, 8, 2), nodes: 2, binding: null, utilisation: 1 },
    {
      why: 'a node is not filled',
      node: node(10, 100),
      nodes: 6,
      binding: 'workerMemoryBytes',
      utilisation: 0.5,
    },
    {
      why: 'exactly full is enough',
      node: node(15, 2),
      nodes: 2,
      binding: 'workerMemoryBytes',
      utilisation: 1,
    },
  ])('$why', ({ node: size, nodes, binding, utilisation }) => {
    const one = sized(optionOf({ nodes: [size] }), loadOf(), rulesOf({ utilisation }));
    expect(one).toMatchObject({ nodes, binding, infraUsdPerMonth: nodes * 0.1 * 730 });
  });

  test('the cheapest size that carries the load, with the work of its nodes', () => {
    const dear = { ...node(30, 4), prices: [{ item: 'big', price: flat(0.5, 'hour'), units: 1 }] };
    const option = optionOf({ nodes: [node(10, 4), dear], operations: 'self-run' });
    // Three small ones: 3 × $73. One big one: $365.
    expect(sized(option)).toMatchObject({ nodes: 3, usdPerMonth: expect.closeTo(219) as number });
    const hours = { ...rulesOf().hours, 'self-run': { base: 0, perNode: 1, onCall: 0 } };
    // With an hour of $100 per node: $519 against $465.
    expect(sized(option, loadOf(), rulesOf({ hours }))).toMatchObject({
      nodes: 1,
      usdPerMonth: expect.closeTo(465) as number,
    });
  });

  test('an instance that does not scale out is excluded with what it would need', () => {
    const option = optionOf({ nodes: [node(10, 4, 1, 2)] });
    expect(reason(option)).toBe(
      'memory of all turns in flight of 30 GiB needs 3 10 GiB; it scales to 2',
    );
    expect(reason(optionOf({ nodes: [node(15, 4, 1, 2)] }))).toBe('fits');
  });
});

describe('cost', () => {
  test('usage by its meters, machines by the hour, subscriptions by the month', () => {
    const option = optionOf({
      prices: [
        { item: 'request', price: flat(0.000_000_4), per: 'messages', units: 3 },
        { item: 'cluster', price: flat(0.1, 'hour'), per: 'fixed', units: 1 },
        { item: 'plan', price: flat(5, 'month'), per: 'fixed', units: 2 },
      ],
    });
    // 3.6M messages × 3 × $0.4 per million = $4.32; 730 × $0.10 = $73; 2 × $5.
    const { lines, infraUsdPerMonth } = sized(option);
    expect(lines.map((line) => [line.name, line.quantity])).toEqual([
      ['request', 10_800_000],
      ['cluster', 1],
      ['plan', 2],
    ]);
    expect(infraUsdPerMonth).toBeCloseTo(4.32 + 73 + 10, 6);
  });

  test('steps, allowances and minimums are those of the month', () => {
    const price = {
      per: 'unit' as const,
      steps: [{ width: 1e6, usd: 2e-6 }, { usd: 1e-6 }],
      includedPerMonth: 600_000,
      minimumUsdPerMonth: 3,
    };
    const option = optionOf({ prices: [{ item: 'call', price, per: 'turns', units: 1 }] });
    // 3.6M - 0.6M included = 3M: 1M at $2 per million and 2M at $1.
    expect(sized(option).infraUsdPerMonth).toBeCloseTo(4, 9);
    expect(sized(option, loadOf(0.2)).infraUsdPerMonth).toBe(3);
  });

  test.for([
    { why: 'not said: hours as they are', skills: undefined, factor: 1, missing: [] },
    { why: 'all known', skills: ['aws', 'kafka'], factor: 0.5, missing: [] },
    { why: 'half known', skills: ['aws'], factor: 1.25, missing: ['kafka'] },
    { why: 'none known', skills: [], factor: 2, missing: ['kafka', 'aws'] },
  ])('skills, $why', ({ skills, factor, missing }) => {
    const hours = { ...rulesOf().hours, managed: { base: 3, perNode: 0, onCall: 1 } };
    const option = optionOf({ operations: 'managed', skills: ['kafka', 'aws'] });
    const one = sized(
      option,
      loadOf(),
      rulesOf({ hours, skills, knownSkillFactor: 0.5, unknownSkillFactor: 2 }),
    );
    expect(one).toMatchObject({
      skillFactor: factor,
      missingSkills: missing,
      opsHoursPerMonth: 4 * factor,
      opsUsdPerMonth: 400 * factor,
      usdPerMonth: 400 * factor,
    });
  });
});
