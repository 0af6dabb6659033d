import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Random } from '../../src/core/random.ts';
import {
  RETRY_POLICIES,
  hintedDelayMs,
  maxRetriesOf,
  retryDelayMs,
} from '../../src/mechanisms/backoff.ts';
import type { FailedAttempt, RetryPolicy } from '../../src/mechanisms/backoff.ts';
import { hintedMs, retryHint } from '../../src/mechanisms/retry-hint.ts';

const NOW = Date.UTC(2026, 10, 20, 12, 0, 0);
const inSeconds = (seconds: number): string => new Date(NOW + seconds * 1000).toUTCString();

function delay(policy: RetryPolicy, failed: Partial<FailedAttempt>): number | undefined {
  return retryDelayMs(
    policy,
    { attempt: 1, status: 429, headers: {}, nowEpochMs: NOW, ...failed },
    new Random('jitter'),
  );
}

const SDKS = ['openai-js-6', 'openai-js-7', 'anthropic-js', 'python'] as const;
const first = delay('openai-js-6', {})!;

describe('which failures are retried', () => {
  test.for([
    { why: 'connection error or header timeout', status: undefined, retried: true },
    { why: 'request timeout', status: 408, retried: true },
    { why: 'conflict', status: 409, retried: true },
    { why: 'rate limit', status: 429, retried: true },
    { why: 'server error', status: 500, retried: true },
    { why: 'unavailable', status: 503, retried: true },
    { why: 'overloaded', status: 529, retried: true },
    { why: 'bad request', status: 400, retried: false },
    { why: 'wrong key', status: 401, retried: false },
    { why: 'billing', status: 402, retried: false },
    { why: 'forbidden', status: 403, retried: false },
    { why: 'unprocessable', status: 422, retried: false },
  ])('$why', ({ status, retried }) => {
    for (const policy of [...SDKS, 'immediate'] as const) {
      expect({ policy, retried: delay(policy, { status }) !== undefined }).toEqual({
        policy,
        retried,
      });
    }
    expect(delay('none', { status })).toBeUndefined();
  });

  test('x-should-retry overrides the status both ways', () => {
    for (const policy of SDKS) {
      expect(delay(policy, { status: 400, headers: { 'x-should-retry': 'true' } })).toBe(first);
      expect(
        delay(policy, { status: 429, headers: { 'x-should-retry': 'false' } }),
      ).toBeUndefined();
    }
  });

  test('three attempts in all, unless the caller says otherwise; never inside a stream', () => {
    for (const policy of SDKS) {
      expect(maxRetriesOf(policy)).toBe(2);
      expect(delay(policy, { attempt: 2 })).toBeDefined();
      expect(delay(policy, { attempt: 3 })).toBeUndefined();
      expect(delay(policy, { attempt: 3, maxRetries: 5 })).toBeDefined();
      expect(delay(policy, { maxRetries: 0 })).toBeUndefined();
      expect(delay(policy, { streamStarted: true })).toBeUndefined();
    }
  });
});

// The SDKs' own rules. `default` stands for the jittered back-off.
describe('server hints', () => {
  type Row = { why: string; headers: Record<string, string> } & Record<
    (typeof SDKS)[number],
    number | 'default'
  >;
  test.for<Row>([
    {
      why: 'seconds',
      headers: { 'retry-after': '1' },
      'openai-js-6': 1000,
      'openai-js-7': 1000,
      'anthropic-js': 1000,
      python: 1000,
    },
    {
      why: 'retry-after-ms wins over retry-after',
      headers: { 'retry-after-ms': '200', 'retry-after': '7' },
      'openai-js-6': 200,
      'openai-js-7': 200,
      'anthropic-js': 200,
      python: 200,
    },
    {
      why: 'retry-after 0: OpenAI JS at once, the others back off',
      headers: { 'retry-after': '0' },
      'openai-js-6': 0,
      'openai-js-7': 0,
      'anthropic-js': 'default',
      python: 'default',
    },
    {
      why: 'retry-after-ms 0: JS looks at retry-after, Python stops there',
      headers: { 'retry-after-ms': '0', 'retry-after': '3' },
      'openai-js-6': 3000,
      'openai-js-7': 3000,
      'anthropic-js': 3000,
      python: 'default',
    },
    {
      why: 'an hour: openai 6 and anthropic sleep it, the others ignore it',
      headers: { 'retry-after': '3600' },
      'openai-js-6': 3_600_000,
      'openai-js-7': 'default',
      'anthropic-js': 3_600_000,
      python: 'default',
    },
    {
      why: 'exactly the cap of 60 s is believed',
      headers: { 'retry-after': '60' },
      'openai-js-6': 60_000,
      'openai-js-7': 60_000,
      'anthropic-js': 60_000,
      python: 60_000,
    },
    {
      why: 'a date ahead',
      headers: { 'retry-after': inSeconds(5) },
      'openai-js-6': 5000,
      'openai-js-7': 5000,
      'anthropic-js': 5000,
      python: 5000,
    },
    {
      why: 'a date in the past: openai 6 at once, the others back off',
      headers: { 'retry-after': inSeconds(-5) },
      'openai-js-6': 0,
      'openai-js-7': 'default',
      'anthropic-js': 'default',
      python: 'default',
    },
    {
      why: 'nonsense: openai 6 hands NaN to its timer, which fires at once',
      headers: { 'retry-after': 'soon' },
      'openai-js-6': 0,
      'openai-js-7': 'default',
      'anthropic-js': 'default',
      python: 'default',
    },
    {
      why: 'longer than a timer can: fires at once in openai 6',
      headers: { 'retry-after': '2592000' },
      'openai-js-6': 0,
      'openai-js-7': 'default',
      'anthropic-js': 'default',
      python: 'default',
    },
    {
      why: 'trailing text: parseFloat reads 2, Python does not',
      headers: { 'retry-after': '2s' },
      'openai-js-6': 2000,
      'openai-js-7': 2000,
      'anthropic-js': 2000,
      python: 'default',
    },
  ])('$why', ({ headers, ...expected }) => {
    for (const policy of SDKS) {
      const want = expected[policy];
      expect({ policy, ms: delay(policy, { headers }) }).toEqual({
        policy,
        ms: want === 'default' ? first : want,
      });
    }
  });

  test('the naive policy ignores every hint', () => {
    expect(delay('immediate', { headers: { 'retry-after': '30' } })).toBe(0);
  });

  test('a repeated header counts once', () => {
    expect(delay('python', { headers: { 'retry-after': ['4', '9'] } })).toBe(4000);
  });
});

test('default back-off: 0.5 × 2ⁿ s up to 8 s, less up to a quarter, mean 7/8 of it', () => {
  const random = new Random('spread');
  for (const [retry, seconds] of [0.5, 1, 2, 4, 8, 8].entries()) {
    let sum = 0;
    for (let draw = 0; draw < 4000; draw += 1) {
      const failed = { attempt: retry + 1, headers: {}, nowEpochMs: NOW, maxRetries: 10 };
      const ms = retryDelayMs('python', failed, random)!;
      expect(ms).toBeGreaterThan(seconds * 750);
      expect(ms).toBeLessThanOrEqual(seconds * 1000);
      sum += ms;
    }
    // Standard error of the mean: 0.25 × s / sqrt(12 × 4000) = 0.00114 s.
    expect(Math.abs(sum / 4000 / (seconds * 875) - 1)).toBeLessThan(0.006);
  }
});

test('a refusal in virtual time delays a client as its headers would', () => {
  const waitMs = fc.oneof(
    fc.double({ min: 0, max: 1e7, noNaN: true }),
    fc.constant(Number.POSITIVE_INFINITY),
  );
  const rules = fc.constantFrom('openai' as const, 'anthropic' as const, 'generic' as const);
  const attempts = fc.integer({ min: 1, max: 4 });
  fc.assert(
    fc.property(fc.constantFrom(...RETRY_POLICIES), rules, waitMs, attempts, (...drawn) => {
      const [policy, rule, wait, attempt] = drawn;
      const direct = hintedDelayMs(policy, attempt, hintedMs(rule, wait), new Random('jitter'));
      expect(direct).toBe(delay(policy, { attempt, headers: retryHint(rule, wait) }));
    }),
  );
});

test('property: any headers give a finite delay of 0 or more, or none', () => {
  const text = fc.oneof(fc.string(), fc.integer().map(String), fc.double().map(String));
  fc.assert(
    fc.property(fc.constantFrom(...RETRY_POLICIES), text, text, (policy, seconds, ms) => {
      const got = delay(policy, { headers: { 'retry-after': seconds, 'retry-after-ms': ms } });
      return got === undefined || (Number.isFinite(got) && got >= 0);
    }),
  );
});
