import { describe, expect, test } from 'vitest';

import { cachedShare } from '../../src/capacity/caching.ts';
import type { PlanInput } from '../../src/capacity/plan-input.ts';
import { readGpus, readModels } from '../../src/catalog/gpus.ts';
import { planInput } from '../../src/catalog/plan-input.ts';
import { readCatalogs } from '../../src/catalog/providers.ts';
import { planSchema } from '../../src/config/plan.ts';
import { parseYaml } from '../../src/config/yaml.ts';

const [catalogs, gpus, models] = await Promise.all([readCatalogs(), readGpus(), readModels()]);

function resolved(more: string, workload = 'profile: mooncake-conversation'): Promise<PlanInput> {
  const text = [
    'apiVersion: agent-infra/v1',
    'kind: Plan',
    `workload: { ${workload} }`,
    'targets: { concurrentUsers: 10, interactionsPerMinute: 1 }',
    'routes: [{ provider: openai, model: gpt-5.6-terra, tier: tier5, maxOutputTokens: 1k }]',
    more,
  ].join('\n');
  const plan = parseYaml(planSchema(), { file: 'plan.yaml', text });
  return planInput(plan, { file: 'plan.yaml', today: '2026-11-20', catalogs, gpus, models });
}

const numbers =
  'numbers: { callsPerTurn: 1, inputTokens: 1k, outputTokens: 100, cachedShare: 60%, callDuration: 1s }';
const assumed = ({ assumptions }: PlanInput): string[] => assumptions.map(({ key }) => key);

describe('caching of a plan', () => {
  test('possible: what the prefixes of the trace allow, measured, with its date', async () => {
    const [five, hour] = await Promise.all([
      resolved('caching: { prompt: { hitRate: possible, lifetime: 5m } }'),
      resolved('caching: { prompt: { hitRate: possible, lifetime: 1h } }'),
    ]);
    expect(cachedShare(five.traffic)).toBeCloseTo(0.293, 2);
    expect(cachedShare(hour.traffic)).toBeGreaterThan(cachedShare(five.traffic));
    const source = five.sources.find(({ of }) => of === 'caching.prompt.hitRate');
    expect(source).toMatchObject({ basis: 'measured' });
    expect(source!.page).toContain('equal prefixes within 5 minutes');
    expect(source!.date).not.toBe('');
    expect(five.warnings).toEqual([]);
  });

  test('without it the plan says what it leaves on the table', async () => {
    const { traffic, warnings } = await resolved('');
    expect(cachedShare(traffic)).toBe(0);
    expect(warnings).toHaveLength(1);
    expect(warnings![0]).toMatch(/0% of the input .* allow 29\.3% .*caching\.prompt\.hitRate/);
  });

  test('a given rate replaces the workload’s; lifetime and writes are assumed aloud', async () => {
    const input = await resolved('caching: { prompt: { hitRate: 90%, source: pilot } }', numbers);
    expect(cachedShare(input.traffic)).toBeCloseTo(0.9, 9);
    expect(assumed(input)).toEqual(
      expect.arrayContaining([
        'caching.prompt.lifetime',
        'caching.prompt.written',
        'caching.prompt.keys',
      ]),
    );
    expect(input.sources).toContainEqual({
      of: 'caching.prompt.hitRate',
      page: 'pilot',
      date: '',
      basis: 'given',
    });
  });

  test('no prefixes, no possible', async () => {
    const more = 'caching: { prompt: { hitRate: possible } }';
    await expect(resolved(more, numbers)).rejects.toThrow('no prefixes to say what is possible');
    await expect(
      resolved('caching: { prompt: { hitRate: 50% } }', 'numbers: { callsPerTurn: 1 }'),
    ).rejects.toThrow('gives no token counts');
  });

  test('response caches answer one after the other; the pool gets fewer calls, too', async () => {
    const more = [
      'caching: { exact: { hitRate: 10% }, semantic: { hitRate: 50% } }',
      'pool: { model: Llama-3.1-8B, gpu: H100-SXM-80GB, share: 40% }',
    ].join('\n');
    const input = await resolved(more, numbers);
    expect(input.answeredFromCache).toBeCloseTo(0.55, 9);
    expect(input.routes[0]!.share).toBeCloseTo(0.6 * 0.45, 9);
    expect(input.pool!.share).toBeCloseTo(0.4 * 0.45, 9);
    expect(input.notCounted!.some((line) => line.includes('response caches themselves'))).toBe(
      true,
    );
  });

  test('keys are the plan’s, the rate per key the provider’s', async () => {
    const input = await resolved('caching: { prompt: { keys: 8 } }', numbers);
    expect(input.promptKeys).toBe(8);
    expect(input.routes[0]!.cacheKeyRpm).toBe(15);
    expect(assumed(input)).not.toContain('caching.prompt.keys');
  });
});

describe('what infra and stack both buy', () => {
  const infra = 'infra: [{ name: jobs, item: aws.sqs.standard, usage: { per: turn, units: 6 } }]';

  test.for([
    { why: 'a queue twice', more: `${infra}\nstack: { cloud: aws }`, says: /infra "jobs".*queue/ },
    {
      why: 'the stack leaves it out',
      more: `${infra}\nstack: { cloud: aws, queue: { choose: none } }`,
    },
    { why: 'no stack', more: infra },
  ])('$why', async ({ more, says }) => {
    const { warnings = [] } = await resolved(more, numbers);
    const twice = warnings.filter((line) => line.includes('twice'));
    expect(twice).toHaveLength(says === undefined ? 0 : 1);
    for (const line of twice) expect(line).toMatch(says!);
  });
});
