import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import { runCli } from '../support/run-cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'agent-infra-plan-diff-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const plan = join(folder, 'plan.yaml');
writeFileSync(
  plan,
  `apiVersion: agent-infra/v1
kind: Plan
name: before
workload: { numbers: { callsPerTurn: 1, inputTokens: 1k, outputTokens: 100 } }
targets: { concurrentUsers: 100, interactionsPerMinute: 1 }
scales: [1]
routes: [{ provider: custom, model: sim-1, limits: { rpm: 125 }, prices: { input: $1, output: $5 } }]
retry: none
`,
);

test('--set alone: what one change does to the plan', async () => {
  const set = ['--set', 'routes.0.limits.rpm=250', '--set', 'name=after'];
  const { code, out } = await runCli(['plan', 'diff', plan, ...set, '--no-color']);
  expect(code).toBe(0);
  expect(out).toContain('before → after');
  expect(out).toMatch(/breaks at \(mean\) +1.25x \(RPM\) +2.5x \(RPM\) +changed/);
  expect(out).toMatch(/fullest limit at 1x, peak .* -50%/);
});

test('--json: both sides and the change, versioned', async () => {
  const args = ['plan', 'diff', plan, plan, '--set', 'routes.0.prices.output=$10', '--json'];
  const { code, out } = await runCli(args);
  expect(code).toBe(0);
  const diff = JSON.parse(out) as { scales: { usdPerTurn: Record<string, number> }[] };
  expect(diff).toMatchObject({ schema: 'agent-infra/plan-diff', schemaVersion: '1.0' });
  // 1,000 in at $1 and 100 out at $5, then at $10, for a million.
  const { after, before, change } = diff.scales[0]!.usdPerTurn;
  expect([before, after]).toEqual([expect.closeTo(0.0015, 9), expect.closeTo(0.002, 9)]);
  expect(change).toBeCloseTo(1 / 3, 6);
});

test.for([
  { why: 'nothing to compare with', args: [], says: 'needs a second plan, or --set' },
  { why: 'an override that has no value', args: ['--set', 'scales'], says: 'expected path=value' },
  { why: 'a key that is not there', args: ['--set', 'scale=3'], says: 'did you mean "scales"?' },
])('exits with 2: $why', async ({ args, says }) => {
  const { code, err } = await runCli(['plan', 'diff', plan, ...args]);
  expect(code).toBe(2);
  expect(err).toContain(says);
});
