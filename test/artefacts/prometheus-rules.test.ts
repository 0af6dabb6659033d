import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { prometheusRules } from '../../src/artefacts/prometheus-rules.ts';
import { makePlan } from '../../src/capacity/plan.ts';
import { planOf, routeOf, trafficOf } from '../capacity/example-plan.ts';
import { missingProgram } from '../support/requirements.ts';

const traffic = trafficOf({ tokens: { input: 3000, output: 300, cachedShare: 0, variation: 1 } });

const plans = {
  'one custom provider': makePlan(planOf()),
  'three limits, two models, names that need quoting': makePlan(
    planOf({
      name: 'Agents "A" & B: 500 users',
      traffic,
      routes: [
        routeOf({
          share: 0.5,
          model: 'openai/gpt "x"',
          limits: { rpm: 5000, itpm: 9e6, otpm: 1e6 },
          limitPool: 'a',
        }),
        routeOf({
          share: 0.5,
          provider: 'groq',
          model: 'llama',
          limits: { rpm: 1000, tpm: 3e5 },
          limitPool: 'b',
        }),
      ],
    }),
  ),
  'no limits at all': makePlan(planOf({ routes: [routeOf({ limits: {} })] })),
};

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-rules-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(missingProgram('promtool'))('promtool', () => {
  test.for(Object.entries(plans))('accepts the rules and their tests pass: %s', ([, plan]) => {
    const { rules, tests } = prometheusRules(plan);
    writeFileSync(join(folder, 'prometheus-rules.yaml'), rules);
    writeFileSync(join(folder, 'rules_test.yaml'), tests);
    const run = (args: string[]): string =>
      execFileSync('promtool', args, { cwd: folder, encoding: 'utf8' });
    expect(
      run(['check', 'rules', '--lint=all', '--lint-fatal', 'prometheus-rules.yaml']),
    ).toContain('SUCCESS');
    expect(run(['test', 'rules', 'rules_test.yaml'])).toContain('SUCCESS');
  });

  test('a wrong threshold would be caught', () => {
    const { rules, tests } = prometheusRules(plans['one custom provider']);
    writeFileSync(join(folder, 'prometheus-rules.yaml'), rules.replaceAll(/ > \d+/g, ' > 1'));
    writeFileSync(join(folder, 'rules_test.yaml'), tests);
    expect(() =>
      execFileSync('promtool', ['test', 'rules', 'rules_test.yaml'], {
        cwd: folder,
        stdio: 'pipe',
      }),
    ).toThrow('FAILED');
  });
});

test('each later stage has an alert with the plan’s own threshold', () => {
  const plan = plans['one custom provider'];
  const { groups } = parse(prometheusRules(plan).rules) as {
    groups: { rules: { alert?: string; expr: string }[] }[];
  };
  const alerts = groups[0]!.rules.filter((rule) => rule.alert?.startsWith('PlanStage'));
  expect(alerts.map((rule) => rule.expr)).toEqual(
    plan.stages
      .slice(1)
      .map(
        (stage) => `sum(model:agent_gateway_requests:per_minute) > ${stage.startsWhen!.threshold}`,
      ),
  );
});
