import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterAll, describe, expect, test } from 'vitest';

import { binary, root } from '../support/requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'agent-infra-review-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function plan(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [binary, 'plan', ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, CI: 'true' },
  });
}

/** 100 calls a minute of single calls against 130 a minute. */
writeFileSync(
  join(folder, 'plan.yaml'),
  `apiVersion: agent-infra/v1
kind: Plan
name: reviewed
workload: { numbers: { callsPerTurn: 1, inputTokens: 1k, outputTokens: 100 } }
targets: { concurrentUsers: 100, interactionsPerMinute: 1 }
scales: [1, 3]
routes: [{ provider: custom, model: sim-1, limits: { rpm: 130 }, prices: { input: $1, output: $5 } }]
retry: none
`,
);

/** Samples of a run: a call every second, a tenth of them refused, 400 ms and 20 ms per token. */
const samples = Array.from({ length: 60 }, (_, index) => {
  const sent = index * 1000;
  const base = { type: 'attempt', session: index, turn: 0, call: 'c', attempt: 1, last: true };
  const times = { model: 'sim-1', intended: sent, ready: sent, sent };
  return index % 10 === 9
    ? { ...base, ...times, outcome: 'failed', end: sent + 1, status: 429, error: 'http-429' }
    : {
        ...base,
        ...times,
        outcome: 'ok',
        firstToken: sent + 400,
        end: sent + 400 + 99 * 20,
        status: 200,
        input: 1000,
        cacheRead: 0,
        output: 100,
      };
});
writeFileSync(
  join(folder, 'samples.jsonl'),
  [
    { type: 'run', scenario: 'short', startedAt: '2026-11-21T10:00:00.000Z', warmUpMs: 0 },
    ...samples,
  ]
    .map((sample) => `${JSON.stringify(sample)}\n`)
    .join(''),
);

describe('agent-infra plan review', () => {
  const actual = resolve(root, 'profiles/workloads/azure-conversation.yaml');

  test('three times the planned rate: the trigger has passed, --strict exits with 99', () => {
    const lax = plan('review', 'plan.yaml', '--actual', actual);
    expect(lax.stderr).toBe('');
    expect(lax.status).toBe(0);
    expect(lax.stdout).toContain('The trigger of stage 2 has passed');
    expect(lax.stdout).toMatch(/turns per minute +100 +332 +\+231.8%/);
    const strict = plan('review', 'plan.yaml', '--actual', actual, '--strict', '--json');
    expect(strict.status).toBe(99);
    const review = JSON.parse(strict.stdout) as { schema: string; scaleNow: number };
    expect(review.schema).toBe('agent-infra/plan-review');
    expect(review.scaleNow).toBeCloseTo(3.318, 2);
  });

  test('without a profile it says what is missing', () => {
    expect(plan('review', 'plan.yaml').status).toBe(2);
    const absent = plan('review', 'plan.yaml', '--actual', 'none.yaml');
    expect(absent.status).toBe(2);
    expect(absent.stderr).toContain('none.yaml');
  });
});

describe('agent-infra plan predict', () => {
  test('predicts a run, and holds one against it', () => {
    const run = ['--duration', '60s', '--warm-up', '10s', '--json'];
    const alone = plan('predict', 'plan.yaml', ...run);
    expect(alone.status).toBe(0);
    const prediction = JSON.parse(alone.stdout) as {
      readonly sessionsPerSecond: number;
      readonly forecast: { readonly calls: { readonly value: number } };
    };
    expect(prediction.sessionsPerSecond).toBeCloseTo(100 / 60, 9);
    expect(Math.abs(prediction.forecast.calls.value - 100 * (50 / 60))).toBeLessThan(6);
    // A tenth refused where nothing should be.
    const held = plan('predict', 'plan.yaml', ...run, '--against', '.');
    expect(held.status).toBe(99);
    expect(JSON.parse(held.stdout)).toMatchObject({
      agrees: false,
      measured: { calls: 50, firstAttempt: 0.1 },
    });
  });

  test('a warm-up as long as the run leaves nothing to predict', () => {
    const { status, stderr } = plan('predict', 'plan.yaml', '--duration', '5s');
    expect(status).toBe(2);
    expect(stderr).toContain('--warm-up must be shorter');
  });
});

describe('agent-infra plan --calibrate', () => {
  test('measured times replace assumed ones, and the plan says so', () => {
    const { stdout, status } = plan('plan.yaml', '--calibrate', '.', '--json');
    expect(status).toBe(0);
    const made = JSON.parse(stdout) as {
      readonly scales: readonly { readonly demand: { readonly concurrency: { mean: number } } }[];
      readonly sources: readonly { readonly of: string; readonly basis: string; date: string }[];
      readonly assumptions: readonly { readonly value: string }[];
    };
    // Little: 100 calls a minute of 2.38 s.
    expect(made.scales[0]!.demand.concurrency.mean).toBeCloseTo((100 / 60) * 2.38, 6);
    expect(made.sources).toContainEqual({
      of: 'call durations',
      page: 'load test short (54 calls)',
      date: '2026-11-21',
      basis: 'calibrated',
    });
    expect(made.assumptions.filter(({ value }) => value.includes('first token'))).toEqual([]);
  });

  test('a folder without a run is named', () => {
    const { status, stderr } = plan('plan.yaml', '--calibrate', 'nowhere');
    expect(status).toBe(2);
    expect(stderr).toContain('nowhere');
  });
});

test('plan --format markdown prints the report that -o writes', () => {
  const printed = plan('plan.yaml', '--format', 'markdown', '-o', 'out');
  expect(printed.status).toBe(0);
  expect(printed.stdout).toMatch(/^# Plan: reviewed\n/);
  expect(readFileSync(join(folder, 'out/plan.md'), 'utf8')).toBe(printed.stdout);
});
