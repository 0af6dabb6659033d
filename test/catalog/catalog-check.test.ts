import { describe, expect, test } from 'vitest';

import { checkCatalog } from '../../src/catalog/catalog-check.ts';
import { priceUpdate, withOverlay } from '../../src/catalog/overlay.ts';
import { ageInDays } from '../../src/catalog/price-ages.ts';
import { findModel, modelPrice, priceOn, readCatalogs } from '../../src/catalog/providers.ts';
import { priceOverlaySchema, priceOverlayYaml } from '../../src/config/price-overlay.ts';
import { parseYaml } from '../../src/config/yaml.ts';

const catalogs = await readCatalogs();
const today = '2026-11-20';

test.for([
  { date: '2026-11-20', days: 0, why: 'today' },
  { date: '2026-10-21', days: 30, why: 'a month' },
  { date: '2026-09', days: 80, why: 'a month without day counts from its first' },
  { date: '2026', days: 323, why: 'a year alone counts from New Year' },
])('age of $date: $why', ({ date, days }) => {
  expect(ageInDays(date, today)).toBe(days);
});

describe('check', () => {
  test('every row has an age; stale ones are those beyond the bound', () => {
    const check = checkCatalog(catalogs, today, 60);
    expect(check.rows.length).toBeGreaterThan(150);
    expect(check.stale.length).toBeGreaterThan(0);
    expect(check.stale.every(({ days }) => days > 60)).toBe(true);
    expect(check.rows.filter(({ days }) => days > 60)).toEqual(check.stale);
    expect(checkCatalog(catalogs, today).stale).toEqual([]);
    expect(check.withoutSource).toEqual([]);
  });

  test('the threshold that genai-prices starts one token early is reported, equal prices are not', () => {
    const { disagreements, agree } = checkCatalog(catalogs, today);
    expect(agree).toBeGreaterThan(30);
    expect(disagreements.map(({ model }) => model)).toContain('gpt-5.5');
    expect(disagreements.map(({ model }) => model)).not.toContain('gpt-6-sol');
  });

  test('prefix matches are listed as refused, unknown ids as unknown', () => {
    const { notListed } = checkCatalog(catalogs, today);
    const of = (provider: string, model: string): unknown =>
      notListed.find((one) => one.provider === provider && one.model === model)?.pricedAs;
    expect(of('anthropic', 'claude-sonnet-5-5')).toBe('claude-sonnet-5');
    expect(of('azure', 'gpt-6-sol')).toBe('gpt-6-sol of another provider');
    expect(of('openai', 'gpt-6.1-sol')).toBeNull();
    expect(of('openai', 'gpt-6-sol')).toBeUndefined();
  });
});

describe('update and overlay', () => {
  const list = {
    format: 'test',
    prices: [
      { provider: 'openai', model: 'gpt-5.5', price: { inputUsd: 6, outputUsd: 30 } },
      { provider: 'openai', model: 'gpt-9', price: { inputUsd: 1, outputUsd: 2 } },
      { provider: 'groq', model: 'groq/compound', price: { inputUsd: 3, outputUsd: 4 } },
      { provider: 'elsewhere', model: 'x', price: { inputUsd: 3, outputUsd: 4 } },
    ],
    skipped: [],
  };
  const update = priceUpdate(catalogs, list, today);

  test('changed, first prices and new models are told apart; other providers do not matter', () => {
    expect(update.changes.map(({ kind, model }) => [kind, model])).toEqual([
      ['priced', 'groq/compound'],
      ['changed', 'gpt-5.5'],
      ['new', 'gpt-9'],
    ]);
    const changed = update.changes.find(({ kind }) => kind === 'changed')!;
    expect(changed.differences).toEqual([
      { field: 'input', ours: '$5', theirs: '$6' },
      { field: 'long prompts', ours: 'from 272001 tokens', theirs: 'none' },
    ]);
    expect(changed.listed.price.batchFactor, 'what only ours states is kept').toBe(0.5);
  });

  test('written and read again, the overlay replaces prices of any date', () => {
    const source = { page: 'test', date: today, basis: 'third-party' } as const;
    const text = priceOverlayYaml(
      source,
      update.changes.map(({ listed }) => listed),
    );
    const overlay = parseYaml(priceOverlaySchema as never, { file: 'o.yaml', text });
    const merged = withOverlay(catalogs, overlay);
    for (const { provider, model, listed } of update.changes) {
      const catalog = merged.providers.get(provider)!;
      const row = priceOn(findModel(catalog, model)!, today)!;
      expect(modelPrice(row)).toMatchObject(JSON.parse(JSON.stringify(listed.price)) as object);
      expect(catalog.sources[row.source]).toEqual(source);
    }
    expect(priceUpdate(merged, list, today).changes).toEqual([]);
  });

  test('an overlay for a provider that is not bundled is an error', () => {
    const prices = [{ provider: 'opnai', model: 'm', input: 1, output: 1 }];
    const overlay = { source: { page: 'p', date: today }, prices } as never;
    expect(() => withOverlay(catalogs, overlay)).toThrow('did you mean "openai"?');
  });
});
