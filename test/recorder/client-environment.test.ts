import { describe, expect, test } from 'vitest';

import { clientVariables, upstreamsOf } from '../../src/recorder/client-environment.ts';
import { recordTarget, upstreamPath } from '../../src/recorder/record-target.ts';
import { nameOf, redact } from '../../src/recorder/redact.ts';

test.for([
  {
    why: 'nothing set: the public APIs',
    env: {},
    flags: {},
    expected: { openai: 'https://api.openai.com/v1', anthropic: 'https://api.anthropic.com' },
  },
  {
    why: 'what the user had set before',
    env: { OPENAI_BASE_URL: 'https://proxy.corp/custom', ANTHROPIC_BASE_URL: 'https://a.corp' },
    flags: {},
    expected: { openai: 'https://proxy.corp/custom', anthropic: 'https://a.corp' },
  },
  {
    why: 'the legacy variable; empty is unset',
    env: { OPENAI_BASE_URL: '', OPENAI_API_BASE: 'http://old/v1' },
    flags: {},
    expected: { openai: 'http://old/v1', anthropic: 'https://api.anthropic.com' },
  },
  {
    why: 'flags win; a bare server gets its version',
    env: { OPENAI_BASE_URL: 'https://x/v1' },
    flags: { openai: 'http://127.0.0.1:9000', anthropic: 'http://127.0.0.1:9000' },
    expected: { openai: 'http://127.0.0.1:9000/v1', anthropic: 'http://127.0.0.1:9000' },
  },
])('upstreams: $why', ({ env, expected, flags }) => {
  expect(upstreamsOf(env, flags)).toEqual(expected);
});

test('the child is pointed at the proxy', () => {
  expect(clientVariables('http://127.0.0.1:4000', { NO_PROXY: 'corp' })).toMatchInlineSnapshot(`
    {
      "ANTHROPIC_API_BASE": "http://127.0.0.1:4000",
      "ANTHROPIC_BASE_URL": "http://127.0.0.1:4000",
      "ANTHROPIC_HOST": "http://127.0.0.1:4000",
      "NO_PROXY": "corp,127.0.0.1",
      "OPENAI_API_BASE": "http://127.0.0.1:4000/v1",
      "OPENAI_BASE_URL": "http://127.0.0.1:4000/v1",
      "OPENAI_HOST": "http://127.0.0.1:4000",
      "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4000",
      "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
      "no_proxy": "corp,127.0.0.1",
    }
  `);
});

test('telemetry of the user’s own is left alone', () => {
  const variables = clientVariables('http://p', {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://mine',
  });
  expect(Object.keys(variables).filter((name) => name.startsWith('OTEL'))).toEqual([]);
});

describe('targets', () => {
  test.for([
    {
      method: 'POST',
      path: '/v1/chat/completions',
      headers: {},
      upstream: 'openai',
      endpoint: 'chat',
    },
    {
      method: 'POST',
      path: '/chat/completions?a=b',
      headers: {},
      upstream: 'openai',
      endpoint: 'chat',
    },
    {
      method: 'POST',
      path: '/v1/responses',
      headers: {},
      upstream: 'openai',
      endpoint: 'responses',
    },
    { method: 'GET', path: '/v1/responses', headers: {}, upstream: 'openai', endpoint: undefined },
    {
      method: 'POST',
      path: '/v1/responses/r1/cancel',
      headers: {},
      upstream: 'openai',
      endpoint: undefined,
    },
    {
      method: 'POST',
      path: '/v1/messages?beta=true',
      headers: {},
      upstream: 'anthropic',
      endpoint: 'messages',
    },
    {
      method: 'POST',
      path: '/v1/messages/count_tokens',
      headers: {},
      upstream: 'anthropic',
      endpoint: undefined,
    },
    {
      method: 'GET',
      path: '/v1/models',
      headers: { 'anthropic-version': 'x' },
      upstream: 'anthropic',
      endpoint: undefined,
    },
    { method: 'GET', path: '/v1/models', headers: {}, upstream: 'openai', endpoint: undefined },
    { method: 'POST', path: '/v1/__proto__', headers: {}, upstream: 'openai', endpoint: undefined },
  ])('$method $path', ({ endpoint, headers, method, path, upstream }) => {
    expect(recordTarget(method, path, headers)).toMatchObject({ upstream, endpoint });
  });

  test.for([
    {
      upstream: 'openai',
      base: 'https://api.openai.com/v1',
      path: '/v1/models',
      expected: '/v1/models',
    },
    {
      upstream: 'openai',
      base: 'https://h/custom/',
      path: '/v1/chat/completions?x',
      expected: '/custom/chat/completions?x',
    },
    {
      upstream: 'openai',
      base: 'https://h/v1',
      path: '/chat/completions',
      expected: '/v1/chat/completions',
    },
    { upstream: 'anthropic', base: 'https://h', path: '/v1/messages', expected: '/v1/messages' },
    {
      upstream: 'anthropic',
      base: 'https://h/proxy',
      path: '/v1/messages',
      expected: '/proxy/v1/messages',
    },
  ] as const)('$path at $base', ({ base, expected, path, upstream }) => {
    expect(upstreamPath(upstream, new URL(base), path)).toBe(expected);
  });
});

test.for([
  { text: 'key sk-proj-abc_DEF-123456 here', clean: 'key [redacted:key] here' },
  { text: 'AKIAIOSFODNN7EXAMPLE', clean: '[redacted:aws-key]' },
  { text: 'Authorization: Bearer abcdef123456', clean: 'Authorization: [redacted:bearer]' },
  { text: 'mail a.b+c@example.co.uk now', clean: 'mail [redacted:e-mail] now' },
  { text: 'https://user:pass@host/x', clean: 'https://[redacted]@host/x' },
  { text: 'eyJhbGciOiJI.eyJzdWIiOiIx.c2ln', clean: '[redacted:jwt]' },
  { text: 'task-skeleton and 1@2', clean: 'task-skeleton and 1@2' },
])('redacts $text', ({ clean, text }) => {
  expect(redact(text)).toBe(clean);
});

test.for([
  { why: 'a fine-tuned model', text: 'ft:gpt-4o-mini:acme::8xk', isName: true },
  { why: 'an agent of four words', text: 'Customer Support Triage Agent', isName: true },
  { why: 'a sentence', text: 'the heron nests at midnight in sector seven', isName: false },
  { why: 'one long word', text: 'x'.repeat(129), isName: false },
  { why: 'a key', text: 'sk-canary-c0ffee-0123', isName: false },
  { why: 'nothing', text: undefined, isName: false },
])('$why is a name: $isName', ({ isName, text }) => {
  expect(nameOf(text)).toBe(isName ? text : undefined);
});

test('redaction is linear: a megabyte of near misses takes no time worth naming', () => {
  const nearMisses = 'a.'.repeat(250_000) + 'https://'.repeat(60_000) + 'eyJ'.repeat(100_000);
  expect(redact(nearMisses)).toHaveLength(nearMisses.length);
});
