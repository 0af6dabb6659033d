import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { beforeAll, describe, expect, test } from 'vitest';

import { dimensionsOf } from '../../src/capacity/limit.ts';
import {
  findModel,
  higherTiers,
  limitsSource,
  modelPrice,
  priceOn,
  priceSource,
  readCatalogs,
  tierLimits,
  tiersOf,
} from '../../src/catalog/providers.ts';
import type { Catalogs } from '../../src/catalog/providers.ts';
import { missingSharedData, sharedData } from '../support/requirements.ts';

let catalogs: Catalogs;
const today = '2026-11-20';

beforeAll(async () => {
  catalogs = await readCatalogs();
});

test('the bundled providers', () => {
  expect([...catalogs.providers.keys()].toSorted()).toEqual([
    'anthropic',
    'azure',
    'bedrock',
    'cerebras',
    'deepseek',
    'fireworks',
    'google',
    'groq',
    'mistral',
    'openai',
    'xai',
  ]);
});

test('every limit and price has a page and a date', () => {
  const sources = [...catalogs.providers.values()].flatMap((catalog) =>
    catalog.models.flatMap((model) => [
      ...tiersOf(catalog, model).map((tier) => limitsSource(catalog, model, tier)),
      ...(model.prices ?? []).map((row) => priceSource(catalog, model, row)),
    ]),
  );
  sources.push(...[...catalogs.infra.values()].map(({ source }) => source));
  expect(sources.length).toBeGreaterThan(250);
  const undated = sources.filter(({ page, date }) => page === '' || !/^20\d\d/.test(date));
  expect(undated).toEqual([]);
});

test('higher tiers never lower a limit', () => {
  const lowered: string[] = [];
  for (const catalog of catalogs.providers.values()) {
    for (const model of catalog.models) {
      const tiers = tiersOf(catalog, model);
      for (const [index, tier] of tiers.slice(1).entries()) {
        const below = tierLimits(catalog, model, tiers[index]!);
        const above = tierLimits(catalog, model, tier);
        // Free tiers state daily limits that paid tiers drop: only what both state is compared.
        for (const dimension of dimensionsOf(above)) {
          if (above[dimension]! >= (below[dimension] ?? 0)) continue;
          lowered.push(`${catalog.provider} ${model.name} ${tier} ${dimension}`);
        }
      }
    }
  }
  expect(lowered).toEqual([]);
});

describe('one model', () => {
  test('account limits come with the tier', () => {
    const catalog = catalogs.providers.get('openai')!;
    const model = findModel(catalog, 'gpt-5.6-sol')!;
    expect(tierLimits(catalog, model, 'tier3')).toEqual({
      rpm: 5000,
      tpm: 2e6,
      spendPerMonth: 1000,
    });
    expect(higherTiers(catalog, model, 'tier3').map(({ tier }) => tier)).toEqual([
      'tier4',
      'tier5',
    ]);
  });

  test('names match exactly: a longer name is another model, not this one', () => {
    const catalog = catalogs.providers.get('anthropic')!;
    expect(findModel(catalog, 'claude-sonnet-5')?.name).toBe('claude-sonnet-5');
    expect(findModel(catalog, 'claude-sonnet-5-5')?.name).toBe('claude-sonnet-5-5');
    expect(findModel(catalog, 'claude-sonnet')).toBeUndefined();
  });

  test.for([
    { day: '2026-10-06', cacheRead: 0.2, why: 'before the cut' },
    { day: '2026-10-07', cacheRead: 0.1, why: 'from its first day' },
  ])('prices have dates: Sonnet 5.5 cache reads $why', ({ day, cacheRead }) => {
    const model = findModel(catalogs.providers.get('anthropic')!, 'claude-sonnet-5-5')!;
    expect(priceOn(model, day)!.cacheRead).toBe(cacheRead);
  });

  test('announced prices wait for their day', () => {
    const model = findModel(catalogs.providers.get('google')!, 'gemini-3.7-flash')!;
    expect(priceOn(model, '2026-12-31')!.output).toBe(3.75);
    expect(priceOn(model, '2027-01-01')!.output).toBe(7.5);
  });

  test('Haiku 3.5 counts cache reads, its siblings do not', () => {
    const catalog = catalogs.providers.get('anthropic')!;
    expect(findModel(catalog, 'claude-haiku-3-5')!.limits!.countingRule).toBe(
      'anthropic-cache-counts',
    );
    expect(findModel(catalog, 'claude-haiku-4-5')!.limits!.countingRule).toBeUndefined();
  });
});

interface SharedPrice {
  readonly provider: string;
  readonly model: string;
  readonly input: number;
  readonly cache_read: number | null;
  readonly cache_write_5m: number | null;
  readonly output: number | null;
  readonly long_threshold_prompt_tokens: number | null;
  readonly long_input: number | null;
  readonly long_output: number | null;
  readonly batch_factor: number | null;
}

describe.skipIf(missingSharedData('providers/prices.json'))('against the reference data', () => {
  const read = (name: string): unknown =>
    JSON.parse(readFileSync(resolve(sharedData, 'providers', name), 'utf8'));

  test('every reference price of a bundled provider is carried over exactly', () => {
    const { models } = read('prices.json') as { models: SharedPrice[] };
    let compared = 0;
    for (const row of models) {
      const catalog = catalogs.providers.get(row.provider);
      if (catalog === undefined) continue;
      const model = findModel(catalog, row.model);
      if (model === undefined) throw new Error(`missing: ${row.provider} ${row.model}`);
      const price = modelPrice(priceOn(model, today)!);
      expect({
        model: row.model,
        input: price.inputUsd,
        cacheRead: price.cacheReadUsd ?? null,
        write: price.cacheWrite5mUsd ?? null,
        output: price.outputUsd,
        threshold: price.long?.thresholdTokens ?? null,
        longInput: price.long?.inputUsd ?? null,
        longOutput: price.long?.outputUsd ?? null,
        batch: price.batchFactor ?? null,
      }).toEqual({
        model: row.model,
        input: row.input,
        cacheRead: row.cache_read,
        write: row.cache_write_5m,
        output: row.output ?? 0,
        threshold: row.long_threshold_prompt_tokens,
        longInput: row.long_input,
        longOutput: row.long_output,
        batch: row.batch_factor,
      });
      compared += 1;
    }
    expect(compared).toBeGreaterThan(40);
  });

  test.for([
    { id: 'openai', provider: 'openai', rename: (name: string) => name },
    { id: 'groq', provider: 'groq', rename: (name: string) => name },
  ])('every reference limit of $id', ({ id, provider, rename }) => {
    const { providers } = read('rate_limits.json') as {
      providers: { id: string; models: Record<string, Record<string, Record<string, number>>> }[];
    };
    const catalog = catalogs.providers.get(provider)!;
    const { models } = providers.find((entry) => entry.id === id)!;
    for (const [name, tiers] of Object.entries(models)) {
      if (name.includes('@')) continue; // the separate long-context row
      const model = findModel(catalog, rename(name))!;
      for (const [tier, limits] of Object.entries(tiers)) {
        const { batch_queue_tokens: _queue, ...expected } = limits;
        expect({ name, ...tierLimits(catalog, model, tier) }).toMatchObject({ name, ...expected });
      }
    }
  });
});
