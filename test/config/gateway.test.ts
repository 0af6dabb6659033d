import { createHash } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { gatewayConfigSchema, overrideGatewayConfig } from '../../src/config/gateway.ts';
import { ConfigError } from '../../src/config/problem.ts';
import { parseYaml } from '../../src/config/yaml.ts';

const HEAD = 'apiVersion: agent-infra/v1\nkind: GatewayConfig\n';
const MINIMAL = `${HEAD}openAccess: true\nupstreams: { openai: { url: 'http://127.0.0.1:9000' } }\n`;

function parse(
  text: string,
  env: Record<string, string> = {},
): ReturnType<typeof gatewayConfigSchema.parse> {
  return parseYaml(gatewayConfigSchema, { file: 'gateway.yaml', text, env });
}

function problems(text: string, env: Record<string, string> = {}): string {
  try {
    parse(text, env);
    return '';
  } catch (error) {
    return error instanceof ConfigError ? error.message : String(error);
  }
}

test('the smallest document, with its defaults', () => {
  expect(parse(MINIMAL)).toMatchInlineSnapshot(`
    {
      "agents": [],
      "apiVersion": "agent-infra/v1",
      "bodyLimit": 33554432,
      "cache": {
        "maxEntrySize": 1048576,
        "maxSize": 67108864,
        "mode": "off",
        "scope": "agent",
        "ttl": 300000,
      },
      "forwardHeaders": [],
      "kind": "GatewayConfig",
      "limits": {},
      "listen": {
        "host": "127.0.0.1",
        "port": 8080,
      },
      "openAccess": true,
      "timeouts": {
        "body": 30000,
        "drain": 30000,
        "firstToken": 120000,
        "idle": 60000,
        "total": 900000,
      },
      "upstreams": {
        "openai": {
          "auth": "bearer",
          "headers": {},
          "url": "http://127.0.0.1:9000",
        },
      },
    }
  `);
});

test('of an agent key only the SHA-256 is kept', () => {
  const text = `${HEAD}upstreams: { openai: { url: 'http://127.0.0.1:1', apiKey: '\${PROVIDER}' } }
agents:
  - { id: planner, key: '\${PLANNER}', limits: { requestsPerMinute: 1k, tokensPerMinute: 2M } }
`;
  const env = { PROVIDER: 'sk-1', PLANNER: 'a-long-enough-agent-key' };
  const config = parse(text, env);
  expect(config.agents[0]).toEqual({
    id: 'planner',
    tenant: 'default',
    limits: { requestsPerMinute: 1000, tokensPerMinute: 2_000_000 },
    keySha256: createHash('sha256').update(env.PLANNER).digest('hex'),
  });
  expect(JSON.stringify(config)).not.toContain(env.PLANNER);
});

const UPSTREAM = `upstreams: { openai: { url: 'http://127.0.0.1:9000' } }\n`;

describe('refused', () => {
  test.for([
    {
      why: 'no agents',
      text: HEAD + UPSTREAM,
      message: /gateway\.yaml:1:1 agents: .*openAccess: true/,
    },
    {
      why: 'no upstream',
      text: `${HEAD}openAccess: true\nupstreams: {}\n`,
      message: /gateway\.yaml:4:12 upstreams: expected openai, anthropic or both/,
    },
    {
      why: 'open access for everyone',
      text: `${MINIMAL}listen: { host: 0.0.0.0 }\n`,
      message: /openAccess: open access is for loopback only/,
    },
    {
      why: 'a misspelt key',
      text: `${MINIMAL}cahce: {}\n`,
      message: /gateway\.yaml:5:1 cahce: unknown key, did you mean "cache"\?/,
    },
    {
      why: 'a bare number for a time',
      text: `${MINIMAL}timeouts: { idle: 30 }\n`,
      message: /gateway\.yaml:5:19 timeouts\.idle: expected a duration with its unit/,
    },
    {
      why: 'a short agent key',
      text: `${HEAD}${UPSTREAM}agents: [{ id: a, key: short }]\n`,
      message: /agents\.0\.key: expected at least 16 characters/,
    },
    {
      why: 'key and hash',
      text: `${HEAD}${UPSTREAM}agents: [{ id: a, key: 0123456789abcdef, keySha256: ${'a'.repeat(64)} }]\n`,
      message: /exactly one of key and keySha256/,
    },
    {
      why: 'the same agent twice',
      text: `${HEAD}${UPSTREAM}agents: [{ id: a, keySha256: ${'a'.repeat(64)} }, { id: a, keySha256: ${'b'.repeat(64)} }]\n`,
      message: /agents\.1: this agent id "a" is used twice/,
    },
    {
      why: 'the same key twice',
      text: `${HEAD}${UPSTREAM}agents: [{ id: a, keySha256: ${'a'.repeat(64)} }, { id: b, keySha256: ${'A'.repeat(64)} }]\n`,
      message: /agents\.1: this key is used twice/,
    },
    {
      why: 'a credential in the URL',
      text: `${HEAD}openAccess: true\nupstreams: { openai: { url: 'https://u:p@h' } }\n`,
      message: /put the credential into apiKey/,
    },
    {
      why: 'a file URL',
      text: `${HEAD}openAccess: true\nupstreams: { openai: { url: 'file:///etc' } }\n`,
      message: /expected http/,
    },
    {
      why: 'forwarding of credentials',
      text: `${MINIMAL}forwardHeaders: [authorization]\n`,
      message: /this header never goes upstream/,
    },
    {
      why: 'an unset variable',
      text: `${HEAD}openAccess: true\nupstreams: { openai: { url: 'http://h', apiKey: '\${NOPE}' } }\n`,
      message: /environment variable NOPE is not set/,
    },
  ])('$why', ({ text, message }) => {
    expect(problems(text)).toMatch(message);
  });
});

describe('overrides', () => {
  test('host, port and upstream take the place of the configured ones', () => {
    const config = overrideGatewayConfig(parse(MINIMAL), {
      port: 0,
      upstream: 'http://127.0.0.1:7/v1',
    });
    expect(config.listen).toEqual({ host: '127.0.0.1', port: 0 });
    expect(config.upstreams.openai?.url).toBe('http://127.0.0.1:7/v1');
    expect(config.upstreams.anthropic?.url).toBe('http://127.0.0.1:7/v1');
  });

  test.for([
    { overrides: { host: '0.0.0.0' }, message: /loopback only/ },
    { overrides: { upstream: 'nonsense' }, message: /--upstream: expected a URL/ },
  ])('$overrides is refused', ({ overrides, message }) => {
    expect(() => overrideGatewayConfig(parse(MINIMAL), overrides)).toThrow(message);
  });
});
