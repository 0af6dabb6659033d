import { describe, expect, test } from 'vitest';

import type { ProviderConfigInput } from '../../src/config/provider.ts';
import { VirtualProvider, config } from './virtual-provider.ts';
import type { Sent } from './virtual-provider.ts';

type Limits = NonNullable<ProviderConfigInput['models'][number]['limits']>;

/** A message of so many tokens, its frame included. */
function prompt(tokens: number): object[] {
  return [{ role: 'user', content: 'x'.repeat((tokens - 4) * 4) }];
}

function limited(limits: Limits): VirtualProvider {
  return new VirtualProvider(
    config({
      limits,
      contextWindow: 400_000,
      maxOutput: 128_000,
      output: { tokens: 'max' },
      timing: { kind: 'fixed', ttft: '0ms', itl: '0ms' },
    }),
  );
}

function message(sent: Sent): string {
  return (sent.reply.json()['error'] as { message: string }).message;
}

describe('OpenAI', () => {
  test('the RPM body of the docs: Limit 3, Used 3, Requested 1 waits 20 s', async () => {
    const provider = limited({ style: 'openai', rpm: 3 });
    for (let index = 0; index < 3; index += 1) {
      provider.send({ messages: prompt(10), max_tokens: 1 });
    }
    const refused = provider.send({ messages: prompt(10), max_tokens: 1 });
    expect(refused.reply.status).toBe(429);
    expect(refused.reply.json()).toEqual({
      error: {
        message:
          'Rate limit reached for m in organization org-simulated on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s. Visit https://platform.openai.com/account/rate-limits to learn more.',
        type: 'requests',
        param: null,
        code: 'rate_limit_exceeded',
      },
    });
    expect(refused.reply.headers).toMatchObject({
      'retry-after': '20',
      'retry-after-ms': '20000',
      'x-ratelimit-limit-requests': '3',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '1m0s',
    });
    expect(refused.record).toMatchObject({ limit: 'rpm', status: 429 });
    expect(refused.closings).toEqual(['refused']);
  });

  test('a public TPM body (codel#72): Limit 30000, Used 14567, Requested 24754 waits 18.642 s', async () => {
    const provider = limited({ style: 'openai', tpm: 30_000 });
    provider.send({ messages: prompt(14_000), max_tokens: 567 });
    const refused = provider.send({ messages: prompt(24_000), max_tokens: 754 });
    expect(message(refused)).toContain(
      'on tokens per min (TPM): Limit 30000, Used 14567, Requested 24754. Please try again in 18.642s.',
    );
    // Exactly then it passes, and not a millisecond earlier.
    await provider.clock.run(18_641);
    expect(provider.send({ messages: prompt(24_000), max_tokens: 754 }).reply.status).toBe(429);
    await provider.clock.run(18_642);
    const late = await provider.ask({ messages: prompt(24_000), max_tokens: 754 });
    expect(late.reply.status).toBe(200);
  });

  test('headers of a reply: what is left, and the time to completely full', async () => {
    const provider = limited({ style: 'openai', rpm: 5000, tpm: 150_000 });
    const { reply } = await provider.ask({ messages: prompt(10), max_tokens: 6 });
    // 1 of 5,000 RPM is 12 ms; 16 of 150,000 TPM are 6.4 ms.
    expect(reply.headers).toMatchObject({
      'x-ratelimit-limit-requests': '5000',
      'x-ratelimit-remaining-requests': '4999',
      'x-ratelimit-reset-requests': '12ms',
      'x-ratelimit-limit-tokens': '150000',
      'x-ratelimit-remaining-tokens': '149984',
      'x-ratelimit-reset-tokens': '6ms',
    });
  });

  test('a request larger than the limit can never pass and gets no time to come back', () => {
    const refused = limited({ style: 'openai', tpm: 30_000 }).send({
      messages: prompt(30_000),
      max_tokens: 601,
    });
    expect(message(refused)).toMatch(
      /^Request too large for m .* Limit 30000, Requested 30601\. The input or output tokens must be reduced/,
    );
    expect(refused.reply.headers).not.toHaveProperty('retry-after');
  });

  test('n multiplies the cap; keys do not share', () => {
    const provider = limited({ style: 'openai', tpm: 180_000 });
    const refused = provider.send({ messages: prompt(10), max_tokens: 5000, n: 100 });
    expect(message(refused)).toContain('Request too large');
    const half = { messages: prompt(10), max_tokens: 100_000 };
    expect(
      [provider.send(half), provider.send(half), provider.send(half, { key: 'b' })].map(
        ({ reply }) => reply.status,
      ),
    ).toEqual([undefined, 429, undefined]);
  });

  test('headers: absent leaves them out', async () => {
    const provider = limited({ style: 'openai', rpm: 10, headers: 'absent' });
    const { reply } = await provider.ask({ messages: prompt(10), max_tokens: 1 });
    expect(Object.keys(reply.headers).filter((name) => name.startsWith('x-ratelimit'))).toEqual([]);
  });
});

describe('Anthropic', () => {
  const ask = (provider: VirtualProvider, tokens: number, cap = 10): Sent =>
    provider.send({ messages: prompt(tokens), max_tokens: cap }, { dialect: 'anthropic-messages' });

  test('429 with its headers: thousands, RFC 3339 seconds, the tightest as tokens', () => {
    const provider = limited({ style: 'anthropic', rpm: 50, itpm: 40_000, otpm: 8000 });
    ask(provider, 25_000);
    const refused = ask(provider, 25_000);
    expect(refused.reply.status).toBe(429);
    expect(refused.reply.json()).toEqual({
      type: 'error',
      error: {
        type: 'rate_limit_error',
        message: expect.stringMatching(
          /^This request would exceed your organization's rate limit of 40,000 input tokens per minute/,
        ),
      },
      request_id: 'req_2',
    });
    // 10,000 tokens short at 40,000 a minute: 15 s.
    expect(refused.reply.headers).toMatchObject({
      'retry-after': '15',
      'request-id': 'req_2',
      'anthropic-ratelimit-requests-limit': '50',
      'anthropic-ratelimit-requests-remaining': '49',
      'anthropic-ratelimit-requests-reset': '2026-01-01T00:00:02Z',
      'anthropic-ratelimit-input-tokens-limit': '40000',
      'anthropic-ratelimit-input-tokens-remaining': '15000',
      'anthropic-ratelimit-input-tokens-reset': '2026-01-01T00:00:38Z',
      'anthropic-ratelimit-output-tokens-limit': '8000',
      'anthropic-ratelimit-output-tokens-remaining': '8000',
      'anthropic-ratelimit-tokens-limit': '40000',
      'anthropic-ratelimit-tokens-remaining': '15000',
    });
  });

  test('cache reads are free: the same long prompt passes when it is cached', async () => {
    const provider = limited({ style: 'anthropic', itpm: 12_000 });
    const cached = {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'x'.repeat(39_984), cache_control: { type: 'ephemeral' } },
          ],
        },
      ],
      max_tokens: 5,
    };
    const first = await provider.ask(cached, { dialect: 'anthropic-messages' });
    const second = await provider.ask(cached, { dialect: 'anthropic-messages' });
    expect([first, second].map(({ reply }) => reply.status)).toEqual([200, 200]);
    expect(ask(provider, 10_000).reply.status).toBe(429);
  });

  test('output is counted while it is generated; max_tokens plays no part', async () => {
    const provider = new VirtualProvider(
      config({
        limits: { style: 'anthropic', otpm: 600 },
        maxOutput: 64_000,
        output: { tokens: 500 },
        timing: { kind: 'fixed', ttft: '0ms', itl: '10ms' },
      }),
    );
    const first = ask(provider, 10, 64_000); // far above the limit as a cap
    await provider.clock.run(4000);
    expect(ask(provider, 10).reply.status).not.toBe(429);
    await provider.clock.run();
    expect(first.reply.status).toBe(200);
    const second = ask(provider, 10, 64_000);
    await provider.clock.run();
    // 1,000 tokens in ten seconds against 600 + 10 a second: in debt.
    expect(second.reply.status).toBe(200);
    const third = ask(provider, 10);
    expect(third.reply.status).toBe(429);
    expect(message(third)).toContain('output tokens per minute');
  });

  test('60 RPM enforced as one per second', async () => {
    const provider = limited({ style: 'anthropic', rpm: 60, requestBurst: '1s' });
    expect([ask(provider, 10), ask(provider, 10)].map(({ reply }) => reply.status)).toEqual([
      undefined,
      429,
    ]);
    await provider.clock.run(1000);
    expect(ask(provider, 10).reply.status).not.toBe(429);
  });

  test('growth beyond the ramp: 429 with its code and a time', () => {
    const provider = limited({
      style: 'anthropic',
      itpm: 1_000_000,
      ramp: { floorPerMinute: 1000, factor: 1.5, period: '5m' },
    });
    ask(provider, 900);
    const refused = ask(provider, 900);
    expect(refused.reply.json()).toMatchObject({
      error: { type: 'rate_limit_error', details: { error_code: 'ramp_limit_exceeded' } },
    });
    expect(refused.reply.headers).toHaveProperty('retry-after');
  });
});

test('Azure provisioned throughput: one call may overshoot, the next waits in milliseconds', () => {
  const provider = limited({ style: 'azure-ptu', workPerMinute: 60_000, outputWeight: 4 });
  const first = provider.send({ messages: prompt(22_000), max_tokens: 10_000 }); // 22,000 + 40,000
  const second = provider.send({ messages: prompt(10), max_tokens: 1 });
  expect(first.reply.status).not.toBe(429);
  expect(second.reply.status).toBe(429);
  expect(second.reply.headers).toMatchObject({ 'retry-after-ms': '2000', 'retry-after': '2' });
});

test('concurrency (DeepSeek): a place is free again when the call is over, also when it fails', async () => {
  const provider = new VirtualProvider(
    config(
      { limits: { style: 'deepseek', concurrency: 1 } },
      { faults: [{ kind: 'truncate', first: 1 }] },
    ),
  );
  const body = { messages: prompt(10), max_tokens: 5, stream: true };
  const first = provider.send(body);
  expect(provider.send(body).reply.status).toBe(429);
  await provider.clock.run();
  expect(first.closings).toEqual(['fault']);
  const third = provider.send(body);
  third.reply.abandon();
  const fourth = await provider.ask(body);
  expect(fourth.closings).toEqual(['complete']);
});

test('under overload the admitted rate is the limit', async () => {
  const provider = limited({ style: 'openai', rpm: 600 });
  const sent: Sent[] = [];
  // 20 per second against 10 per second, for ten minutes, after the burst is gone.
  for (let index = 0; index < 12_000; index += 1) {
    sent.push(provider.send({ messages: prompt(10), max_tokens: 1 }));
    await provider.clock.run((index + 1) * 50);
  }
  const admitted = sent.slice(2400).filter(({ reply }) => reply.status === 200).length;
  // 8 minutes at 600: 4,800.
  expect(Math.abs(admitted - 4800)).toBeLessThanOrEqual(5);
});
