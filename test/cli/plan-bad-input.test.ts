import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { runCli } from '../support/run-cli.ts';

/** What a plan refuses: each message names the place, what is wrong there, and what to do. */
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-plan-bad-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PARTS = {
  workload: 'workload: { numbers: { callsPerTurn: 2, callDuration: 3s } }',
  targets: 'targets: { concurrentUsers: 10, interactionsPerMinute: 2 }',
  routes: 'routes: [{ provider: custom, limits: { rpm: 1500 } }]',
};

/** Lines 1 to 5 are the plan; what is added starts in line 6. */
function planFile(change: Partial<typeof PARTS>, more: string): string {
  const file = join(folder, 'plan.yaml');
  const parts = Object.values({ ...PARTS, ...change });
  writeFileSync(file, ['apiVersion: agent-infra/v1', 'kind: Plan', ...parts, more].join('\n'));
  return file;
}

interface BadPlan {
  readonly why: string;
  readonly change?: Partial<typeof PARTS>;
  readonly more?: string;
  /** Line, column and path, then what the message must hold. */
  readonly says: readonly string[];
}

const unknownNames: BadPlan[] = [
  {
    why: 'an unknown model, with the nearest name',
    change: { routes: 'routes: [{ provider: openai, model: gpt-5.4-minni }]' },
    says: ['5:37 routes.0.model:', 'unknown model "gpt-5.4-minni"', 'did you mean "gpt-5.4-mini"'],
  },
  {
    why: 'a tier that does not exist, with those that do',
    change: { routes: 'routes: [{ provider: openai, model: gpt-5.4-mini, tier: gold }]' },
    says: ['5:57 routes.0.tier:', 'unknown tier "gold"', 'tier1', 'tier5'],
  },
  {
    why: 'an unknown provider',
    change: { routes: 'routes: [{ provider: antropic, model: claude-haiku-4-5 }]' },
    says: ['5:22 routes.0.provider:', 'did you mean "anthropic"'],
  },
  {
    why: 'a misspelt key',
    more: 'goals: { monthlyCosts: $5 }',
    says: ['6:10', 'did you mean "monthlyCost"'],
  },
];

const numbers: BadPlan[] = [
  {
    why: 'a negative growth',
    more: 'scales: [-3, 1]',
    says: ['6:10 scales.0:', 'a count such as'],
  },
  {
    why: 'negative users',
    change: { targets: 'targets: { concurrentUsers: -10, interactionsPerMinute: 2 }' },
    says: ['4:29 targets.concurrentUsers:', 'got -10'],
  },
  { why: 'growth that shrinks', more: 'scales: [3, 1]', says: ['6:9 scales:', 'must rise'] },
  {
    why: 'a share above all',
    more: 'caching: { semantic: { hitRate: 140% } }',
    says: ['6:33 caching.semantic.hitRate:', 'a share such as 35%'],
  },
  {
    why: 'a response cache that leaves nothing',
    more: 'caching: { exact: { hitRate: 100% } }',
    says: ['6:30 caching.exact.hitRate:', 'leaves nothing to plan'],
  },
  {
    why: 'a lifetime without a hit rate',
    more: 'caching: { prompt: { lifetime: 1h } }',
    says: ['caching.prompt.lifetime: lifetime needs hitRate'],
  },
  {
    why: 'half a cache key',
    more: 'caching: { prompt: { keys: 0.5 } }',
    says: ['6:28 caching.prompt.keys:', 'whole number'],
  },
];

const contradictions: BadPlan[] = [
  {
    why: 'the same goal twice',
    more: 'goals:\n  monthlyCost: $1k\n  monthlyCost: $2k',
    says: ['8:3', 'keys must be unique'],
  },
  {
    why: 'fewer refusals than none',
    more: 'goals: { rejected: -1% }',
    says: ['6:20 goals.rejected:', 'got "-1%"'],
  },
  {
    why: 'a spend ceiling below what runs and who works without a single call',
    more: 'ops: [{ name: on call, monthly: $2k }]\ngoals: { monthlyCost: $1k }',
    says: ['7:23 goals.monthlyCost:', '$1,000 can never be met', 'cost $2,000 a month at 1x'],
  },
  {
    why: 'people who join at the scale the goal asks for',
    more: 'ops: [{ name: x, monthly: $2k, fromScale: 3 }]\ngoals: { monthlyCost: $1k, fitsAtScale: 3 }',
    says: ['goals.monthlyCost:', 'at 3x'],
  },
  {
    why: 'a machine that always runs',
    more: 'infra: [{ name: db, price: { usd: $1, per: hour }, machines: { per: concurrentTurn, each: 99, atLeast: 2 } }]\ngoals: { monthlyCost: $1k }',
    says: ['goals.monthlyCost:', '$1,460'],
  },
  {
    why: 'turns faster than their own calls',
    more: 'goals: { turnLatency: 5s }',
    says: ['6:23 goals.turnLatency:', '5 s can never be met', 'fastest turn take 6 s'],
  },
  {
    why: 'all of each limit free',
    more: 'goals: { headroom: 100% }',
    says: ['6:20 goals.headroom:', 'leaves nothing to use'],
  },
  {
    why: 'two of them at once, each at its place',
    more: 'ops: [{ name: on call, monthly: $2k }]\ngoals: { monthlyCost: $1k, turnLatency: 5s }',
    says: ['7:23 goals.monthlyCost:', '7:41 goals.turnLatency:'],
  },
];

describe('a plan that cannot be', () => {
  test.for([...unknownNames, ...numbers, ...contradictions])('$why', async (bad) => {
    const file = planFile(bad.change ?? {}, bad.more ?? '');
    const { code, err, out } = await runCli(['plan', 'check', file]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('error [config.invalid]:');
    for (const part of bad.says) expect(err).toContain(part);
    const placed = err.split('\n').filter((line) => line.includes('plan.yaml:'));
    for (const line of placed) expect(line).toMatch(/plan\.yaml:\d+:\d+ /);
  });

  test('10 MB of YAML are refused before they are parsed', async () => {
    const file = planFile({}, `name: ${'x'.repeat(10 * 1024 * 1024)}`);
    const { code, err } = await runCli(['plan', file]);
    expect(code).toBe(2);
    expect(err).toContain('larger than 1024 KiB');
    expect(err.length).toBeLessThan(1000);
  });

  test('an aliased bomb is refused, too', async () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (let level = 0; level < 9; level += 1) {
      const [own, before] = ['bcdefghij'[level]!, 'abcdefghi'[level]!];
      bomb.push(`${own}: &${own} [${Array<string>(9).fill(`*${before}`).join(', ')}]`);
    }
    const { code } = await runCli(['plan', planFile({}, bomb.join('\n'))]);
    expect(code).toBe(2);
  });
});

describe('what nobody knows', () => {
  test('a missing price names provider, model and how to give it; the goal is not met', async () => {
    const file = planFile(
      {
        workload: 'workload: { numbers: { callsPerTurn: 2, inputTokens: 1k, outputTokens: 100 } }',
        routes: 'routes: [{ provider: custom, model: ours, limits: { rpm: 1500 } }]',
      },
      'scales: [1]\ngoals: { monthlyCost: $20k }',
    );
    const { code, err, out } = await runCli(['plan', 'check', file]);
    expect(code).toBe(99);
    const missing =
      'API cost of custom ours: no price is known; give routes.0.prices, or a list with --prices';
    expect(out).toContain(missing);
    expect(err).toContain(`gate failed: monthly cost at 1x: unknown: ${missing}`);
    expect(out).toMatch(/1x +\? /);
  });

  test('a number older than half a year is noted, with its page’s date', async () => {
    const file = planFile(
      {
        workload: 'workload: { numbers: { callsPerTurn: 1, inputTokens: 1k, outputTokens: 100 } }',
        targets: 'targets: { sessionsPerDay: 10 }',
        routes: 'routes: [{ provider: mistral, model: mistral-small-2603, tier: free }]',
      },
      'scales: [1]',
    );
    const { code, out } = await runCli(['plan', file]);
    expect(code).toBe(0);
    expect(out).toMatch(/note +1 number is older than 180 days: limits mistral mistral-small-2603/);
    // A tier whose limits nobody published is no way out.
    expect(out).not.toContain('no limit is left');
  });

  test('prices older than the bound fail the check, oldest first', async () => {
    const file = planFile(
      { routes: 'routes: [{ provider: openai, model: gpt-5.4-mini, tier: tier5 }]' },
      'scales: [1]',
    );
    const { code, err } = await runCli(['plan', 'check', file, '--max-price-age', '1d']);
    expect(code).toBe(99);
    expect(err).toMatch(
      /gate failed: age of prices: 1 older than 1 days: prices openai gpt-5.4-mini of \d{4}-/,
    );
  });
});

test('a folder that cannot be written fails the command, and the plan is printed all the same', async () => {
  const file = join(folder, 'in-the-way');
  writeFileSync(file, '');
  const { code, out, err } = await runCli(['plan', planFile({}, ''), '-o', join(file, 'plan')]);
  expect(code).toBe(2);
  expect(out).toMatch(/^plan\nBreaks at 37/);
  expect(err).toContain(`${join(file, 'plan')}: a part of this path is a file, not a folder`);
});
