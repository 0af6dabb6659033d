import { resolve } from 'node:path';

import { describe, expect, test } from 'vitest';

import { makePlan } from '../../src/capacity/plan.ts';
import type { Plan } from '../../src/capacity/plan.ts';
import { stackLoad } from '../../src/capacity/stack-activity.ts';
import { chooseOption } from '../../src/capacity/stack-choice.ts';
import { COMPONENTS } from '../../src/capacity/stack-load.ts';
import type { LoadName } from '../../src/capacity/stack-load.ts';
import { sizeOption } from '../../src/capacity/stack-option.ts';
import { readGpus, readModels } from '../../src/catalog/gpus.ts';
import { checkPlan } from '../../src/catalog/plan-check.ts';
import { planInput } from '../../src/catalog/plan-input.ts';
import { readCatalogs } from '../../src/catalog/providers.ts';
import { OPERATIONS_HOURS } from '../../src/catalog/stack-defaults.ts';
import { stackOption } from '../../src/catalog/stack-catalog.ts';
import { factsOf } from '../../src/config/catalog-infra.ts';
import { loadPlan } from '../../src/config/plan.ts';
import { rulesOf, sizesOf, trafficOf, workloadOf, loadOf } from '../capacity/stack-example.ts';
import { root } from '../support/requirements.ts';

const [catalogs, gpus, models] = await Promise.all([readCatalogs(), readGpus(), readModels()]);
const options = catalogs.options.map(({ option }) => stackOption(option, catalogs));
const named = (name: string) => options.find((option) => option.name === name)!;

describe('the bundled options', () => {
  test('those of common practice are there', () => {
    const families = new Set(options.map((option) => option.family));
    const wanted = [
      'redis',
      'sqs',
      'pubsub',
      'kafka',
      'rabbitmq',
      'nats',
      'postgres',
      'dynamodb',
      'fargate',
      'ec2',
      'cloud-run',
      'lambda',
      'workers',
      'kubernetes',
      'qdrant',
      'pinecone',
      'weaviate',
      'milvus',
    ];
    expect(wanted.filter((name) => !families.has(name))).toEqual([]);
    expect(named('pgvector').components).toEqual(['vectorStore']);
  });

  test('names are unique, and every component has a choice', () => {
    const names = options.map((option) => option.name);
    expect(new Set(names).size).toBe(names.length);
    const served = COMPONENTS.filter((component) =>
      options.some((option) => option.components.includes(component)),
    );
    expect(served).toEqual([...COMPONENTS]);
  });

  test('every fact has a page with a date, or says why it is assumed', () => {
    const facts = catalogs.options.flatMap(({ option, pages }) =>
      factsOf(option).map(([, fact]) => ({ option: option.name, fact, pages })),
    );
    expect(facts.length).toBeGreaterThan(80);
    const unfounded = facts.filter(({ fact, pages }) =>
      fact.source === undefined
        ? fact.assumed!.length < 10
        : !/^20\d\d-\d\d/.test(pages[fact.source]!.date),
    );
    expect(unfounded).toEqual([]);
  });
});

describe('documented limits, one below, at and above', () => {
  test.for([
    { option: 'lambda', load: 'turnSecondsP95', limit: 900, step: 1, says: 'turn p95' },
    { option: 'lambda', load: 'requestBytes', limit: 6e6, step: 1, says: 'request' },
    { option: 'cloud-run', load: 'turnSecondsP95', limit: 3600, step: 1, says: 'turn p95' },
    { option: 'workers', load: 'turnMemoryBytes', limit: 128e6, step: 1, says: 'memory of a turn' },
    { option: 'workers', load: 'turnCpuSeconds', limit: 300, step: 1, says: 'CPU time' },
    {
      option: 'sqs',
      load: 'messageBytes',
      limit: 1_048_576,
      step: 1,
      says: 'message of just over 1 MiB',
    },
    { option: 'sqs', load: 'retentionSeconds', limit: 1_209_600, step: 1, says: 'retention' },
    { option: 'sqs', load: 'turnSecondsP95', limit: 43_200, step: 1, says: 'visibility timeout' },
    { option: 'dynamodb', load: 'sessionBytesP99', limit: 409_600, step: 1, says: 'session state' },
    { option: 'nats-ec2', load: 'messageBytes', limit: 67_108_864, step: 1, says: 'message' },
    { option: 'pgvector', load: 'dimensions', limit: 4000, step: 1, says: 'dimensions' },
    { option: 'pinecone', load: 'dimensions', limit: 20_000, step: 1, says: 'dimensions' },
    { option: 'milvus-ec2', load: 'dimensions', limit: 32_768, step: 1, says: 'dimensions' },
  ] as const satisfies readonly {
    option: string;
    load: LoadName;
    limit: number;
    step: number;
    says: string;
  }[])('$option: $load of $limit', ({ option, load, limit, step, says }) => {
    const vectorStore = {
      vectors: 1000,
      dimensions: 1,
      queriesPerTurn: 1,
      writesPerMonth: 0,
      namespaces: 1,
      growsWithScale: true,
    };
    const at = (value: number) =>
      sizeOption(
        named(option),
        { ...loadOf(0.1, { vectorStore }), turnMemoryBytes: 1, [load]: value },
        rulesOf(),
      );
    expect(at(limit - step).fits).toBe(true);
    expect(at(limit).fits).toBe(true);
    const over = at(limit + step);
    expect(over.fits ? 'fits' : over.excluded.reason).toContain(says);
  });

  test('a quota that is raised on request is told, not an exclusion', () => {
    const at = (value: number) =>
      sizeOption(named('lambda'), { ...loadOf(), concurrentTurns: value }, rulesOf());
    expect(at(1000)).toMatchObject({ fits: true, sized: { notes: [] } });
    expect(at(1001)).toMatchObject({
      fits: true,
      sized: {
        notes: [
          'needs a raised quota: turns in flight of 1,001, 1,000 by default (executions at once per region)',
        ],
      },
    });
  });
});

describe('list prices, by hand', () => {
  test.for([
    // 3.6M requests × $0.20 per million + 9M GiB-s × $0.0000166667 (6B are the first step).
    { option: 'lambda', is: 0.72 + 9_000_000 * 0.000_016_666_7 },
    // 15 tasks for 30 GiB; $0.04937 an hour each.
    { option: 'fargate', is: 15 * 0.04937 * 730 },
    // 3.6M messages in 2 chunks, 3 requests each, $0.40 per million.
    { option: 'sqs', is: 21.6 * 0.4 },
    // 14.4M reads at $0.125 per million, 72M writes at $0.625, 2.5 MB at $0.25 per GB.
    { option: 'dynamodb', is: 14.4 * 0.125 + 72 * 0.625 + 0.0025 * 0.25 },
    // $5 and 3.6M of 10M included requests, 720M CPU ms beyond 30M at $0.02 per million.
    { option: 'workers', is: 5 + 690 * 0.02 },
    // A GiB in and out of 343 GiB each at $40 per TiB.
    { option: 'pubsub', is: ((3.6e6 * 102_400) / 1024 ** 4) * 2 * 40 },
  ])('$option', ({ option, is }) => {
    const roomy = { ...loadOf(), turnMemoryBytes: 1 };
    const outcome = sizeOption(named(option), roomy, rulesOf());
    expect(outcome.fits ? outcome.sized.infraUsdPerMonth : outcome.excluded.reason).toBeCloseTo(
      is,
      6,
    );
  });
});

test('more load never costs less: every component, every cloud, over three orders of magnitude', () => {
  const vectorStore = {
    vectors: 100_000,
    dimensions: 1536,
    queriesPerTurn: 1,
    writesPerMonth: 10_000,
    namespaces: 1,
    growsWithScale: true,
  };
  const rules = rulesOf({ hours: OPERATIONS_HOURS, utilisation: 0.7 });
  const cheaper: string[] = [];
  for (const component of COMPONENTS) {
    for (const cloud of ['aws', 'gcp', 'cloudflare']) {
      const need = {
        component,
        choose: 'auto',
        features: [],
        clouds: [cloud],
        options: options.filter((option) => option.components.includes(component)),
      };
      let before = 0;
      for (let step = 0; step <= 60; step += 1) {
        const load = stackLoad(
          trafficOf(0.1 * 10 ** (step / 20)),
          workloadOf(),
          sizesOf({ vectorStore, utilisation: 0.7 }),
        );
        const cost =
          chooseOption(need, load, rules).chosen?.usdPerMonth ?? Number.POSITIVE_INFINITY;
        if (cost < before - 1e-6) cheaper.push(`${component} on ${cloud}, step ${step}`);
        before = cost;
      }
    }
  }
  expect(cheaper).toEqual([]);
});

describe('in a plan', () => {
  const file = resolve(root, 'scenarios/plans/stack-example.yaml');
  async function planWith(...set: string[]): Promise<Plan> {
    const document = await loadPlan(file, {
      // Few users and calls of one size keep the simulation of the test short.
      set: ['targets.concurrentUsers=40', 'workload.numbers.variation=0', ...set],
      check: (plan) =>
        checkPlan(plan, catalogs, { gpus: [...gpus.keys()], models: [...models.keys()] }),
    });
    return makePlan(
      await planInput(document, { file, today: '2026-11-21', catalogs, gpus, models }),
      { replications: 2 },
    );
  }

  test('its lines are the cost, recomputed at every scale', async () => {
    const plan = await planWith();
    expect(plan.stack!.scales.map(({ scale }) => scale)).toEqual([1, 3, 10]);
    for (const [index, stack] of plan.stack!.scales.entries()) {
      const { monthly, infraLines, stackGaps } = plan.scales[index]!.cost;
      expect(stackGaps).toEqual([]);
      expect(monthly.infra).toBeCloseTo(stack.infraUsdPerMonth!, 6);
      expect(monthly.ops).toBeCloseTo(stack.opsUsdPerMonth!, 6);
      expect(infraLines.reduce((sum, line) => sum + line.usdPerMonth, 0)).toBeCloseTo(
        monthly.infra!,
        6,
      );
      const rent = stack.components.reduce((sum, one) => sum + one.chosen!.infraUsdPerMonth, 0);
      expect(rent).toBeCloseTo(monthly.infra!, 6);
    }
    const [one, , ten] = plan.scales.map(({ cost }) => cost.monthly.infra!);
    expect(ten).toBeGreaterThan(one!);
    expect(ten).not.toBeCloseTo(one! * 10, 0);
    expect(plan.sources.some(({ page }) => page.includes('gettingstarted-limits'))).toBe(true);
    expect(plan.assumptions.some(({ key }) => key === 'stack.operations.managed')).toBe(true);
  });

  test('long turns exclude Lambda, with the reason', async () => {
    const plan = await planWith('workload.numbers.callDuration=6m', 'workload.numbers.toolTime=0s');
    const compute = plan.stack!.scales[0]!.components.find((one) => one.component === 'compute')!;
    expect(compute.excluded).toContainEqual({
      option: 'lambda',
      title: 'AWS Lambda',
      kind: 'limit',
      reason: 'turn p95 of 18 min exceeds the 15 min limit',
    });
    expect(compute.chosen?.option).not.toBe('lambda');
  });

  test('what nothing can serve makes the cost unknown and says why', async () => {
    const plan = await planWith('stack.compute.choose=lambda', 'workload.numbers.callDuration=6m');
    const [first] = plan.scales;
    expect(first!.cost.monthly).toMatchObject({ infra: null, ops: null, total: null });
    expect(first!.unknowns.join()).toContain(
      'no option for compute of the workers: AWS Lambda: turn p95',
    );
  });

  test('skills move the choice', async () => {
    const choice = (plan: Plan) =>
      plan.stack!.scales[0]!.components.find((one) => one.component === 'hotState')!.ranked;
    const without = choice(await planWith('stack.team.skills=[aws]'));
    const with_ = choice(await planWith('stack.team.skills=[aws, redis]'));
    const hours = (ranked: typeof without) => ranked.find((one) => one.option === 'redis')!;
    // 3 + 0.1 + 1 = 4.1 hours: half of the skills known (1.1), then all (0.7).
    expect(hours(without).opsHoursPerMonth).toBeCloseTo(4.1 * 1.1, 9);
    expect(hours(with_).opsHoursPerMonth).toBeCloseTo(4.1 * 0.7, 9);
  });

  test('the network is that of the cloud in which the traffic starts', async () => {
    const plan = await planWith('stack.cloud=[aws, cloudflare]');
    for (const { components } of plan.stack!.scales) {
      const network = components.find((one) => one.component === 'network')!;
      // Workers cost least to run the turns, but the gateway is on AWS and sends the prompts.
      expect(components[0]!.ranked.map((one) => one.option)).toContain('workers');
      expect(network.chosen?.option).toBe('aws-network');
    }
  });

  test('another cloud, nothing queued, no stack at all', async () => {
    const google = await planWith('stack.cloud=gcp', 'stack.queue.choose=none');
    const components = google.stack!.scales[0]!.components;
    expect(components.map((one) => one.component)).not.toContain('queue');
    expect(components.find((one) => one.component === 'coldState')!.chosen?.option).toBe('gcs');
    expect(components.every((one) => one.chosen !== null)).toBe(true);
  });
});
