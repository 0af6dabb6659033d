import { describe, expect, test } from 'vitest';

import { parseYaml } from '../../src/config/yaml.ts';
import { PROVIDER_PRESETS, providerPreset } from '../../src/config/provider-presets.ts';
import { providerConfigSchema } from '../../src/config/provider.ts';
import type { ProviderConfig } from '../../src/config/provider.ts';

const HEAD = 'apiVersion: agent-infra/v1\nkind: ProviderConfig\n';

function read(text: string): ProviderConfig {
  return parseYaml(providerConfigSchema, {
    file: 'provider.yaml',
    text: HEAD + text,
    env: { KEY: 'secret' },
  });
}

test('a document of one model has the defaults', () => {
  expect(read('models:\n  - id: m\n')).toMatchObject({
    seed: '1',
    listen: { host: '127.0.0.1', port: 8080 },
    overrides: 'shape',
    faults: [],
    models: [
      {
        id: 'm',
        apis: ['openai', 'anthropic'],
        timing: { kind: 'fixed', ttft: 200, itl: 20, prefillPerToken: 0 },
        output: { tokens: { p50: 150, p95: 600 }, tokensPerFrame: 1 },
        reasoning: { tokens: 0, visible: false },
      },
    ],
  });
});

test('quantities carry their units, spreads and limits are read, keys come from the environment', () => {
  const config = read(`keys:
  - {name: team, key: "\${KEY}"}
models:
  - id: m
    limits: {style: anthropic, rpm: 1k, itpm: 2M, otpm: 400k, requestBurst: 1s}
    timing: {kind: fixed, ttft: {p50: 300ms, p95: 1.5s}, itl: 20ms, prefillPerToken: 20us}
    output: {tokens: max}
faults:
  - {kind: status, status: 529, from: 1m, for: 30s, probability: 10%}
`);
  expect(config).toMatchObject({
    keys: [{ name: 'team', key: 'secret' }],
    models: [
      {
        limits: { rpm: 1000, itpm: 2_000_000, otpm: 400_000, requestBurst: 1000 },
        timing: { ttft: { p50: 300, p95: 1500 }, prefillPerToken: 0.02 },
      },
    ],
    faults: [{ status: 529, from: 60_000, for: 30_000, probability: 0.1 }],
  });
});

describe('mistakes are named with their place', () => {
  test.for([
    { why: 'no models', text: 'name: x\n', says: ['models', 'missing'] },
    {
      why: 'an unknown key',
      text: 'models:\n  - id: m\n    limit: {}\n',
      says: ['provider.yaml:5:5', 'did you mean "limits"?'],
    },
    {
      why: 'a time without unit',
      text: 'models:\n  - id: m\n    timing: {kind: fixed, ttft: 200}\n',
      says: ['5:33', 'a duration such as 200ms'],
    },
    {
      why: 'an unknown style',
      text: 'models:\n  - id: m\n    limits: {style: opnai}\n',
      says: ['did you mean "openai"?'],
    },
    {
      why: 'an unknown fault',
      text: 'models:\n  - id: m\nfaults:\n  - kind: explode\n',
      says: ['faults.0'],
    },
    {
      why: 'a fault without its delay',
      text: 'models:\n  - id: m\nfaults:\n  - kind: slow-first-token\n',
      says: ['faults.0.delay', 'missing'],
    },
    {
      why: 'a model twice, once as alias',
      text: 'models:\n  - id: a\n  - id: b\n    aliases: [a]\n',
      says: ['models.1.id', '"a" is defined twice'],
    },
    {
      why: 'an engine cache without engine',
      text: 'models:\n  - id: m\n    cache: {kind: engine}\n',
      says: ['models.0.cache.kind'],
    },
    {
      why: 'a port that is none',
      text: 'models:\n  - id: m\nlisten: {port: 70000}\n',
      says: ['listen.port'],
    },
  ])('$why', ({ text, says }) => {
    let message = '';
    try {
      read(text);
    } catch (error) {
      message = (error as Error).message;
    }
    for (const part of says) expect(message).toContain(part);
  });
});

test('every preset is a valid configuration of its own name', () => {
  expect(PROVIDER_PRESETS).toEqual([
    'fast',
    'openai-tier1',
    'anthropic-start',
    'azure-ptu',
    'vllm-h100-llama-70b',
  ]);
  for (const name of PROVIDER_PRESETS) expect(providerPreset(name).name).toBe(name);
});
