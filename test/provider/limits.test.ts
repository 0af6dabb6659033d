import { describe, expect, test } from 'vitest';

import { providerConfigSchema } from '../../src/config/provider.ts';
import type { ProviderConfigInput } from '../../src/config/provider.ts';
import { NO_TOKENS } from '../../src/core/tokens.ts';
import type { TokenRecord } from '../../src/core/tokens.ts';
import { spendOf } from '../../src/provider/spend-price.ts';
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

describe('money', () => {
  const prices = { input: '$1', output: '$10' };
  const spending = (style: 'anthropic' | 'openai' | 'gemini', spend: object): VirtualProvider =>
    limited({ style, spend: { prices, ...spend } } as Limits);

  test('Anthropic: the month is spent, 429 with its code and no time to come back', async () => {
    const provider = spending('anthropic', { perMonth: '$500', spent: '$499.98' });
    const body = { messages: prompt(1000), max_tokens: 1000 };
    const ask = (): Promise<Sent> => provider.ask(body, { dialect: 'anthropic-messages' });
    // $0.001 of input and $0.01 of output each: the second call takes it over $500.
    const sent = [await ask(), await ask(), await ask()];
    expect(sent.map(({ reply }) => reply.status)).toEqual([200, 200, 429]);
    const { reply, record } = sent[2]!;
    expect(reply.json()).toMatchObject({
      error: {
        type: 'rate_limit_error',
        details: { error_code: 'enforced_spend_limit_reached' },
      },
    });
    expect(Object.keys(reply.headers).filter((name) => name.startsWith('retry-after'))).toEqual([]);
    expect(record.limit).toBe('spendPerMonth');
    // 2026-01-01 is virtual 0: on the first of February it passes again, not a moment before.
    const month = 31 * 24 * 3_600_000;
    await provider.clock.run(month - 1);
    expect((await provider.ask(body, { dialect: 'anthropic-messages' })).reply.status).toBe(429);
    await provider.clock.run(month);
    expect((await ask()).reply.status).toBe(200);
  });

  test('OpenAI says insufficient_quota', () => {
    const provider = spending('openai', { perMonth: '$1', spent: '$1' });
    const { reply } = provider.send({ messages: prompt(10), max_tokens: 1 });
    expect(reply.status).toBe(429);
    expect(reply.json()).toMatchObject({
      error: { type: 'insufficient_quota', code: 'insufficient_quota' },
    });
    expect(reply.headers).not.toHaveProperty('retry-after');
  });

  test('Gemini: dollars of the last ten minutes, with a time to come back', async () => {
    const provider = spending('gemini', { per10Minutes: '$0.01' });
    const body = { messages: prompt(1000), max_tokens: 900 };
    expect((await provider.ask(body)).reply.status).toBe(200); // $0.001 + $0.009
    const refused = provider.send(body);
    expect(refused.reply.status).toBe(429);
    expect(refused.reply.headers).toHaveProperty('retry-after', '600');
    await provider.clock.run(601_000);
    expect((await provider.ask(body)).reply.status).toBe(200);
  });

  test('cached input is cheap, written input is dear', () => {
    const cost = (tokens: Partial<TokenRecord>): number =>
      spendOf({ input: 5, output: 25 }, { ...NO_TOKENS, ...tokens });
    expect(cost({ uncached: 1e6 })).toBe(5);
    expect(cost({ cacheRead: 1e6 })).toBe(0.5);
    expect(cost({ cacheWrite5m: 1e6 })).toBe(6.25);
    expect(cost({ cacheWrite1h: 1e6 })).toBe(10);
    expect(cost({ output: 1e6, reasoning: 9e5 })).toBe(25);
  });
});

test('Azure standard: RPM in windows of 10 s by default, of 1 s when told', async () => {
  for (const { requestWindow, perWindow, waitS } of [
    { requestWindow: undefined, perWindow: 10, waitS: 10 },
    { requestWindow: '1s', perWindow: 1, waitS: 1 },
  ]) {
    const provider = limited({
      style: 'azure-standard',
      rpm: 60,
      ...(requestWindow === undefined ? {} : { requestWindow }),
    });
    const sent = Array.from({ length: perWindow + 1 }, () =>
      provider.send({ messages: prompt(10), max_tokens: 1 }),
    );
    expect(sent.filter(({ reply }) => reply.status === 429)).toHaveLength(1);
    expect(sent.at(-1)!.reply.headers).toMatchObject({ 'retry-after': String(waitS) });
    await provider.clock.run(waitS * 1000);
    expect((await provider.ask({ messages: prompt(10), max_tokens: 1 })).reply.status).toBe(200);
  }
});

describe('spillover from provisioned throughput', () => {
  const spilling = (
    tpm: number,
    faults: NonNullable<ProviderConfigInput['faults']> = [],
  ): VirtualProvider =>
    new VirtualProvider(
      providerConfigSchema.parse({
        apiVersion: 'agent-infra/v1',
        kind: 'ProviderConfig',
        models: [
          {
            id: 'm',
            spillover: 'standard',
            limits: { style: 'azure-ptu', workPerMinute: 6000, outputWeight: 8 },
            timing: { kind: 'fixed', ttft: '10ms', itl: '1ms' },
            output: { tokens: 'max' },
          },
          {
            id: 'standard',
            limits: { style: 'azure-standard', tpm },
            timing: { kind: 'fixed', ttft: '500ms', itl: '1ms' },
            output: { tokens: 'max' },
          },
        ],
        faults,
      }),
    );
  const body = { messages: prompt(1000), max_tokens: 500 };

  test.for([
    { status: 500, spills: true },
    { status: 503, spills: true },
    { status: 400, spills: true },
    { status: 401, spills: false },
  ])('an answer of $status of the reservation: spills $spills', async ({ status, spills }) => {
    const provider = spilling(10_000, [{ kind: 'status', status, models: ['m'] }]);
    const { reply, record } = await provider.ask(body);
    expect(reply.status).toBe(spills ? 200 : status);
    expect(record.model).toBe(spills ? 'standard' : 'm');
    expect(record.fault).toBe('status');
    if (!spills) return;
    expect(reply.headers).toMatchObject({
      'x-ms-spillover-from-deployment': 'm',
      'x-ms-deployment-name': 'standard',
    });
  });

  test('a prompt too long for the reservation runs where it fits', async () => {
    const settings = providerConfigSchema.parse({
      apiVersion: 'agent-infra/v1',
      kind: 'ProviderConfig',
      models: [
        { id: 'm', spillover: 'long', contextWindow: 500 },
        { id: 'long', contextWindow: 5000 },
      ],
    });
    const provider = new VirtualProvider(settings);
    expect((await provider.ask({ messages: prompt(1000), max_tokens: 5 })).record.model).toBe(
      'long',
    );
    expect((await provider.ask({ messages: prompt(100), max_tokens: 5 })).record.model).toBe('m');
    const neither = await provider.ask({ messages: prompt(9000), max_tokens: 5 });
    expect(neither.reply.status).toBe(400);
  });

  test('what the reservation refuses runs on the other deployment, under its name and times', async () => {
    const provider = spilling(2000);
    const sent = Array.from({ length: 4 }, () => provider.send(body));
    await provider.clock.run(1500);
    // 5,000 units a call: the second overshoots, the third spills, the fourth finds both full.
    expect(sent.map(({ reply }) => reply.status)).toEqual([200, 200, 200, 429]);
    expect(sent.map(({ record }) => record.model)).toEqual(['m', 'm', 'standard', 'm']);
    expect(sent.map(({ reply }) => Math.round(reply.endedAtMs!))).toEqual([509, 509, 999, 0]);
    expect(sent[0]!.reply.headers).not.toHaveProperty('x-ms-spillover-from-deployment');
    expect(sent[2]!.reply.headers).toMatchObject({
      'x-ms-spillover-from-deployment': 'm',
      'x-ms-deployment-name': 'standard',
      'x-ratelimit-limit-tokens': '2000',
    });
    expect(sent[2]!.reply.json()).toMatchObject({ model: 'standard' });
    expect(sent[3]!.reply.headers).toMatchObject({ 'x-ms-spillover-error': '429' });
  });

  test.for(['m', 'nobody'])('spillover to %s is a problem of the document', (spillover) => {
    const read = providerConfigSchema.safeParse({
      apiVersion: 'agent-infra/v1',
      kind: 'ProviderConfig',
      models: [{ id: 'm', spillover }],
    });
    expect(read.error?.issues[0]).toMatchObject({ path: ['models', 0, 'spillover'] });
  });
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
