import { expect, test } from 'vitest';

import type { AgentInfraError } from '../../src/errors.ts';
import { startServer } from '../../src/http/server.ts';
import { chargedUsd, checkBudget, checkTarget, reachTarget } from '../../src/loadtest/target.ts';

const none = { allowTargets: [], acceptsProviderCost: false };
const budget = { total: 5, perMillionInput: 3, perMillionOutput: 15 };

test.for([
  { url: 'http://127.0.0.1:8080', allowed: true, why: 'this machine' },
  { url: 'http://localhost:8080', allowed: true, why: 'this machine by name' },
  { url: 'http://[::1]:8080', allowed: true, why: 'this machine in IPv6' },
  { url: 'http://127.0.0.1.example.com', allowed: false, why: 'a name that only looks like it' },
  { url: 'http://10.0.0.7:8080', allowed: false, why: 'another machine' },
  {
    url: 'http://10.0.0.7:8080',
    allowed: true,
    why: 'named by host',
    consent: { ...none, allowTargets: ['10.0.0.7'] },
  },
  {
    url: 'http://10.0.0.7:8080',
    allowed: true,
    why: 'named by host and port',
    consent: { ...none, allowTargets: ['10.0.0.7:8080'] },
  },
  {
    url: 'http://10.0.0.77:8080',
    allowed: false,
    why: 'a longer address',
    consent: { ...none, allowTargets: ['10.0.0.7'] },
  },
  {
    url: 'https://api.openai.com',
    allowed: false,
    why: 'naming a provider is not enough',
    consent: { ...none, allowTargets: ['api.openai.com'] },
  },
  {
    url: 'https://api.openai.com',
    allowed: false,
    why: 'nor is consent without a budget',
    consent: { ...none, acceptsProviderCost: true },
  },
  {
    url: 'https://me.openai.azure.com',
    allowed: true,
    why: 'consent and budget',
    consent: { ...none, acceptsProviderCost: true },
    budget,
  },
  {
    url: 'https://bedrock-runtime.us-east-1.amazonaws.com',
    allowed: false,
    why: 'suffixes count',
    budget,
  },
])('$url: $why', ({ allowed, budget: money, consent = none, url }) => {
  let refusal: AgentInfraError | undefined;
  try {
    checkTarget(url, consent, money);
  } catch (error) {
    refusal = error as AgentInfraError;
  }
  expect(refusal?.code).toBe(allowed ? undefined : 'target.refused');
  expect(refusal?.exitCode).toBe(allowed ? undefined : 3);
});

test('a plan above its budget is refused with both amounts', () => {
  expect(() => checkBudget(budget, { input: 1e6, output: 1e5 })).not.toThrow();
  expect(() => checkBudget(budget, { input: 2e6, output: 1e5 })).toThrow(/\$7\.50.*\$5/);
});

test('a target that listens is reached, one that does not is exit 3', async () => {
  const server = await startServer({ host: '127.0.0.1', port: 0 }, () => {});
  await expect(reachTarget(server.url)).resolves.toBeUndefined();
  await server.close();
  await expect(reachTarget(server.url)).rejects.toMatchObject({
    code: 'target.unreachable',
    exitCode: 3,
  });
});

test('a run that shares a budget takes what was planned, or more', () => {
  const planned = checkBudget(budget, { input: 1e6, output: 1e5 });
  expect(planned).toBeCloseTo(4.5);
  expect(chargedUsd(budget, planned, { input: null, output: null })).toBe(planned);
  expect(chargedUsd(budget, planned, { input: 2e6, output: 1e5 })).toBeCloseTo(7.5);
});
