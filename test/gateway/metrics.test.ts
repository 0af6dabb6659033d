import { spawnSync } from 'node:child_process';

import { afterEach, expect, test } from 'vitest';

import { exchange } from '../../src/http/client.ts';
import { missingProgram } from '../support/requirements.ts';
import { gatewayUnderTest } from './gateway-under-test.ts';
import type { UnderTest } from './gateway-under-test.ts';
import { CHAT_STREAM, sendChat, sse } from './scripted-upstream.ts';

let current: UnderTest | undefined;

afterEach(async () => {
  await current?.close();
  current = undefined;
});

async function afterSomeCalls(): Promise<UnderTest> {
  current = await gatewayUnderTest(
    (response, seen) => {
      if (seen.body.includes('"stream":true')) sse(response).end(CHAT_STREAM);
      else sendChat(response);
    },
    { cache: { mode: 'all' }, limits: { requestsPerMinute: 3 } },
  );
  await current.chat();
  await current.chat();
  await current.chat({ stream: true });
  await current.chat();
  return current;
}

test.skipIf(missingProgram('promtool'))('promtool accepts /metrics', async () => {
  const under = await afterSomeCalls();
  const reply = await exchange(under.client, { method: 'GET', path: '/metrics', headers: {} });
  expect(reply.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  const lint = spawnSync('promtool', ['check', 'metrics'], {
    input: reply.body,
    encoding: 'utf8',
  });
  expect(`${lint.stdout}${lint.stderr}`).toBe('');
  expect(lint.status).toBe(0);
});

test('one call of each kind is counted once', async () => {
  const under = await afterSomeCalls();
  const requests = (outcome: string): number =>
    under.metric(
      `agent_gateway_requests_total{agent="planner",route="/v1/chat/completions",model="m1",outcome="${outcome}"}`,
    );
  expect(requests('ok')).toBe(3);
  expect(requests('limited')).toBe(1);
  expect(under.metric('agent_gateway_cache_lookups_total{agent="planner",result="hit"}')).toBe(1);
  expect(under.metric('agent_gateway_cache_lookups_total{agent="planner",result="miss"}')).toBe(2);
  expect(
    under.metric(
      'agent_gateway_rate_limited_total{agent="planner",source="agent",dimension="requests"}',
    ),
  ).toBe(1);
  // 12 of the whole call and 12 of the stream; the hit repeats tokens that were counted before.
  expect(
    under.metric(
      'agent_gateway_tokens_total{agent="planner",model="m1",direction="in",kind="uncached",basis="reported"}',
    ),
  ).toBe(24);
  expect(under.metric('agent_gateway_overhead_seconds_count')).toBe(3);
  expect(under.metric('agent_gateway_inflight_requests')).toBe(0);
});

test('model labels are bounded', async () => {
  current = await gatewayUnderTest((response) => sendChat(response));
  const under = current;
  await Promise.all(Array.from({ length: 150 }, (_, index) => under.chat({ model: `m${index}` })));
  const labels = under.gateway.metricsText().match(/^agent_gateway_requests_total\{/gm);
  expect(labels).toHaveLength(101);
  expect(under.gateway.metricsText()).toContain('model="other"');
});

test('health and drain: running calls finish, new ones are told to go', async () => {
  let release = (): void => {};
  current = await gatewayUnderTest((response) => {
    release = () => sendChat(response);
  });
  const under = current;
  const health = await exchange(under.client, { method: 'GET', path: '/healthz', headers: {} });
  expect(health.status).toBe(200);
  const running = under.chat();
  await expect.poll(() => under.upstream.seen.length).toBe(1);
  const closed = under.gateway.close(5000);
  release();
  expect((await running).status).toBe(200);
  await closed;
  await expect(under.chat()).rejects.toThrow(/ECONNREFUSED|closed|socket/);
});
