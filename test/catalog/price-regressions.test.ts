import { describe, expect, test } from 'vitest';

import { meanCall, routePrice } from '../../src/capacity/mean-demand.ts';
import { priceRequest } from '../../src/capacity/price.ts';
import type { ModelPrice } from '../../src/capacity/price.ts';
import { findModel, modelPrice, priceOn, readCatalogs } from '../../src/catalog/providers.ts';
import { NO_TOKENS, tokensFromInclusive } from '../../src/core/tokens.ts';
import { routeOf, trafficOf } from '../capacity/example-plan.ts';

/** Mistakes of other price calculators, held against the prices that plans use. */
const catalogs = await readCatalogs();
const day = '2026-11-20';

function priceFor(provider: string, model: string): ModelPrice {
  return modelPrice(priceOn(findModel(catalogs.providers.get(provider)!, model)!, day)!);
}

function usd(price: ModelPrice, tokens: Partial<typeof NO_TOKENS>): number {
  return priceRequest(price, { ...NO_TOKENS, ...tokens });
}

describe('thresholds: equality is part of the price', () => {
  test.for([
    { provider: 'openai', model: 'gpt-5.5', at: 272_000, short: 5, long: 10, inclusive: false },
    { provider: 'openai', model: 'gpt-6-sol', at: 272_000, short: 2, long: 4, inclusive: false },
    { provider: 'xai', model: 'grok-4.6', at: 200_000, short: 2, long: 4, inclusive: true },
    {
      provider: 'google',
      model: 'gemini-3.1-pro-preview',
      at: 200_000,
      short: 2,
      long: 4,
      inclusive: false,
    },
    {
      provider: 'anthropic',
      model: 'claude-haiku-5-5',
      at: 100_000,
      short: 0.1,
      long: 0.5,
      inclusive: false,
    },
  ])('$provider $model around $at', ({ provider, model, at, short, long, inclusive }) => {
    const price = priceFor(provider, model);
    const rate = (prompt: number): number => (usd(price, { uncached: prompt }) / prompt) * 1e6;
    expect(rate(at - 1)).toBeCloseTo(short, 9);
    expect(rate(at)).toBeCloseTo(inclusive ? long : short, 9);
    expect(rate(at + 1)).toBeCloseTo(long, 9);
  });

  test('cached tokens count to the length of the prompt, and bill at the long rate themselves', () => {
    const price = priceFor('xai', 'grok-4.6');
    const below = usd(price, { uncached: 1, cacheRead: 199_998 });
    const at = usd(price, { uncached: 1, cacheRead: 199_999 });
    expect(at / below).toBeCloseTo(2, 4);
  });

  test('the tier is chosen per request: an average of a short and a long prompt would be short', () => {
    const price = priceFor('openai', 'gpt-5.5');
    const traffic = trafficOf({
      tokens: { input: 250_000, output: 0, cachedShare: 0, variation: 1 },
    });
    const mean = meanCall(traffic, routeOf({ price })).costUsd!;
    expect(mean).toBeGreaterThan(1.2 * usd(price, { uncached: 250_000 }));
  });
});

describe('cache tokens', () => {
  const price = priceFor('anthropic', 'claude-sonnet-5-5');

  test('inside input_tokens (OpenAI’s convention) or beside them (Anthropic’s): one price', () => {
    const inside = tokensFromInclusive({ input: 10_000, cacheRead: 8000, output: 100 });
    const beside = { ...NO_TOKENS, uncached: 2000, cacheRead: 8000, output: 100 };
    expect(usd(price, inside)).toBe(usd(price, beside));
  });

  test('cached tokens are billed once: an agent with 99 % hits is cheap, not ten times as dear', () => {
    const tokens = { uncached: 1000, cacheRead: 99_000, output: 1000 };
    expect(usd(price, tokens)).toBeCloseTo((1000 * 2 + 99_000 * 0.1 + 1000 * 10) / 1e6, 12);
  });

  test('a write costs more than input, a one-hour write more than a short one', () => {
    const rate = (tokens: Partial<typeof NO_TOKENS>): number => usd(price, tokens) / 1000;
    const plain = rate({ uncached: 1000 });
    expect(rate({ cacheWrite5m: 1000 }) / plain).toBeCloseTo(1.25, 9);
    expect(rate({ cacheWrite1h: 1000 }) / plain).toBeCloseTo(2, 9);
    expect(rate({ cacheRead: 1000 }) / plain).toBeCloseTo(0.05, 9);
  });

  test('OpenAI bills writes from GPT-5.6 on', () => {
    const write = (model: string): number => {
      const one = priceFor('openai', model);
      return usd(one, { cacheWrite5m: 1000 }) / usd(one, { uncached: 1000 });
    };
    expect(write('gpt-5.6-sol')).toBeCloseTo(1.25, 9);
    expect(write('gpt-5.5')).toBeCloseTo(1, 9);
  });

  test.for([
    { provider: 'anthropic', model: 'claude-opus-4-6', min: 4096 },
    { provider: 'anthropic', model: 'claude-sonnet-5', min: 1024 },
    { provider: 'anthropic', model: 'claude-opus-5-5', min: 512 },
    { provider: 'openai', model: 'gpt-5.5', min: 1024 },
  ])('$model silently caches nothing below $min tokens', ({ provider, model, min }) => {
    const entry = findModel(catalogs.providers.get(provider)!, model)!;
    expect(entry.minCacheablePrompt).toBe(min);
    const own = priceFor(provider, model);
    const route = routeOf({ price: own, minCacheableTokens: entry.minCacheablePrompt });
    const prompt = (size: number): typeof NO_TOKENS => ({
      ...NO_TOKENS,
      uncached: 1,
      cacheRead: size - 1,
    });
    expect(routePrice(route, prompt(min - 1))).toBeCloseTo(usd(own, { uncached: min - 1 }), 12);
    expect(routePrice(route, prompt(min))).toBeCloseTo(usd(own, prompt(min)), 12);
  });
});

describe('batch', () => {
  const tokens = { ...NO_TOKENS, uncached: 1000, cacheRead: 9000, output: 500 };

  test.for([
    { provider: 'anthropic', model: 'claude-opus-5', keeps: false, why: 'stacks with the cache' },
    { provider: 'openai', model: 'gpt-5.5', keeps: false, why: 'halves cached input, too' },
    {
      provider: 'google',
      model: 'gemini-3.1-pro-preview',
      keeps: true,
      why: 'bills the cache at the standard rate',
    },
  ])('$model $why', ({ provider, model, keeps }) => {
    const price = priceFor(provider, model);
    const standard = priceRequest(price, tokens);
    const cache = priceRequest(price, { ...NO_TOKENS, cacheRead: 9000 });
    const expected = keeps ? (standard - cache) / 2 + cache : standard / 2;
    expect(priceRequest(price, tokens, 'batch')).toBeCloseTo(expected, 12);
  });

  test('batch of a long prompt: half of the long rates', () => {
    const price = priceFor('openai', 'gpt-6-sol');
    const long = { ...NO_TOKENS, uncached: 300_000, output: 5000 };
    expect(priceRequest(price, long, 'batch')).toBeCloseTo(1.275 / 2, 9);
  });
});

test('hours of the day: DeepSeek is listed at its peak, an upper bound on any weekday', () => {
  const row = priceOn(findModel(catalogs.providers.get('deepseek')!, 'deepseek-v4-pro')!, day)!;
  expect(row).toMatchObject({ input: 1.32, note: expect.stringContaining('peak hours') });
});
