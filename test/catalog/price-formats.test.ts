import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { priceRequest } from '../../src/capacity/price.ts';
import {
  genaiPrice,
  genaiSource,
  GENAI_VERSION,
  installedPrices,
} from '../../src/catalog/genai-prices.ts';
import { readPriceList } from '../../src/catalog/price-formats.ts';
import { priceDifferences } from '../../src/catalog/price-list.ts';
import { NO_TOKENS } from '../../src/core/tokens.ts';
import { root } from '../support/requirements.ts';

const day = '2026-11-20';
const read = (data: unknown): ReturnType<typeof readPriceList> =>
  readPriceList(JSON.stringify(data), 'list.json', day);

describe('genai-prices v2 data.json', () => {
  const model = (id: string, prices: unknown): unknown => ({ id, match: { equals: id }, prices });

  test('rates, names of providers, and a tier by prompt length', () => {
    const tiered = (base: number, price: number): unknown => ({
      base,
      tiers: [{ start: 199_999, price }],
    });
    const list = read([
      {
        id: 'x-ai',
        models: [
          model('grok-9', {
            input_mtok: tiered(2, 4),
            output_mtok: tiered(6, 12),
            cache_read_mtok: 0.5,
          }),
        ],
      },
    ]);
    expect(list.format).toBe('genai-prices');
    expect(list.prices).toEqual([
      {
        provider: 'xai',
        model: 'grok-9',
        price: {
          inputUsd: 2,
          outputUsd: 6,
          cacheReadUsd: 0.5,
          long: {
            inputUsd: 4,
            outputUsd: 12,
            cacheReadUsd: 0.5,
            thresholdTokens: 200_000,
            inclusive: true,
          },
        },
      },
    ]);
  });

  test.for([
    { on: '2026-08-16', usd: 0.14, why: 'before the change' },
    { on: '2026-08-17', usd: 0.44, why: 'after it, the dearest hour of the day' },
  ])('effective dates and hours: $why', ({ on, usd }) => {
    const data = [
      {
        id: 'deepseek',
        models: [
          model('v4', [
            { prices: { input_mtok: 0.14, output_mtok: 0.28 } },
            {
              constraint: { start_date: '2026-08-17' },
              prices: { input_mtok: 0.22, output_mtok: 0.66 },
            },
            {
              constraint: {
                start_date: '2026-08-17',
                start_time: '01:00:00Z',
                end_time: '04:00:00Z',
              },
              prices: { input_mtok: 0.44, output_mtok: 1.32 },
            },
          ]),
        ],
      },
    ];
    expect(readPriceList(JSON.stringify(data), 'x', on).prices[0]!.price.inputUsd).toBe(usd);
  });

  test('what our terms cannot hold is left out with a reason, never approximated', () => {
    const tiers = [
      { start: 100, price: 2 },
      { start: 200, price: 3 },
    ];
    const list = read([
      {
        id: 'a',
        models: [model('m', { input_mtok: { base: 1, tiers }, output_mtok: 1 }), model('n', {})],
      },
    ]);
    expect(list.prices).toEqual([]);
    expect(list.skipped.map(({ why }) => why)).toEqual([
      'more than two price tiers by prompt length',
      'it has no input price per token',
    ]);
  });
});

test('models.dev api.json: the real tier wins over its context_over_200k copy', () => {
  const cost = {
    input: 5,
    output: 30,
    cache_read: 0.5,
    tiers: [{ input: 10, output: 45, cache_read: 1, tier: { type: 'context', size: 272_000 } }],
    context_over_200k: { input: 10, output: 45, cache_read: 1 },
  };
  const list = read({
    'amazon-bedrock': { id: 'amazon-bedrock', models: { m: { id: 'm', cost } } },
    google: {
      id: 'google',
      models: {
        old: {
          id: 'old',
          cost: { input: 2, output: 12, context_over_200k: { input: 4, output: 18 } },
        },
        free: { id: 'free' },
      },
    },
  });
  expect(list.prices).toMatchObject([
    {
      provider: 'bedrock',
      model: 'm',
      price: { inputUsd: 5, long: { thresholdTokens: 272_000, inputUsd: 10 } },
    },
    {
      provider: 'google',
      model: 'old',
      price: { long: { thresholdTokens: 200_000, outputUsd: 18 } },
    },
  ]);
  expect(list.skipped).toEqual([{ what: 'google free', why: 'no cost' }]);
});

test('LiteLLM: per token, thresholds and batch in the names of fields, prefixed ids', () => {
  const list = read({
    sample_spec: { litellm_provider: 'one of the providers', max_tokens: 'a number' },
    'gpt-9': {
      litellm_provider: 'openai',
      mode: 'chat',
      input_cost_per_token: 0.000004,
      output_cost_per_token: 0.00002,
      cache_read_input_token_cost: 4e-7,
      cache_creation_input_token_cost_above_1hr: 8e-6,
      input_cost_per_token_above_272k_tokens: 0.000008,
      output_cost_per_token_above_272k_tokens: 0.00003,
      input_cost_per_token_batches: 0.000002,
    },
    'xai/grok-9': {
      litellm_provider: 'xai',
      input_cost_per_token: 2e-6,
      output_cost_per_token: 6e-6,
    },
    'dall-e-9': { litellm_provider: 'openai', output_cost_per_image: 0.04 },
  });
  expect(list.prices).toEqual([
    {
      provider: 'openai',
      model: 'gpt-9',
      price: {
        inputUsd: 4,
        outputUsd: 20,
        cacheReadUsd: 0.4,
        cacheWrite1hUsd: 8,
        batchFactor: 0.5,
        long: {
          inputUsd: 8,
          outputUsd: 30,
          cacheReadUsd: 0.4,
          cacheWrite1hUsd: 8,
          thresholdTokens: 272_000,
          inclusive: false,
        },
      },
    },
    { provider: 'xai', model: 'grok-9', price: { inputUsd: 2, outputUsd: 6 } },
  ]);
  expect(list.skipped).toEqual([{ what: 'openai dall-e-9', why: 'no price per token' }]);
});

test.for([
  { text: 'prices: 1', why: 'not JSON' },
  { text: '{}', why: 'an empty object' },
  { text: '[1]', why: 'a list of something else' },
  { text: '{"a": {"b": 1}}', why: 'an unknown shape' },
])('refused: $why', ({ text }) => {
  expect(() => readPriceList(text, 'list.json', day)).toThrow(/^list\.json: /);
});

describe('the installed library', () => {
  test('its version is the one whose date we print', () => {
    const file = join(root, 'node_modules/@pydantic/genai-prices/package.json');
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    expect(GENAI_VERSION).toBe(version);
    expect(genaiSource('xai', 'grok-4.20').page).toContain(version);
  });

  test.for([
    { provider: 'anthropic', model: 'claude-sonnet-5-5', pricedAs: 'claude-sonnet-5' },
    { provider: 'openai', model: 'gpt-5-codex', pricedAs: 'gpt-5' },
    { provider: 'azure', model: 'gpt-5.5', pricedAs: 'gpt-5.5 of another provider' },
  ])('a prefix match is refused: $provider $model', ({ provider, model, pricedAs }) => {
    expect(genaiPrice(provider, model, day)).toEqual({ kind: 'other', pricedAs });
  });

  test('exact ids are answered, nonsense is not', () => {
    expect(genaiPrice('anthropic', 'claude-sonnet-5', day)).toMatchObject({
      kind: 'exact',
      price: { inputUsd: 2, cacheReadUsd: 0.2, outputUsd: 10 },
    });
    expect(genaiPrice('anthropic', 'no-such-model', day)).toEqual({ kind: 'unknown' });
    expect(genaiPrice('no-such-provider', 'gpt-5.5', day)).toEqual({ kind: 'unknown' });
  });

  test('its two conventions for one threshold become one: gpt-5.5 from 272,000, gpt-6-sol above', () => {
    const at = (model: string, prompt: number): number => {
      const answer = genaiPrice('openai', model, day);
      if (answer.kind !== 'exact') throw new Error(answer.kind);
      return priceRequest(answer.price, { ...NO_TOKENS, uncached: prompt }) / prompt;
    };
    expect(at('gpt-5.5', 271_999)).toBeCloseTo(5e-6, 12);
    expect(at('gpt-5.5', 272_000)).toBeCloseTo(10e-6, 12);
    expect(at('gpt-6-sol', 272_000)).toBeCloseTo(2e-6, 12);
    expect(at('gpt-6-sol', 272_001)).toBeCloseTo(4e-6, 12);
  });

  test('most of the installed list can be held in our terms', () => {
    const list = installedPrices(['openai', 'anthropic', 'google', 'xai'], day);
    expect(list.prices.length).toBeGreaterThan(100);
    expect(list.prices.length).toBeGreaterThan(5 * list.skipped.length);
  });
});

describe('differences', () => {
  const ours = { inputUsd: 2, outputUsd: 10, batchFactor: 0.5 };
  test('what only one of them states is no difference', () => {
    expect(priceDifferences(ours, { inputUsd: 2, outputUsd: 10, cacheReadUsd: 0.2 })).toEqual([]);
  });
  test('float noise is none, a cent per million is', () => {
    expect(priceDifferences(ours, { inputUsd: 2 + 1e-12, outputUsd: 10.01 })).toEqual([
      { field: 'output', ours: '$10', theirs: '$10.01' },
    ]);
  });
  test('"more than 271,999" and "272,000 or more" agree; "more than 272,000" does not', () => {
    const tier = (thresholdTokens: number, inclusive: boolean): typeof ours & { long: never } =>
      ({ ...ours, long: { ...ours, thresholdTokens, inclusive } }) as never;
    expect(priceDifferences(tier(271_999, false), tier(272_000, true))).toEqual([]);
    expect(priceDifferences(tier(272_000, false), tier(272_000, true))).toHaveLength(1);
    expect(priceDifferences(ours, tier(272_000, true))).toHaveLength(1);
  });
});
