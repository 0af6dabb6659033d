import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { loadScenario, scenarioSchema } from '../../src/config/scenario.ts';
import type { Scenario } from '../../src/config/scenario.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import { root } from '../support/requirements.ts';

const HEAD = 'apiVersion: agent-infra/v1\nkind: Scenario\nname: s\n';
const BODY =
  'workload: {synthetic: {}}\nsessions: 5\narrivals: {kind: poisson, rate: 60/min}\ntarget: {url: "http://127.0.0.1:9", model: m}\n';

function parse(text: string): Scenario {
  return parseYaml(scenarioSchema, { file: 's.yaml', text, env: { KEY: 'k-1' } });
}

test('defaults stand in the schema, units are parsed, ${VAR} is filled in', () => {
  const scenario = parse(
    `${HEAD}${BODY.replace('model: m', 'model: m, apiKey: "${KEY}"')}thresholds: [{metric: ttft, expr: "p95 < 1.5s"}]\n`,
  );
  expect(scenario).toMatchObject({
    arrivals: { kind: 'poisson', rate: 1 },
    catchUp: 'burst',
    drain: 600_000,
    maxSessions: 10_000,
    onFailure: 'end-turn',
    retry: 'none',
    target: { apiKey: 'k-1', dialect: 'openai', timeout: 600_000 },
    thinkTimeScale: 1,
    warmUp: 0,
  });
  expect(scenario.workload.synthetic).toMatchObject({
    turns: { mean: 3, cv: 0 },
    toolDelay: { mean: 500, cv: 0 },
  });
  expect(scenario.thresholds[0]).toMatchObject({
    severity: 'error',
    judge: 'interval',
    expression: { aggregate: { kind: 'quantile', q: 0.95 }, operator: '<', limit: 1500 },
  });
});

test.for([
  {
    why: 'a typo in a key',
    text: HEAD + BODY.replace('sessions:', 'sesions:'),
    says: ['s.yaml:5:1', 'did you mean "sessions"'],
  },
  {
    why: 'a number without its unit',
    text: HEAD + BODY.replace('model: m', 'model: m, timeout: 30'),
    says: ['target.timeout', '30s'],
  },
  {
    why: 'a spread without a unit names both forms',
    text: HEAD + BODY.replace('synthetic: {}', 'synthetic: {thinkTime: 5}'),
    says: ['workload.synthetic.thinkTime', '{mean, cv}'],
  },
  {
    why: 'a run without an end',
    text: HEAD + BODY.replace('sessions: 5\n', ''),
    says: ['the run needs an end'],
  },
  {
    why: 'two workloads',
    text: HEAD + BODY.replace('synthetic: {}', 'synthetic: {}, profile: p.yaml'),
    says: ['exactly one of profile and synthetic'],
  },
  {
    why: 'the gateway as target, and nobody starts it',
    text: HEAD + BODY.replace('"http://127.0.0.1:9"', 'gateway'),
    says: ['target.url', 'servers.gateway'],
  },
  {
    why: 'a credential inside the URL',
    text: HEAD + BODY.replace('http://127', 'http://me:pw@127'),
    says: ['apiKey'],
  },
  {
    why: 'an unknown metric',
    text: `${HEAD}${BODY}thresholds: [{metric: tfft, expr: "p95 < 1s"}]\n`,
    says: ['thresholds.0.metric', 'did you mean "ttft"'],
  },
  {
    why: 'a limit without its unit',
    text: `${HEAD}${BODY}thresholds: [{metric: ttft, expr: "p95 < 1500"}]\n`,
    says: ['s.yaml:8:', 'thresholds.0.expr', '1.5s'],
  },
  {
    why: 'an aggregate the metric has not',
    text: `${HEAD}${BODY}thresholds: [{metric: error_rate, expr: "p95 < 1%"}]\n`,
    says: ['error_rate offers rate'],
  },
  {
    why: 'an environment variable that is not set',
    text: HEAD + BODY.replace('model: m', 'model: m, apiKey: "${MISSING}"'),
    says: ['MISSING is not set'],
  },
  {
    why: 'a budget whose cost cannot be known beforehand',
    text: `${HEAD}${BODY.replace('sessions: 5', 'duration: 5s')}budget: {total: $1, perMillionInput: $1, perMillionOutput: $2}\n`,
    says: ['a budget needs a number of sessions'],
  },
])('refused: $why', ({ says, text }) => {
  let message = '';
  try {
    parse(text);
  } catch (error) {
    message = (error as Error).message;
  }
  for (const part of says) expect(message).toContain(part);
});

const folder = join(root, 'scenarios');
const shipped = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

test('both kinds of scenario ship: through the gateway, and straight at the provider', () => {
  const texts = shipped.map((name) => readFileSync(join(folder, name), 'utf8'));
  expect(texts.some((text) => /^ {2}url: gateway$/m.test(text))).toBe(true);
  expect(texts.some((text) => /^ {2}url: provider$/m.test(text))).toBe(true);
});

test.for(shipped)('scenarios/%s is valid and named after its file', async (name) => {
  const scenario = await loadScenario(join(folder, name), { env: {} });
  expect(`${scenario.name}.yaml`).toBe(name);
});
