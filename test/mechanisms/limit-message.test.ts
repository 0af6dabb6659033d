import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { formatGoDuration, parseGoDurationMs } from '../../src/mechanisms/go-duration.ts';
import {
  openaiLimitMessage,
  openaiWaitMs,
  parseLimitMessage,
} from '../../src/mechanisms/limit-message.ts';
import { MS_PER_DAY, MS_PER_MINUTE } from '../../src/core/units.ts';
import { readExamples } from './worked-examples.ts';

// Every public example, to the printed digit.
test.for([
  {
    why: 'MetaGPT#523',
    limit: 10_000,
    used: 8554,
    requested: 3082,
    windowMs: MS_PER_MINUTE,
    text: '9.816s',
  },
  {
    why: 'codel#72',
    limit: 30_000,
    used: 14_567,
    requested: 24_754,
    windowMs: MS_PER_MINUTE,
    text: '18.642s',
  },
  {
    why: 'BuilderIO/micro-agent#86',
    limit: 30_000,
    used: 29_937,
    requested: 385,
    windowMs: MS_PER_MINUTE,
    text: '644ms',
  },
  {
    why: 'continuedev/continue#11472',
    limit: 30_000,
    used: 18_928,
    requested: 11_159,
    windowMs: MS_PER_MINUTE,
    text: '174ms',
  },
  { why: 'RPM body', limit: 3, used: 3, requested: 1, windowMs: MS_PER_MINUTE, text: '20s' },
  { why: 'RPD body', limit: 200, used: 200, requested: 1, windowMs: MS_PER_DAY, text: '7m12s' },
])('$why prints $text', ({ limit, used, requested, windowMs, text }) => {
  expect(formatGoDuration(openaiWaitMs({ limit, used, requested }, windowMs))).toBe(text);
});

test('a header dump: 1 of 5,000 requests used resets in 12 ms, 1 of 60 in 1 s', () => {
  const full = (used: number, limit: number): string =>
    formatGoDuration(openaiWaitMs({ limit, used: limit, requested: used }, MS_PER_MINUTE));
  expect(full(1, 5000)).toBe('12ms');
  expect(full(1, 60)).toBe('1s');
});

describe('texts', () => {
  const refusal = {
    model: 'gpt-4',
    organization: 'org-x',
    limit: 10_000,
    used: 8554,
    requested: 3082,
  };

  test('as the public 429 bodies', () => {
    expect(
      openaiLimitMessage({ ...refusal, dimension: 'tpm', waitMs: 9816 }),
    ).toMatchInlineSnapshot(
      `"Rate limit reached for gpt-4 in organization org-x on tokens per min (TPM): Limit 10000, Used 8554, Requested 3082. Please try again in 9.816s. Visit https://platform.openai.com/account/rate-limits to learn more."`,
    );
    expect(
      openaiLimitMessage({ ...refusal, dimension: 'tpm', requested: 10_601, waitMs: Infinity }),
    ).toMatchInlineSnapshot(
      `"Request too large for gpt-4 in organization org-x on tokens per min (TPM): Limit 10000, Requested 10601. The input or output tokens must be reduced in order to run successfully. Visit https://platform.openai.com/account/rate-limits to learn more."`,
    );
  });

  test('property: what is written can be read back', () => {
    const amount = fc.integer({ min: 0, max: 10_000_000 });
    fc.assert(
      fc.property(amount, amount, amount, (limit, used, requested) => {
        const text = openaiLimitMessage({
          ...refusal,
          dimension: 'rpm',
          limit,
          used,
          requested,
          waitMs: 1,
        });
        expect(parseLimitMessage(text)).toEqual({ limit, used, requested });
      }),
    );
    expect(parseLimitMessage('Limit 30000, Requested 30601.')).toEqual({
      limit: 30_000,
      used: undefined,
      requested: 30_601,
    });
    expect(parseLimitMessage('The server is on fire')).toBeUndefined();
  });
});

describe('Go durations', () => {
  test.for([
    { ms: 0, text: '0s' },
    { ms: 12, text: '12ms' },
    { ms: 999.6, text: '1s' },
    { ms: 9816, text: '9.816s' },
    { ms: 360_000, text: '6m0s' },
    { ms: 432_000, text: '7m12s' },
    { ms: 179_560, text: '2m59.56s' },
    { ms: 3_630_500, text: '1h0m30.5s' },
  ])('$ms ms is $text', ({ ms, text }) => {
    expect(formatGoDuration(ms)).toBe(text);
    expect(parseGoDurationMs(text)).toBeCloseTo(Math.round(ms), 6);
  });

  test.for(['-1', '0', '', 'soon', '5', '1s later'])('%j is no duration', (text) => {
    expect(parseGoDurationMs(text)).toBeUndefined();
  });

  test('property: reading what was printed gives the rounded milliseconds', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e8, noNaN: true }), (ms) => {
        expect(parseGoDurationMs(formatGoDuration(ms))).toBeCloseTo(Math.round(ms), 5);
      }),
    );
  });
});

const examples = readExamples();

test.skipIf(examples === undefined)('the shared vectors of 429 waits and oversize requests', () => {
  const rows = examples!.filter(({ kind }) => kind === 'retry' || kind === 'oversize');
  expect(rows.length).toBeGreaterThanOrEqual(4);
  for (const { in: input, out } of rows) {
    const { limit, used = 0, requested } = input as Record<string, number>;
    const waitMs = openaiWaitMs({ limit: limit!, used, requested: requested! }, MS_PER_MINUTE);
    expect(out === 'never' ? waitMs : Math.round(waitMs) / 1000).toBe(
      out === 'never' ? Infinity : out,
    );
  }
});
