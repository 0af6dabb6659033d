import { connect } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { matchRoute } from '../../src/gateway/route.ts';
import { KEY, OTHER_KEY, gatewayUnderTest } from './gateway-under-test.ts';
import type { UnderTest } from './gateway-under-test.ts';
import { sendChat } from './scripted-upstream.ts';

let under: UnderTest;

beforeAll(async () => {
  under = await gatewayUnderTest((response) => sendChat(response), {
    bodyLimit: '64KiB',
    timeouts: { body: '300ms' },
    agents: [
      { id: 'planner', key: KEY, models: ['m1'] },
      { id: 'coder', key: OTHER_KEY },
    ],
  });
});

afterAll(() => under.close());

/** Sends bytes as they are; resolves with everything that came back when the socket closes. */
function raw(text: string): Promise<string> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(under.gateway.port, '127.0.0.1', () => socket.write(text, 'latin1'));
    socket.setTimeout(1500, () => socket.destroy());
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(received));
  });
}

const BODY = '{"model":"m1","messages":[]}';
const AUTH = `Authorization: Bearer ${KEY}`;

function request(lines: readonly string[], body = BODY): string {
  return `${lines.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`;
}

const POST = 'POST /v1/chat/completions HTTP/1.1';
const LENGTH = `Content-Length: ${BODY.length}`;

test('control: the well-formed request passes', async () => {
  const reply = await raw(request([POST, 'Host: a', AUTH, LENGTH]));
  expect(reply).toMatch(/^HTTP\/1\.1 200 /);
});

describe('raw requests', () => {
  const rows: { why: string; text: string; status: RegExp }[] = [
    {
      why: 'two Host headers',
      text: request([POST, 'Host: a', 'Host: b', AUTH, LENGTH]),
      status: /400/,
    },
    {
      why: 'two Authorization headers',
      text: request([POST, 'Host: a', 'Authorization: Bearer x', AUTH, LENGTH]),
      status: /400/,
    },
    {
      why: 'two x-api-key headers',
      text: request([POST, 'Host: a', `x-api-key: ${KEY}`, 'X-Api-Key: b', LENGTH]),
      status: /400/,
    },
    {
      why: 'two content types',
      text: request([POST, 'Host: a', AUTH, 'Content-Type: a/b', 'content-type: c/d', LENGTH]),
      status: /400/,
    },
    { why: 'no Host', text: request([POST, AUTH, LENGTH]), status: /400/ },
    {
      why: 'content-length with transfer-encoding',
      text: request([POST, 'Host: a', AUTH, LENGTH, 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
      status: /400/,
    },
    {
      why: 'two content-lengths',
      text: request([POST, 'Host: a', AUTH, LENGTH, LENGTH]),
      status: /400/,
    },
    {
      why: 'obs-fold',
      text: request([POST, 'Host: a', 'X: a\r\n b', AUTH, LENGTH]),
      status: /400|200/,
    },
    {
      why: 'HTTP/1.0 with chunked',
      text: request(
        ['POST /v1/chat/completions HTTP/1.0', 'Host: a', AUTH, 'Transfer-Encoding: chunked'],
        '0\r\n\r\n',
      ),
      status: /400/,
    },
    {
      why: 'absolute-form target',
      text: request(['POST http://evil/v1/chat/completions HTTP/1.1', 'Host: a', AUTH, LENGTH]),
      status: /400/,
    },
    {
      why: 'target with two slashes',
      text: request(['POST //evil/v1/chat/completions HTTP/1.1', 'Host: a', AUTH, LENGTH]),
      status: /400/,
    },
    {
      why: 'asterisk target',
      text: request(['OPTIONS * HTTP/1.1', 'Host: a', AUTH], ''),
      status: /400/,
    },
    {
      why: 'path outside the table',
      text: request(['POST /v1/files HTTP/1.1', 'Host: a', AUTH, LENGTH]),
      status: /404/,
    },
    {
      why: 'dot segments',
      text: request(['POST /v1/../v1/chat/completions HTTP/1.1', 'Host: a', AUTH, LENGTH]),
      status: /404/,
    },
    {
      why: 'encoded dot segments as a model id',
      text: request(['GET /v1/models/%2e%2e HTTP/1.1', 'Host: a', AUTH], ''),
      status: /404/,
    },
    {
      why: 'dots as a model id',
      text: request(['GET /v1/models/.. HTTP/1.1', 'Host: a', AUTH], ''),
      status: /404/,
    },
    {
      why: 'wrong method',
      text: request(['DELETE /v1/chat/completions HTTP/1.1', 'Host: a', AUTH], ''),
      status: /405/,
    },
    {
      why: 'a prototype name as path',
      text: request(['GET /__proto__ HTTP/1.1', 'Host: a', AUTH], ''),
      status: /404/,
    },
    {
      why: 'a 20 kB header',
      text: request([POST, 'Host: a', AUTH, `X: ${'a'.repeat(20_000)}`, LENGTH]),
      status: /431/,
    },
    {
      why: 'a compressed body',
      text: request([POST, 'Host: a', AUTH, 'Content-Encoding: gzip', LENGTH]),
      status: /415/,
    },
    {
      why: 'a body announced above the limit',
      text: request([POST, 'Host: a', AUTH, 'Content-Length: 70000'], 'x'),
      status: /413/,
    },
    {
      why: 'a chunked body above the limit',
      text: request(
        [POST, 'Host: a', AUTH, 'Transfer-Encoding: chunked'],
        `11170\r\n${'x'.repeat(70_000)}\r\n0\r\n\r\n`,
      ),
      status: /413/,
    },
    {
      why: 'a body that never comes',
      text: request([POST, 'Host: a', AUTH, LENGTH], '{'),
      status: /408/,
    },
    { why: 'no key', text: request([POST, 'Host: a', LENGTH]), status: /401/ },
    {
      why: 'an unknown key',
      text: request([POST, 'Host: a', 'Authorization: Bearer nope-nope-nope-nope', LENGTH]),
      status: /401/,
    },
    {
      why: 'a key in an underscore header',
      text: request([POST, 'Host: a', `X_Api_Key: ${KEY}`, LENGTH]),
      status: /401/,
    },
    {
      why: 'a key nominated by Connection still counts, it is read here',
      text: `${POST}\r\nHost: a\r\n${AUTH}\r\n${LENGTH}\r\nConnection: close, authorization\r\n\r\n${BODY}`,
      status: /200/,
    },
    {
      why: 'two different keys',
      text: request([POST, 'Host: a', AUTH, `x-api-key: ${OTHER_KEY}`, LENGTH]),
      status: /400/,
    },
  ];
  test.for(rows)('$why', async ({ text, status }) => {
    const before = under.upstream.seen.length;
    const reply = await raw(text);
    const line = reply.slice(0, reply.indexOf('\r\n'));
    expect(line).toMatch(status);
    const passed = line.includes('200');
    expect(under.upstream.seen.length - before).toBe(passed ? 1 : 0);
    expect(reply).not.toContain(KEY);
  });
});

describe('bodies', () => {
  test.for([
    { why: 'not JSON', body: '{"model":', status: 400 },
    { why: 'a list', body: '[]', status: 400 },
    { why: 'null', body: 'null', status: 400 },
    { why: 'empty', body: '', status: 400 },
    { why: 'a model that is no string', body: '{"model":{"a":1}}', status: 400 },
    {
      why: 'nested too deep',
      body: `{"model":"m1","a":${'['.repeat(500)}${']'.repeat(500)}}`,
      status: 400,
    },
    {
      why: 'brackets inside strings are no depth',
      body: `{"model":"m1","a":"${'['.repeat(500)}\\"["}`,
      status: 200,
    },
    { why: 'a model the agent may not use', body: '{"model":"m2"}', status: 403 },
    { why: 'no model where models are listed', body: '{}', status: 403 },
    { why: 'a prototype key', body: '{"model":"m1","__proto__":{"stream":true}}', status: 200 },
  ])('$why', async ({ body, status }) => {
    const reply = await under.post('/v1/chat/completions', body);
    expect(reply.status).toBe(status);
  });
});

test('a forbidden model name does not become a metric label', async () => {
  await under.post('/v1/chat/completions', '{"model":"evil\\"} 1\\nfake_total 1"}', {
    authorization: `Bearer ${OTHER_KEY}`,
  });
  expect(under.gateway.metricsText()).not.toMatch(/^fake_total/m);
});

test('refusals come in the dialect of the caller', async () => {
  const anthropic = await under.post(
    '/v1/messages',
    { model: 'm1' },
    { authorization: 'Bearer x' },
  );
  expect(anthropic.status).toBe(401);
  expect(JSON.parse(anthropic.body.toString())).toMatchObject({
    type: 'error',
    error: { type: 'authentication_error' },
    request_id: anthropic.headers['x-request-id'],
  });
});

test.for([
  { target: '/v1/models', anthropic: true, upstream: 'anthropic' },
  { target: '/v1/models', anthropic: false, upstream: 'openai' },
  { target: '/v1/models/ft:gpt-4o:acme::x?a=b', anthropic: false, upstream: 'openai' },
])('route of $target (anthropic: $anthropic)', ({ target, anthropic, upstream }) => {
  expect(matchRoute('GET', target, anthropic)).toMatchObject({
    route: { name: '/v1/models', upstream, path: target },
  });
});
