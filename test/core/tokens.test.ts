import { assert, integer, option, property, record } from 'fast-check';
import { describe, expect, it, test } from 'vitest';

import {
  addTokens,
  cacheWriteTokens,
  inputTokens,
  NO_TOKENS,
  tokensFromInclusive,
} from '../../src/core/tokens.ts';

describe('tokensFromInclusive', () => {
  test.for([
    {
      why: 'cache parts are taken out of the input',
      usage: { input: 1500, cacheRead: 1000, cacheWrite: 200, output: 90, reasoning: 40 },
      record: { uncached: 300, cacheRead: 1000, cacheWrite5m: 200, output: 90, reasoning: 40 },
    },
    {
      why: 'more cache than input is cut, never negative',
      usage: { input: 100, cacheRead: 300, cacheWrite: 50, output: 1 },
      record: { uncached: 0, cacheRead: 100, cacheWrite5m: 0, output: 1, reasoning: 0 },
    },
    {
      why: 'reasoning is a part of the output',
      usage: { input: 1, output: 10, reasoning: 50 },
      record: { uncached: 1, output: 10, reasoning: 10 },
    },
  ])('$why', ({ usage, record: expected }) => {
    expect(tokensFromInclusive(usage)).toMatchObject(expected);
  });

  it('keeps the input whole and every part within it', () => {
    const count = integer({ min: 0, max: 1e6 });
    const part = option(count, { nil: undefined });
    const usage = record({
      input: count,
      cacheRead: part,
      cacheWrite: part,
      output: count,
      reasoning: part,
    });
    assert(
      property(usage, (given) => {
        const tokens = tokensFromInclusive(given);
        expect(inputTokens(tokens)).toBe(given.input);
        expect(tokens.output).toBe(given.output);
        for (const value of Object.values(tokens)) expect(value).toBeGreaterThanOrEqual(0);
        expect(tokens.reasoning).toBeLessThanOrEqual(tokens.output);
      }),
    );
  });
});

it('adds field by field', () => {
  const one = {
    uncached: 1,
    cacheRead: 2,
    cacheWrite5m: 3,
    cacheWrite1h: 4,
    output: 5,
    reasoning: 6,
  };
  const sum = addTokens(one, one);
  expect(sum).toEqual({
    uncached: 2,
    cacheRead: 4,
    cacheWrite5m: 6,
    cacheWrite1h: 8,
    output: 10,
    reasoning: 12,
  });
  expect(inputTokens(sum)).toBe(20);
  expect(cacheWriteTokens(sum)).toBe(14);
  expect(addTokens(one, NO_TOKENS)).toEqual(one);
});
