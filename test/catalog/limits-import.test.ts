import { describe, expect, test } from 'vitest';

import { importLimits, limitsFor } from '../../src/catalog/limits-import.ts';
import { openaiLimitMessage } from '../../src/mechanisms/limit-message.ts';

describe('the Rate Limits API of Anthropic', () => {
  const answer = JSON.stringify({
    data: [
      {
        type: 'rate_limit',
        id: 'rl_1',
        group_type: 'model_group',
        models: ['claude-opus-4-8', 'claude-opus-4-7'],
        limits: [
          { type: 'requests_per_minute', value: 8000 },
          { type: 'input_tokens_per_minute', value: 12_000_000 },
          { type: 'output_tokens_per_minute', value: 1_600_000 },
          { type: 'something_new', value: 1 },
        ],
      },
      {
        type: 'rate_limit',
        group_type: 'batch',
        models: null,
        limits: [{ type: 'enqueued_batch_requests', value: 300_000 }],
      },
    ],
    next_page: null,
  });

  test('limits of every model of the group; other groups and new kinds are left out', () => {
    const imported = importLimits(answer, 'limits.json');
    expect(imported).toHaveLength(1);
    expect(limitsFor(imported, 'anthropic', 'claude-opus-4-7')).toEqual({
      limits: { rpm: 8000, itpm: 12_000_000, otpm: 1_600_000 },
      evidence: ['Rate Limits API'],
    });
    expect(imported[0]!.warnings).toEqual(['limit "something_new" is not used']);
  });

  test('ids match exactly, and the provider counts', () => {
    const imported = importLimits(answer, 'limits.json');
    expect(limitsFor(imported, 'anthropic', 'claude-opus-4')).toBeUndefined();
    expect(limitsFor(imported, 'bedrock', 'claude-opus-4-7')).toBeUndefined();
  });

  test('a first page of several says so', () => {
    const paged = answer.replace('"next_page":null', '"next_page":"abc"');
    expect(importLimits(paged, 'x')[0]!.warnings.at(-1)).toContain('next_page');
  });
});

describe('headers', () => {
  const line = (model: string, limits: Record<string, number>): string =>
    JSON.stringify({ kind: 'recorded-call', provider: 'openai', requestedModel: model, limits });

  test('of a recording: the last call holds, and how full it got', () => {
    const text = [
      '{"kind":"agent-infra-recording"}',
      line('gpt-5.5', {
        'x-ratelimit-limit-requests': 5000,
        'x-ratelimit-remaining-requests': 4999,
        'x-ratelimit-limit-tokens': 1_000_000,
        'x-ratelimit-remaining-tokens': 250_000,
      }),
      line('gpt-5.5', {
        'x-ratelimit-limit-requests': 10_000,
        'x-ratelimit-limit-tokens': 2_000_000,
      }),
      line('other', { 'retry-after-ms': 5 }),
    ].join('\n');
    const imported = importLimits(text, 'recording.jsonl');
    expect(imported).toMatchObject([
      {
        provider: null,
        models: ['gpt-5.5'],
        limits: { rpm: 10_000, tpm: 2_000_000 },
        evidence: 'rate-limit headers of 2 calls',
        mostUsed: 0.75,
      },
    ]);
  });

  test('Groq: requests are per day although the header does not say so', () => {
    const text = 'x-ratelimit-limit-requests: 14400\nx-ratelimit-limit-tokens: 6000\n';
    const options = { provider: 'groq', model: 'llama-3.1-8b-instant' };
    const imported = importLimits(text, 'curl.txt', options);
    expect(limitsFor(imported, 'groq', options.model)!.limits).toEqual({ rpd: 14_400, tpm: 6000 });
    expect(importLimits(text, 'curl.txt')[0]!.warnings[0]).toContain('--provider groq');
  });

  test('Anthropic: input and output apart; "tokens" only repeats the tightest', () => {
    const text = `
      anthropic-ratelimit-requests-limit: 4000
      anthropic-ratelimit-tokens-limit: 400000
      anthropic-ratelimit-input-tokens-limit: 2000000
      anthropic-ratelimit-input-tokens-remaining: 1000000
      anthropic-ratelimit-output-tokens-limit: 400000`;
    expect(importLimits(text, 'x', { model: 'claude-opus-5' })).toMatchObject([
      {
        provider: 'anthropic',
        models: ['claude-opus-5'],
        limits: { rpm: 4000, itpm: 2_000_000, otpm: 400_000 },
        mostUsed: 0.5,
        warnings: [],
      },
    ]);
  });

  test('Fireworks counts tokens per second', () => {
    const text = 'x-ratelimit-limit-tokens-prompt: 60000';
    expect(importLimits(text, 'x', { provider: 'fireworks' })[0]!.limits).toEqual({
      itpm: 3_600_000,
    });
  });
});

describe('429 bodies', () => {
  const refusal = {
    model: 'gpt-5.5',
    organization: 'org-abc',
    dimension: 'tpm',
    limit: 30_000,
    used: 27_000,
    requested: 4000,
    waitMs: 2000,
  } as const;

  test('our own emulation of the texts gives back the limits it was given', () => {
    const texts = [
      openaiLimitMessage(refusal),
      openaiLimitMessage({ ...refusal, dimension: 'rpm', limit: 500, used: 500, requested: 1 }),
    ];
    expect(importLimits(JSON.stringify({ log: texts }), 'log')).toMatchObject([
      {
        provider: null,
        models: ['gpt-5.5'],
        limits: { tpm: 30_000, rpm: 500 },
        evidence: '2 429 bodies',
        mostUsed: 1,
      },
    ]);
  });

  test('a request larger than the limit is named: no retry serves it', () => {
    const never = { ...refusal, requested: 31_538, waitMs: Number.POSITIVE_INFINITY };
    const imported = importLimits(openaiLimitMessage(never), 'log');
    expect(imported[0]!.limits).toEqual({ tpm: 30_000 });
    expect(imported[0]!.warnings[0]).toContain('larger than the limit itself');
  });

  test('Groq writes names in backticks', () => {
    const text =
      'Rate limit reached for model `openai/gpt-oss-120b` in organization `org_01` service tier `on_demand` on tokens per minute (TPM): Limit 8000, Used 7500, Requested 900. Please try again in 3s.';
    expect(importLimits(text, 'log')).toMatchObject([
      { provider: 'groq', models: ['openai/gpt-oss-120b'], limits: { tpm: 8000 } },
    ]);
  });
});

test.for(['', '{}', '{"data": []}', 'no limits here', '{"data": [{"type": "rate_limit"}]}'])(
  'nothing found is an error with a hint: %j',
  (text) => {
    expect(() => importLimits(text, 'file.txt')).toThrow('file.txt: no limits found');
  },
);
