import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { readGpus, readModels } from '../../src/catalog/gpus.ts';
import { checkPlan } from '../../src/catalog/plan-check.ts';
import { planInput } from '../../src/catalog/plan-input.ts';
import { planTemplate } from '../../src/catalog/plan-template.ts';
import { readCatalogs } from '../../src/catalog/providers.ts';
import type { PlanInput } from '../../src/capacity/plan-input.ts';
import { main } from '../../src/cli/main.ts';
import { planSchema } from '../../src/config/plan.ts';
import type { PlanDocument } from '../../src/config/plan.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import { root } from '../support/requirements.ts';

const [catalogs, gpus, models] = await Promise.all([readCatalogs(), readGpus(), readModels()]);

function parse(body: string): PlanDocument {
  const text = `apiVersion: agent-infra/v1\nkind: Plan\n${body}`;
  return parseYaml(
    planSchema((plan) =>
      checkPlan(plan, catalogs, { gpus: [...gpus.keys()], models: [...models.keys()] }),
    ),
    { file: 'plan.yaml', text },
  );
}

function resolveInput(body: string): Promise<PlanInput> {
  return planInput(parse(body), { file: 'plan.yaml', today: '2026-11-20', catalogs, gpus, models });
}

const good = {
  workload: 'workload: { numbers: { callsPerTurn: 2 } }',
  targets: 'targets: { concurrentUsers: 500, interactionsPerMinute: 2 }',
  routes: 'routes: [{ provider: custom, limits: { rpm: 1500 } }]',
};

function body(change: Partial<typeof good> = {}, more = ''): string {
  return `${Object.values({ ...good, ...change }).join('\n')}\n${more}`;
}

describe('bad plans: one clear message with its place', () => {
  test.for([
    {
      why: 'an unknown key',
      more: 'goal: {}',
      says: ['plan.yaml:6:1 goal: unknown key, did you mean "goals"?'],
    },
    {
      why: 'a negative growth',
      more: 'scales: [-1, 3]',
      says: ['6:10 scales.0', 'expected a count'],
    },
    { why: 'scales that fall', more: 'scales: [3, 1]', says: ['6:9 scales', 'must rise'] },
    {
      why: 'a negative multiple of the trace',
      change: { targets: 'targets: { measured: -2 }' },
      says: ['4:22 targets.measured'],
    },
    {
      why: 'a wrong unit',
      change: { workload: 'workload: { numbers: { callsPerTurn: 2, callDuration: 30 } }' },
      says: ['3:55', 'such as 250ms, 30s'],
    },
    {
      why: 'dollars without the sign',
      more: 'goals: { monthlyCost: 500 }',
      says: ['6:23 goals.monthlyCost', 'such as $5'],
    },
    {
      why: 'an unknown provider',
      change: { routes: 'routes: [{ provider: opnai, model: gpt-5.5 }]' },
      says: ['5:22 routes.0.provider', 'unknown provider "opnai"; did you mean "openai"?'],
    },
    {
      why: 'an unknown model',
      change: { routes: 'routes: [{ provider: openai, model: gpt-5.6-soll }]' },
      says: ['5:37 routes.0.model', 'did you mean "gpt-5.6-sol"?'],
    },
    {
      why: 'an unknown tier',
      change: { routes: 'routes: [{ provider: openai, model: gpt-5.6-sol, tier: tier9 }]' },
      says: ['5:56 routes.0.tier', 'unknown tier "tier9"'],
    },
    {
      why: 'a tier nobody published',
      change: { routes: 'routes: [{ provider: bedrock, model: claude-opus-5, tier: standard }]' },
      says: ['give limits instead'],
    },
    {
      why: 'a missing model',
      change: { routes: 'routes: [{ provider: groq }]' },
      says: ['routes.0', 'missing model; groq has openai/gpt-oss-120b'],
    },
    {
      why: 'a custom provider without limits',
      change: { routes: 'routes: [{ provider: custom }]' },
      says: ['needs its limits'],
    },
    {
      why: 'shares that do not add up',
      change: { routes: 'routes: [{ provider: custom, limits: { rpm: 1 }, share: 60% }]' },
      says: ['5:9 routes', '60 %'],
    },
    {
      why: 'a limit of zero',
      change: { routes: 'routes: [{ provider: custom, limits: { rpm: 0 } }]' },
      says: ['must be greater than 0'],
    },
    {
      why: 'batch without a batch price',
      change: { routes: 'routes: [{ provider: xai, model: grok-4.6, batchShare: 10% }]' },
      says: ['grok-4.6 has no batch price'],
    },
    {
      why: 'users without interactions',
      change: { targets: 'targets: { concurrentUsers: 5 }' },
      says: ['belong together'],
    },
    {
      why: 'two targets at once',
      change: { targets: 'targets: { concurrentUsers: 5, interactionsPerMinute: 1, measured: 1 }' },
      says: ['give one of'],
    },
    {
      why: 'a multiple of a rate that was never measured',
      change: { targets: 'targets: { measured: 2 }' },
      says: ['needs workload.profile'],
    },
    {
      why: 'two workloads',
      change: { workload: 'workload: { profile: a.yaml, numbers: { callsPerTurn: 1 } }' },
      says: ['either a profile'],
    },
    {
      why: 'half of the tokens',
      change: { workload: 'workload: { numbers: { callsPerTurn: 1, inputTokens: 5 } }' },
      says: ['belong together'],
    },
    { why: 'nobody to answer', change: { routes: '' }, says: ['at least one of routes'] },
    {
      why: 'an unknown GPU',
      change: { routes: 'pool: { model: Llama-3.1-8B, gpu: H100-SMX-80GB }' },
      says: ['did you mean "H100-SXM-80GB"?'],
    },
    {
      why: 'an unknown infrastructure item',
      more: 'infra: [{ name: q, item: aws.sqs.standart, count: 1 }]',
      says: ['6:26 infra.0.item', 'did you mean "aws.sqs.standard"?'],
    },
    {
      why: 'a line without quantity',
      more: 'infra: [{ name: q, item: aws.sqs.standard }]',
      says: ['exactly one of count, machines or usage'],
    },
    {
      why: 'a goal outside the scales',
      more: 'goals: { fitsAtScale: 20 }',
      says: ['within the scales (1 to 10)'],
    },
    {
      why: 'a day of 23 hours',
      more: `activity: { hours: [${Array<number>(23).fill(1).join(', ')}] }`,
      says: ['activity.hours', '24 hours'],
    },
    {
      why: 'a day without load',
      more: `activity: { hours: [${Array<number>(24).fill(0).join(', ')}] }`,
      says: ['one hour needs some load'],
    },
    {
      why: 'two shapes of a day',
      more: `activity: { hoursPerDay: 8, hours: [${Array<number>(24).fill(1).join(', ')}] }`,
      says: ['activity.hoursPerDay', 'give one of them'],
    },
    { why: 'a day of 30 hours', more: 'activity: { hoursPerDay: 30 }', says: ['24 hours'] },
  ])('$why', ({ change, more, says }) => {
    const text = body(change, more);
    for (const part of says) expect(() => parse(text)).toThrow(part);
  });

  test('a 10 MB document is refused unread', () => {
    expect(() => parse(`name: ${'x'.repeat(10 * 1024 * 1024)}\n${body()}`)).toThrow(
      'larger than 1024 KiB',
    );
  });

  test('all problems at once', () => {
    const text = body(
      { routes: 'routes: [{ provider: opnai }]' },
      'infra: [{ name: q, item: nope, count: 1 }]',
    );
    expect(() => parse(text)).toThrow(/opnai[\s\S]*nope/);
  });
});

describe('what a plan becomes', () => {
  test('the worked example', async () => {
    const input = await resolveInput(body());
    expect(input.volume).toMatchObject({ turnsPerMinute: 1000, concurrentUsers: 500 });
    expect(input.routes).toMatchObject([
      { provider: 'custom', limits: { rpm: 1500 }, price: null },
    ]);
  });

  test('every default is listed with its key', async () => {
    const { assumptions } = await resolveInput(body());
    expect(assumptions.map(({ key }) => key)).toEqual([
      'workload.numbers.fanOut',
      'workload.numbers.turnsPerSession',
      'workload.numbers.toolTime',
      'workload.numbers.callDuration',
      'activity.daysPerMonth',
      'activity.hoursPerDay',
      'scales',
      'retry',
      'goals.fitsAtScale',
      'goals.headroom',
      'goals.nextStageAt',
    ]);
  });

  test('a plan that says everything assumes nothing', async () => {
    const { assumptions } = await resolveInput(
      body(
        {
          workload:
            'workload: { numbers: { callsPerTurn: 2, fanOut: 1, turnsPerSession: 1, toolTime: 1s, callDuration: 3s, inputTokens: 1k, outputTokens: 100, cachedShare: 0%, variation: 1 } }',
          routes:
            'routes: [{ provider: openai, model: gpt-5.4-mini, tier: tier3, maxOutputTokens: 1k }]',
        },
        'scales: [1]\nretry: none\nactivity: { hoursPerDay: 8, daysPerMonth: 22 }\ngoals: { fitsAtScale: 1, headroom: 10%, nextStageAt: 70% }',
      ),
    );
    expect(assumptions).toEqual([]);
  });

  test('the plan’s own limits replace the catalog’s, one by one; prices come with page and date', async () => {
    const { routes, sources, assumptions } = await resolveInput(
      body({
        routes: 'routes: [{ provider: anthropic, model: claude-sonnet-5-5, limits: { rpm: 250 } }]',
      }),
    );
    expect(routes[0]).toMatchObject({
      tier: 'start',
      limits: { rpm: 250, itpm: 2e6, otpm: 400_000, spendPerMonth: 500 },
      price: { inputUsd: 2, cacheReadUsd: 0.1 },
    });
    expect(assumptions.map(({ key }) => key)).toContain('routes.0.tier');
    expect(sources).toContainEqual({
      of: 'prices anthropic claude-sonnet-5-5',
      page: 'https://platform.claude.com/docs/en/about-claude/pricing',
      date: '2026-10-09',
      basis: 'listed',
    });
  });

  test('asOf takes the prices of that day', async () => {
    const { routes } = await resolveInput(
      body(
        { routes: 'routes: [{ provider: anthropic, model: claude-sonnet-5-5 }]' },
        'asOf: 2026-10-01',
      ),
    );
    expect(routes[0]!.price!.cacheReadUsd).toBe(0.2);
  });

  test('sessions per day: the busiest hour carries its share', async () => {
    const { volume } = await resolveInput(
      body({ targets: 'targets: { sessionsPerDay: 12k, peakHourShare: 10% }' }),
    );
    expect(volume).toMatchObject({
      turnsPerMinute: 20,
      turnsPerDay: 12_000,
      concurrentUsers: null,
    });
  });

  test('the hours of a day give the busiest hour its share, and users their hours', async () => {
    // Eight full hours, eight half ones, eight without load: as much as twelve full hours.
    const hours = [
      ...Array<number>(8).fill(2),
      ...Array<number>(8).fill(1),
      ...Array<number>(8).fill(0),
    ];
    const more = `activity: { hours: [${hours.join(', ')}] }`;
    const sessions = await resolveInput(
      body({ targets: 'targets: { sessionsPerDay: 14400 }' }, more),
    );
    expect(sessions.volume.turnsPerMinute).toBeCloseTo(14_400 / 12 / 60, 9);
    const users = await resolveInput(body({}, more));
    const { turnsPerDay, turnsPerMinute } = users.volume;
    expect(turnsPerDay).toBeCloseTo(turnsPerMinute * 60 * 12, 6);
    expect(users.assumptions.map(({ key }) => key)).not.toContain('activity.hoursPerDay');
  });

  test('the pool takes what the routes leave', async () => {
    const input = await resolveInput(
      body({
        routes:
          'routes: [{ provider: custom, limits: { rpm: 1500 }, share: 70% }]\npool: { model: llama-3.1-8b, gpu: h100-sxm-80gb }',
      }),
    );
    expect(input.pool).toMatchObject({ share: expect.closeTo(0.3, 9), gpuName: 'H100-SXM-80GB' });
  });

  test('a profile that is not there', async () => {
    await expect(
      resolveInput(body({ workload: 'workload: { profile: no-such-profile }' })),
    ).rejects.toThrow('no bundled profile "no-such-profile"');
  });
});

describe('commands', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'agent-infra-plan-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function run(args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
    const out: string[] = [];
    const err: string[] = [];
    const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out.push(String(text));
      return true;
    });
    const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      err.push(String(text));
      return true;
    });
    const console_ = vi.spyOn(console, 'error').mockImplementation((...text) => {
      err.push(text.join(' '));
    });
    try {
      return { code: await main(args), out: out.join(''), err: err.join('\n') };
    } finally {
      for (const spy of [stdout, stderr, console_]) spy.mockRestore();
    }
  }

  const example = join(root, 'scenarios/plans/support-agents.yaml');

  describe('plan of the bundled example, with -o', () => {
    let code: number | undefined;
    let shown = '';
    beforeAll(async () => {
      ({ code, out: shown } = await run(['plan', example, '-o', join(folder, 'out')]));
      // Slow machines must not fail a test that asserts nothing about time.
    }, 120_000);
    const written = (name: string): string => readFileSync(join(folder, 'out', name), 'utf8');

    test('says what must be shown', () => {
      expect(code).toBe(0);
      for (const part of [
        'Breaks at 0.75x: RPM of custom assistant',
        '1,000',
        '2,000',
        'route 50%',
        'higher tier',
        'instead of 2 calls per turn',
      ]) {
        expect(shown).toContain(part);
      }
    });

    test('writes the report, the JSON and the rules', () => {
      expect(readdirSync(join(folder, 'out')).toSorted()).toEqual([
        'plan.html',
        'plan.json',
        'plan.md',
        'plan.txt',
        'prometheus-rules.yaml',
        'prometheus-rules_test.yaml',
      ]);
      expect(written('plan.txt')).toBe(shown);
    });

    test('the JSON keeps its contract', () => {
      const plan = JSON.parse(written('plan.json'));
      expect(plan).toMatchObject({
        schema: 'agent-infra/plan',
        breaksAt: { scale: 0.75, dimension: 'rpm' },
        scales: [{ scale: 1 }, { scale: 3 }, { scale: 10 }],
      });
      expect(plan.scales[0]).toMatchObject({
        demand: {
          rpm: { mean: 2000, peakMinute: expect.any(Number) },
          itpm: { mean: expect.closeTo(6e6, 3), peakMinute: expect.any(Number) },
          otpm: { mean: expect.closeTo(6e5, 3) },
          concurrency: { mean: expect.closeTo(200, 6), peak: expect.any(Number) },
        },
        limits: [
          {
            provider: 'custom',
            model: 'assistant',
            dimension: 'rpm',
            limit: 1500,
            demandPeak: expect.any(Number),
            utilisation: expect.any(Number),
            binding: true,
          },
        ],
        cost: {
          monthly: {
            api: expect.closeTo(54_648, 3),
            gpu: 0,
            infra: expect.any(Number),
            ops: 1800,
            total: expect.any(Number),
          },
          perTurn: expect.any(Number),
          perUser: expect.any(Number),
        },
        verdict: 'exceeds',
      });
      expect(plan.stages).toHaveLength(3);
      expect(plan.sources.length).toBeGreaterThan(2);
    });
  });

  test('plan check exits with 99 and says why', async () => {
    const { code, err } = await run(['plan', 'check', example, '--set', 'scales=[1]']);
    expect(code).toBe(99);
    expect(err).toContain('fits at 1x: breaks at 0.75x');
  });

  test('plan check passes a plan that fits', async () => {
    const file = join(folder, 'fits.yaml');
    writeFileSync(
      file,
      `apiVersion: agent-infra/v1\nkind: Plan\n${body({ routes: 'routes: [{ provider: custom, limits: { rpm: 3000 } }]' }, 'scales: [1]')}`,
    );
    expect((await run(['plan', 'check', file])).code).toBe(0);
  });

  test.for([
    {
      why: 'an unknown provider',
      text: `apiVersion: agent-infra/v1\nkind: Plan\n${body({ routes: 'routes: [{ provider: opnai }]' })}`,
      says: 'did you mean "openai"',
    },
    {
      why: 'not a plan',
      text: 'apiVersion: agent-infra/v1\nkind: Plam\n',
      says: 'expected kind: Plan',
    },
    { why: 'not YAML', text: 'a: [1\n', says: 'bad.yaml:' },
  ])('$why exits with 2', async ({ text, says }) => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(file, text);
    const { code, out, err } = await run(['plan', file]);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(says);
  });

  test('--set answers a what-if; the override is checked like the document', async () => {
    const set = ['--set', 'routes.0.limits.rpm=3k', '--set', 'scales=[1]'];
    const { code, out } = await run(['plan', example, '--json', ...set]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      schema: 'agent-infra/plan',
      breaksAt: { scale: 1.5 },
      scales: [{ scale: 1 }],
    });
    const check = await run(['plan', 'check', example, ...set]);
    expect(check).toMatchObject({ code: 0, err: '' });
    const wrong = await run(['plan', example, '--set', 'routes.0.limit=3k']);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('did you mean "limits"');
  });

  test('plan diff shows headroom and money', async () => {
    const [old, raised] = [join(folder, 'old.yaml'), join(folder, 'raised.yaml')];
    const text = readFileSync(example, 'utf8').replace('scales: [1, 3, 10]', 'scales: [1]');
    writeFileSync(old, text);
    writeFileSync(
      raised,
      text.replace('rpm: 1500', 'rpm: 3000').replace('callsPerTurn: 2', 'callsPerTurn: 1'),
    );
    const { code, out } = await run(['plan', 'diff', old, raised]);
    expect(code).toBe(0);
    expect(out).toMatch(/breaks at \(mean\) +0\.75x \(RPM\) +3x \(RPM\) +changed/);
    expect(out).toMatch(/verdict at 1x +does not fit +fits +changed/);
    expect(out).toMatch(/LLM calls\/min at 1x +2,000 +1,000 +-50%/);
    expect(out).toMatch(/cost per month at 1x +\$57,203 +\$\d\d,\d{3} +-\d+/);
  });

  test('plan init writes a plan that parses; its own comments explain it', async () => {
    const { code, out } = await run(['plan', 'init', 'research-agent']);
    expect(code).toBe(0);
    expect(out).toBe(planTemplate('research-agent'));
    const text = out.slice(out.indexOf('name:'));
    expect(parse(text)).toMatchObject({
      workload: { profile: 'research-agent' },
      scales: [1, 3, 10],
    });
    const withPool = text
      .replaceAll(/^# ((?:pool:|  model: Llama|  gpu:|  share: 30|  goal:).*)$/gm, '$1')
      .replace('share: 100%', 'share: 70%');
    expect(parse(withPool).pool).toBeDefined();
  });

  test('plan init names the profile from the folder of the plan, and only one that is there', async () => {
    const profile = join(folder, 'mine.yaml');
    const plan = join(folder, 'deeper.plan.yaml');
    copyFileSync(join(root, 'profiles/workloads/research-agent.yaml'), profile);
    const { code, err } = await run(['plan', 'init', relative('.', profile), '-o', plan]);
    expect(code).toBe(0);
    expect(err).toContain(`wrote ${plan}; edit it, then run: agent-infra plan ${plan}\n`);
    expect(readFileSync(plan, 'utf8')).toContain('profile: "mine.yaml"\n');
    const typo = await run(['plan', 'init', 'reserch-agent']);
    expect(typo).toMatchObject({ code: 2, out: '' });
    expect(typo.err).toContain('did you mean "research-agent"?');
  });
});
