import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { priceRequest, ratesFor, steppedPrice } from '../../src/capacity/price.ts';
import type { ModelPrice } from '../../src/capacity/price.ts';
import { NO_TOKENS } from '../../src/core/tokens.ts';

const price: ModelPrice = {
  inputUsd: 2,
  cacheReadUsd: 0.2,
  cacheWrite5mUsd: 2.5,
  cacheWrite1hUsd: 4,
  outputUsd: 10,
  batchFactor: 0.5,
};

const long: ModelPrice = {
  ...price,
  long: {
    thresholdTokens: 272_000,
    inclusive: false,
    inputUsd: 4,
    cacheReadUsd: 0.4,
    outputUsd: 15,
  },
};

const million = 1_000_000;

describe('price of one request', () => {
  test.for([
    { why: 'uncached input', tokens: { uncached: million }, usd: 2 },
    {
      why: 'cache reads at their own rate, not as input',
      tokens: { cacheRead: million },
      usd: 0.2,
    },
    { why: 'a write costs more than input', tokens: { cacheWrite5m: million }, usd: 2.5 },
    { why: 'a one-hour write costs more still', tokens: { cacheWrite1h: million }, usd: 4 },
    {
      why: 'reasoning is part of output, not added',
      tokens: { output: million, reasoning: 500_000 },
      usd: 10,
    },
  ])('$why', ({ tokens, usd }) => {
    expect(priceRequest(price, { ...NO_TOKENS, ...tokens })).toBeCloseTo(usd, 9);
  });

  test('cache writes without a rate bill as input', () => {
    const plain: ModelPrice = { inputUsd: 3, outputUsd: 1 };
    const tokens = {
      ...NO_TOKENS,
      cacheRead: million,
      cacheWrite5m: million,
      cacheWrite1h: million,
    };
    expect(priceRequest(plain, tokens)).toBeCloseTo(9, 9);
  });

  test.for([
    { why: 'below', prompt: 271_999, inclusive: false, rate: 2 },
    { why: 'OpenAI: exactly the threshold is short', prompt: 272_000, inclusive: false, rate: 2 },
    { why: 'above', prompt: 272_001, inclusive: false, rate: 4 },
    { why: 'xAI: exactly the threshold is long', prompt: 272_000, inclusive: true, rate: 4 },
    { why: 'xAI: one below is short', prompt: 271_999, inclusive: true, rate: 2 },
  ])('threshold, $why', ({ prompt, inclusive, rate }) => {
    const rates = ratesFor({ ...long, long: { ...long.long!, inclusive } }, prompt);
    expect(rates.inputUsd).toBe(rate);
  });

  test('the whole request bills long, and cached tokens count to its length', () => {
    const tokens = { ...NO_TOKENS, uncached: 1000, cacheRead: 272_000, output: 1000 };
    const usd = (1000 * 4 + 272_000 * 0.4 + 1000 * 15) / million;
    expect(priceRequest(long, tokens)).toBeCloseTo(usd, 12);
  });

  test('GPT-6 Sol, 300,000 in and 5,000 out: $1.275', () => {
    const tokens = { ...NO_TOKENS, uncached: 300_000, output: 5000 };
    expect(priceRequest(long, tokens)).toBeCloseTo(1.275, 9);
  });

  test('batch halves everything, caches included, unless the provider keeps their rate', () => {
    const tokens = { ...NO_TOKENS, uncached: million, cacheRead: million, output: million };
    expect(priceRequest(price, tokens, 'batch')).toBeCloseTo(6.1, 9);
    expect(priceRequest({ ...price, batchKeepsCacheRates: true }, tokens, 'batch')).toBeCloseTo(
      6.2,
      9,
    );
  });

  test('no batch price is an error, not the standard price', () => {
    expect(() => priceRequest({ inputUsd: 1, outputUsd: 1 }, NO_TOKENS, 'batch')).toThrow(
      RangeError,
    );
  });

  test('the average request prices a mix wrongly: tiers are chosen per request', () => {
    const short = { ...NO_TOKENS, uncached: 100_000 };
    const longOne = { ...NO_TOKENS, uncached: 400_000 };
    const average = { ...NO_TOKENS, uncached: 250_000 };
    const real = priceRequest(long, short) + priceRequest(long, longOne);
    expect(real).toBeCloseTo(1.8, 9);
    expect(2 * priceRequest(long, average)).toBeCloseTo(1.0, 9);
  });
});

test('marginal steps never cost less for more, and add up to the flat price when equal', () => {
  const step = fc.record({ width: fc.nat(1000), usd: fc.double({ min: 0, max: 5, noNaN: true }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 5 }), fc.nat(5000), fc.nat(5000), (steps, a, b) => {
      const all = [...steps, { usd: 1 }];
      const [less, more] = [Math.min(a, b), Math.max(a, b)];
      expect(steppedPrice(less, all)).toBeLessThanOrEqual(steppedPrice(more, all) + 1e-9);
      const flat = all.map((one) => ({ ...one, usd: 2 }));
      expect(steppedPrice(a, flat)).toBeCloseTo(2 * a, 6);
    }),
  );
});
