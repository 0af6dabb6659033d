import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';

import { Random } from '../../src/core/random.ts';
import { AgentRateLimit } from '../../src/gateway/agent-limits.ts';
import { requestFacts } from '../../src/gateway/request-facts.ts';
import { TokenEstimator } from '../../src/gateway/token-estimate.ts';
import { OTHER_KEY, gatewayUnderTest } from './gateway-under-test.ts';
import type { UnderTest } from './gateway-under-test.ts';
import {
  CHAT_ROLE,
  MESSAGES_START,
  chatChunk,
  chatReplyText,
  sendChat,
  sse,
} from './scripted-upstream.ts';
import type { Script } from './scripted-upstream.ts';

let current: UnderTest | undefined;

afterEach(async () => {
  await current?.close();
  current = undefined;
});

async function start(script: Script, limits: object): Promise<UnderTest> {
  current = await gatewayUnderTest(script, { limits });
  return current;
}

const guess = (input: number, output: number) => ({ input, output, isOutputGuess: true });

describe('reservation', () => {
  test('C1 a fan-out admits only what fits, before any reply has come back', async () => {
    const holds: (() => void)[] = [];
    const under = await start(
      (response) => {
        holds.push(() => sendChat(response));
      },
      { tokensPerMinute: 1000 },
    );
    const calls = Array.from({ length: 5 }, () => under.chat({ max_tokens: 300 }));
    await expect.poll(() => holds.length).toBe(3);
    const refused = await Promise.race(calls);
    expect(refused.status).toBe(429);
    for (const release of holds) release();
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(3);
    expect(
      under.metric(
        'agent_gateway_rate_limited_total{agent="planner",source="agent",dimension="tokens"}',
      ),
    ).toBe(2);
  });

  test('usage settles the reservation: 300 reserved, 17 used, 983 left', async () => {
    const under = await start((response) => sendChat(response), { tokensPerMinute: 1000 });
    await under.chat({ max_tokens: 300 });
    const next = await under.chat({ max_tokens: 960 });
    expect(next.status).toBe(200);
    expect(next.headers['x-ratelimit-limit-tokens']).toBe('1000');
    expect(Number(next.headers['x-ratelimit-remaining-tokens'])).toBeLessThan(40);
  });

  test('C12 more than reserved becomes debt', async () => {
    const under = await start(
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(chatReplyText('x', { prompt_tokens: 2500, completion_tokens: 0 }));
      },
      { tokensPerMinute: 1000 },
    );
    expect((await under.chat({ max_tokens: 10 })).status).toBe(200);
    const next = await under.chat({ max_tokens: 10 });
    expect(next.status).toBe(429);
    // 1,500 in debt + at least 10 asked, at 1,000 a minute: about 90 s; above 60 s SDKs must not retry.
    expect(Number(next.headers['retry-after-ms'])).toBeGreaterThan(85_000);
    expect(next.headers['x-should-retry']).toBe('false');
  });

  test.for<{ why: string; script: Script; stream: boolean }>([
    {
      why: 'an upstream error',
      stream: false,
      script: (response) => {
        response.writeHead(503, { 'content-type': 'application/json' });
        response.end('{}');
      },
    },
    {
      why: 'an error before any output',
      stream: true,
      script: (response) =>
        void sse(response).end(
          MESSAGES_START +
            'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"x"}}\n\n',
        ),
    },
  ])('C16 $why refunds the tokens', async ({ script, stream }) => {
    const under = await start(script, { tokensPerMinute: 1000 });
    for (let call = 0; call < 5; call += 1) {
      const reply = await under.post('/v1/messages', { model: 'c1', max_tokens: 900, stream });
      expect(reply.status).not.toBe(429);
    }
  });

  test('a truncated stream is charged for what came, estimated', async () => {
    const under = await start(
      (response) => void sse(response).end(CHAT_ROLE + chatChunk({ content: 'x'.repeat(2000) })),
      { tokensPerMinute: 1000 },
    );
    await under.chat({ stream: true, max_tokens: 900 });
    const next = await under.chat({ max_tokens: 600 });
    expect(next.status).toBe(429);
    expect(
      under.metric(
        'agent_gateway_tokens_total{agent="planner",model="m1",direction="out",kind="output",basis="estimated"}',
      ),
    ).toBe(500);
  });

  test('C4 an estimate above the bucket is cut to it; C5 an explicit cap above it never passes', async () => {
    const under = await start((response) => sendChat(response), { tokensPerMinute: 500 });
    expect((await under.chat()).status).toBe(200);
    const never = await under.chat({ max_tokens: 1, max_completion_tokens: 10_000 });
    expect(never.status).toBe(429);
    expect(never.headers['x-should-retry']).toBe('false');
    expect(never.headers['retry-after']).toBeUndefined();
    expect(never.body.toString()).toContain('Request too large');
  });

  test('limits belong to an agent: another one is not touched', async () => {
    const under = await start((response) => sendChat(response), { requestsPerMinute: 1 });
    expect((await under.chat()).status).toBe(200);
    const refused = await under.chat();
    expect(refused.status).toBe(429);
    expect(JSON.parse(refused.body.toString())).toMatchObject({
      error: { type: 'requests', code: 'rate_limit_exceeded' },
    });
    const other = await under.chat({}, { authorization: `Bearer ${OTHER_KEY}` });
    expect(other.status).toBe(200);
  });

  test('Anthropic callers get their own body and headers', async () => {
    const under = await start((response) => sendChat(response), { requestsPerMinute: 1 });
    await under.post('/v1/messages', { model: 'c1', max_tokens: 1 });
    const refused = await under.post('/v1/messages', { model: 'c1', max_tokens: 1 });
    expect(JSON.parse(refused.body.toString())).toMatchObject({
      type: 'error',
      error: { type: 'rate_limit_error' },
      request_id: refused.headers['x-request-id'],
    });
    expect(refused.body.toString()).not.toContain('error_code');
    expect(refused.headers['anthropic-ratelimit-requests-limit']).toBe('1');
    expect(refused.headers['anthropic-ratelimit-requests-reset']).toMatch(/^\d{4}-.*:\d\dZ$/);
  });
});

describe('AgentRateLimit in virtual time', () => {
  test('C9 a call refused for tokens burns no request', () => {
    const limit = new AgentRateLimit(
      { requestsPerMinute: 2, tokensPerMinute: 100 },
      new Random(1),
      0,
    );
    expect(limit.reserve(0, guess(60, 0)).admitted).toBe(true);
    for (let call = 0; call < 5; call += 1)
      expect(limit.reserve(0, guess(60, 0)).admitted).toBe(false);
    expect(limit.reserve(0, guess(40, 0)).admitted).toBe(true);
  });

  test('C2 the long-run admitted rate is the limit, within 1 %', () => {
    const limit = new AgentRateLimit({ requestsPerMinute: 600 }, new Random(1), 0);
    let admitted = 0;
    const minutes = 20;
    for (let ms = 0; ms < minutes * 60_000; ms += 20) {
      if (limit.reserve(ms, guess(1, 0)).admitted) admitted += 1;
    }
    const burst = 600;
    expect(admitted - burst).toBeGreaterThan(600 * minutes * 0.99);
    expect(admitted - burst).toBeLessThan(600 * minutes * 1.01);
  });

  test('refused callers are told different times, each after the one before', () => {
    const limit = new AgentRateLimit({ requestsPerMinute: 60 }, new Random(1), 0);
    for (let call = 0; call < 60; call += 1) limit.reserve(0, guess(1, 0));
    const waits: number[] = [];
    for (let call = 0; call < 5; call += 1) {
      const decision = limit.reserve(0, guess(1, 0));
      waits.push(decision.admitted ? 0 : decision.retryAfterMs);
    }
    // One request per second refills: callers are placed at 1, 2, 3 … s, plus up to 10 % jitter.
    for (const [index, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual((index + 1) * 1000);
      expect(wait).toBeLessThanOrEqual((index + 1) * 1100);
    }
  });

  test('whoever comes back when told is admitted, whatever the order of the others', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 600 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer(),
        (perMinute, callers, seed) => {
          const limit = new AgentRateLimit({ requestsPerMinute: perMinute }, new Random(seed), 0);
          for (let call = 0; call < perMinute; call += 1) limit.reserve(0, guess(1, 0));
          const decision = limit.reserve(0, guess(1, 0));
          if (decision.admitted) return false;
          for (let call = 0; call < callers; call += 1) limit.reserve(0, guess(1, 0));
          return limit.reserve(decision.retryAfterMs, guess(1, 0)).admitted;
        },
      ),
    );
  });

  test('reserved tokens never exceed what the bucket gave out', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            gapMs: fc.integer({ min: 0, max: 5000 }),
            tokens: fc.integer({ min: 1, max: 400 }),
            outcome: fc.constantFrom('settle', 'refund', 'keep'),
          }),
          { maxLength: 60 },
        ),
        (calls) => {
          const limit = new AgentRateLimit({ tokensPerMinute: 600 }, new Random(1), 0);
          let now = 0;
          let charged = 0;
          for (const { gapMs, tokens, outcome } of calls) {
            now += gapMs;
            const decision = limit.reserve(now, guess(tokens, 0));
            if (!decision.admitted) continue;
            if (outcome === 'refund') limit.refundTokens(now, decision.reservation);
            else {
              charged += tokens;
              if (outcome === 'settle') limit.settle(now, decision.reservation, tokens);
              limit.refundTokens(now, decision.reservation); // closing twice changes nothing
              if (outcome === 'keep') charged -= tokens;
            }
            if (charged > 600 + (now / 60_000) * 600 + 1e-6) return false;
          }
          return true;
        },
      ),
    );
  });
});

test('the estimator learns how many tokens a byte of this agent costs', () => {
  const estimator = new TokenEstimator();
  const facts = { model: 'm', stream: false, outputCap: undefined, parsed: {} };
  const usage = {
    uncached: 100,
    cacheRead: 0,
    cacheWrite5m: 0,
    cacheWrite1h: 0,
    output: 50,
    reasoning: 0,
  };
  expect(estimator.estimate(facts, 4000, true)).toMatchObject({ input: 1000, output: 1024 });
  for (let call = 0; call < 60; call += 1) estimator.learn(facts, 4000, usage);
  const learned = estimator.estimate(facts, 4000, true);
  expect(learned.input).toBeGreaterThanOrEqual(100);
  expect(learned.input).toBeLessThan(105);
  expect(learned.output).toBe(100);
  expect(estimator.estimate(facts, 4000, false).output).toBe(0);
});

test.for([
  { body: '{"max_tokens":1,"max_completion_tokens":10000}', cap: 10_000, why: 'C5 the larger one' },
  { body: '{"max_tokens":50,"n":100}', cap: 5000, why: 'times the choices' },
  { body: '{"max_output_tokens":7}', cap: 7, why: 'C6 Responses' },
  { body: '{"max_tokens":null}', cap: undefined, why: 'null is no cap' },
  { body: '{"max_tokens":-5}', cap: undefined, why: 'nor is a negative one' },
])('output cap: $why', ({ body, cap }) => {
  expect(requestFacts(Buffer.from(body))).toMatchObject({ outputCap: cap });
});
