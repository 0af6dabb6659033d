import { describe, expect, test } from 'vitest';

import { makePlan } from '../../src/capacity/plan.ts';
import type { PlanInput } from '../../src/capacity/plan-input.ts';
import { readGpus, readModels } from '../../src/catalog/gpus.ts';
import { checkPlan } from '../../src/catalog/plan-check.ts';
import { planInput } from '../../src/catalog/plan-input.ts';
import { readCatalogs } from '../../src/catalog/providers.ts';
import { planSchema } from '../../src/config/plan.ts';
import { parseYaml } from '../../src/config/yaml.ts';

const [catalogs, gpus, models] = await Promise.all([readCatalogs(), readGpus(), readModels()]);
const known = { gpus: [...gpus.keys()], models: [...models.keys()] };

const HEAD = `apiVersion: agent-infra/v1
kind: Plan
targets: { concurrentUsers: 100, interactionsPerMinute: 1 }
`;
const SIZED =
  'workload: { numbers: { callsPerTurn: 3, inputTokens: 4k, outputTokens: 300, cachedShare: 50%, variation: 1 } }\n';

function read(body: string): Promise<PlanInput> {
  const schema = planSchema((plan) => checkPlan(plan, catalogs, known));
  const document = parseYaml(schema, { file: 'plan.yaml', text: HEAD + body });
  const context = { file: 'plan.yaml', today: '2026-11-20', catalogs, gpus, models };
  return planInput(document, context);
}

const sized = (routes: string): Promise<PlanInput> => read(SIZED + routes);
const assumed = (input: PlanInput, key: string): string | undefined =>
  input.assumptions.find((one) => one.key === key)?.value;

describe('rules', () => {
  test('each call has one route; shares are of all calls', async () => {
    const input = await sized(`routes:
  - { when: inputTokens < 2k, provider: openai, model: gpt-5.4-nano, tier: tier1 }
  - { provider: openai, model: gpt-5.5, share: 60%, prices: { input: $5, output: $30 }, limits: { rpm: 500 } }
  - { provider: xai, model: grok-4.6, tier: tier1, share: 40% }
`);
    const [small, large, other] = input.routes as [never, never, never] as PlanInput['routes'];
    expect(small!.share + large!.share + other!.share).toBeCloseTo(1, 9);
    expect(large!.share / other!.share).toBeCloseTo(1.5, 9);
    expect(small!.share).toBeGreaterThan(0.2);
    expect(assumed(input, 'routes "inputTokens < 2k"')).toMatch(/% of the calls$/);
  });

  test('the rest is the rest, wherever it is written', async () => {
    const [first, second] = await Promise.all(
      [
        [
          '{ provider: custom, model: a, limits: { rpm: 1 } }',
          '{ when: step = last, provider: custom, model: b, limits: { rpm: 1 } }',
        ],
        [
          '{ when: step = last, provider: custom, model: b, limits: { rpm: 1 } }',
          '{ provider: custom, model: a, limits: { rpm: 1 } }',
        ],
      ].map((routes) => sized(`routes: [${routes.join(', ')}]\n`)),
    );
    const share = (input: PlanInput, model: string): number =>
      input.routes.find((route) => route.model === model)!.share;
    expect(share(first!, 'b')).toBeCloseTo(1 / 3, 9);
    expect(share(second!, 'b')).toBe(share(first!, 'b'));
  });

  test('a cascade adds a route of its own for what is asked again', async () => {
    const input = await sized(`routes:
  - provider: anthropic
    model: claude-haiku-4-5
    tier: build
    escalate: { share: 20%, provider: anthropic, model: claude-opus-5, tier: build, tokenFactor: { factor: 1.3, source: "our own count" } }
`);
    expect(input.routes).toHaveLength(2);
    expect(input.routes[1]).toMatchObject({ share: 0.2, escalatedFrom: 0, tokenFactor: 1.3 });
    expect(input.sources).toContainEqual(
      expect.objectContaining({ of: 'routes.0.escalate.tokenFactor', page: 'our own count' }),
    );
    const plan = makePlan({ ...input, scales: [1] }, { replications: 2 });
    expect(plan.scales[0]!.demand.rpm.mean).toBeCloseTo(360, 6);
  });

  test('the pool takes what no rule takes', async () => {
    const input =
      await sized(`routes: [{ when: inputTokens < 2k, provider: custom, limits: { rpm: 500 } }]
pool: { model: Llama-3.1-8B, gpu: H100-SXM-80GB }
`);
    expect(input.pool!.share).toBeCloseTo(1 - input.routes[0]!.share, 9);
    expect(input.pool!.selection).toBeDefined();
  });

  test.for([
    {
      why: 'calls that match no rule',
      body: `${SIZED}routes: [{ when: inputTokens < 2k, provider: custom, limits: { rpm: 1 } }]\n`,
      says: 'of the calls match no rule',
    },
    {
      why: 'a rule on sizes without sizes',
      body: 'workload: { numbers: { callsPerTurn: 2 } }\nroutes: [{ when: inputTokens < 2k, provider: custom, limits: { rpm: 1 } }]\n',
      says: 'the workload gives no token counts',
    },
    {
      why: 'a rule on models that the workload does not name',
      body: `${SIZED}routes: [{ when: model = x, provider: custom, limits: { rpm: 1 } }]\n`,
      says: 'names no models',
    },
    {
      why: 'shares of a rule that do not add up',
      body: `${SIZED}routes:
  - { when: step = last, share: 60%, provider: custom, limits: { rpm: 1 } }
  - { when: step = last, share: 30%, provider: custom, limits: { rpm: 1 } }
  - { provider: custom, limits: { rpm: 1 } }
`,
      says: 'the shares of "step = last" add up to 90 %',
    },
    {
      why: 'a rule that is none',
      body: `${SIZED}routes: [{ when: inputToken < 2k, provider: custom, limits: { rpm: 1 } }]\n`,
      says: '5:18 routes.0.when',
    },
    {
      why: 'an unknown model to escalate to',
      body: `${SIZED}routes: [{ provider: custom, limits: { rpm: 1 }, escalate: { share: 10%, provider: openai, model: gpt-5.55 } }]\n`,
      says: 'routes.0.escalate.model',
    },
    {
      why: 'an unknown term',
      body: `${SIZED}routes: [{ provider: azure, model: gpt-5.5, provisioned: { term: yearly } }]\n`,
      says: 'unknown term "yearly"; did you mean "year"?',
    },
    {
      why: 'a factor of nothing',
      body: `${SIZED}routes: [{ provider: custom, limits: { rpm: 1 }, tokenFactor: 0 }]\n`,
      says: 'must be greater than 0',
    },
    {
      why: 'two values at once',
      body: `${SIZED}routes: [{ provider: custom, limits: { rpm: 1 } }]\nbusiness: { valuePerTurn: $1, valuePerTask: $2 }\n`,
      says: 'give exactly one of',
    },
    {
      why: 'a price per user without users',
      body: `${SIZED}routes: [{ provider: custom, limits: { rpm: 1 } }]\nbusiness: { pricePerUser: $20 }\n`,
      says: 'pricePerUser and users belong together',
    },
    {
      why: 'a range of an unknown assumption',
      body: `${SIZED}routes: [{ provider: custom, limits: { rpm: 1 } }]\nsensitivity: { trafic: 10% }\n`,
      says: 'did you mean "traffic"?',
    },
  ])('refused: $why', async ({ body, says }) => {
    await expect((async () => read(body))()).rejects.toThrow(says);
  });
});

describe('prices from genai-prices', () => {
  test('a model of ours without a price takes the library’s, named and dated', async () => {
    const input = await sized('routes: [{ provider: xai, model: grok-4.20, tier: tier1 }]\n');
    expect(input.routes[0]!.price).not.toBeNull();
    const source = input.sources.find(({ of }) => of === 'prices xai grok-4.20')!;
    expect(source.page).toMatch(/^list price \(genai-prices \d+\.\d+\.\d+, 2026-\d\d-\d\d\)$/);
    expect(source.basis).toBe('third-party');
  });

  test('a model that only the library knows can be planned with limits of one’s own', async () => {
    const input = await sized(
      'routes: [{ provider: openai, model: gpt-4o, limits: { rpm: 500 } }]\n',
    );
    expect(input.routes[0]).toMatchObject({ model: 'gpt-4o', limits: { rpm: 500 } });
    expect(input.routes[0]!.price!.inputUsd).toBe(2.5);
  });

  test('a prefix match is not a price: it stays unknown', async () => {
    const input = await sized('routes: [{ provider: openai, model: gpt-5-codex, tier: tier1 }]\n');
    expect(input.routes[0]!.price).toBeNull();
  });

  test('and an id that nobody knows is an error', async () => {
    await expect(
      (async () => sized('routes: [{ provider: openai, model: gpt-4oo }]\n'))(),
    ).rejects.toThrow('unknown model "gpt-4oo"');
  });
});

describe('regions, residency and reserved units', () => {
  test('regions have limits of their own, and a price factor moves every rate', async () => {
    const input = await sized(`routes:
  - { provider: azure, model: gpt-5.5, share: 50%, region: westeurope, priceFactor: 1.1 }
  - { provider: azure, model: gpt-5.5, share: 50%, region: eastus }
`);
    const [west, east] = input.routes as [PlanInput['routes'][number], PlanInput['routes'][number]];
    expect(west.limitPool).not.toBe(east.limitPool);
    expect(west.price!.inputUsd / east.price!.inputUsd).toBeCloseTo(1.1, 9);
    expect(west.price!.long!.outputUsd / east.price!.long!.outputUsd).toBeCloseTo(1.1, 9);
  });

  test('PTUs of the catalog, with their pages', async () => {
    const input = await sized(
      'routes: [{ provider: azure, model: gpt-5.5, provisioned: { term: year } }]\n',
    );
    expect(input.routes[0]!.provisioned).toMatchObject({
      unit: 'PTU',
      tokensPerMinutePerUnit: 1200,
      weights: { input: 1, cacheRead: 0, output: 6 },
      minimum: 15,
      increment: 5,
      usdPerUnitMonth: 221,
      overflow: 'refused',
    });
    expect(input.sources.filter(({ of }) => of.startsWith('provisioned')).length).toBe(2);
  });

  test('every GSU weight of long prompts is more than of short ones', () => {
    for (const model of catalogs.providers.get('google')!.models) {
      const offer = model.provisioned;
      if (offer?.long === undefined) continue;
      expect(offer.long.outputWeight).toBeGreaterThan(offer.outputWeight);
      expect(offer.long.cacheReadWeight).toBeGreaterThan(offer.cacheReadWeight);
    }
  });
});

test('prompts too short to be cached are named with their share', async () => {
  const input = await sized(
    'routes: [{ provider: anthropic, model: claude-haiku-4-5, tier: build }]\n',
  );
  expect(assumed(input, 'routes.0.minCacheablePrompt')).toBe('4,096 tokens');
});
