import { spawnSync } from 'node:child_process';

import { expect, test } from 'vitest';

import { binary, missingSharedData, root, sharedData } from '../support/requirements.ts';

/** The JSON that CI reads: every field named in the contract, with its type. Fields may be added. */
function json(...args: string[]): Record<string, unknown> {
  const { status, stdout, stderr } = spawnSync(process.execPath, [binary, ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toMatchObject({ status: 0 });
  return JSON.parse(stdout) as Record<string, unknown>;
}

const number = expect.any(Number);
const text = expect.any(String);
const pair = [number, number];
const summary = expect.objectContaining({
  n: number,
  sum: number,
  mean: number,
  p50: number,
  p90: number,
  p95: number,
  p99: number,
  max: number,
  ci95: { mean: pair, p95: pair },
});
const peaks = expect.objectContaining({ mean: number, peakTumbling: number, peakSliding: number });

test('profile --json', () => {
  const profile = json('profile', 'profiles/samples/research-agent.recording.jsonl', '--json');
  expect(profile).toMatchObject({
    schema: text,
    schemaVersion: text,
    source: {
      format: 'recording',
      records: { read: number, used: number, skipped: [], duplicatesSuppressed: 0 },
    },
    window: { start: text, end: text, durationSeconds: number },
    sessions: { count: 14 },
    turns: { count: 42, llmCallsPerTurn: { mean: number, p50: number, p95: number, max: number } },
    calls: { count: 143, attempts: number, errors: number },
    tokens: { input: summary, uncached: summary, cacheRead: summary, output: summary },
    latency: { e2eMs: summary, ttftMs: summary, itlMs: summary },
    state: { reads: number, writes: number },
    arrivals: {
      ratePerSecond: number,
      iatCv: number,
      // Shorter than a minute: unknown is null, never 0.
      idc: { s1: number, s10: number, s60: null },
      rpm: peaks,
      tpm: { allIn: peaks, uncached: peaks, output: peaks },
    },
    concurrency: {
      calls: { mean: number, peak: number },
      sessions: { mean: number, peak: number },
      fanOut: expect.anything(),
    },
    cache: expect.any(Object),
    warnings: expect.any(Array),
  });
  expect(profile['tokens']).toHaveProperty('cacheWrite');
  expect(profile['tokens']).toHaveProperty('reasoning');
  const tools = Object.values(profile['tools'] as Record<string, unknown>);
  expect(tools.length).toBeGreaterThan(0);
  for (const tool of tools) expect(tool).toMatchObject({ calls: number, errors: number });
});

test.skipIf(missingSharedData('traces/azure-llm-2023'))(
  'profile --json of the Azure code trace has the published figures',
  () => {
    const file = `${sharedData}/traces/azure-llm-2023/AzureLLMInferenceTrace_code.csv`;
    const { tokens, arrivals, window } = json('profile', file, '--json') as {
      tokens: Record<'input' | 'output', Record<string, number>>;
      arrivals: {
        ratePerSecond: number;
        iatCv: number;
        idc: Record<string, number>;
        rpm: Record<string, number>;
        tpm: { allIn: Record<string, number> };
      };
      window: { durationSeconds: number };
    };
    const { input, output } = tokens;
    expect([input['n'], input['p50'], input['p99']]).toEqual([8819, 1469, 7436]);
    expect(input['mean']).toBeCloseTo(2047.848, 3);
    expect(input['p90']).toBeCloseTo(5187.6, 1);
    expect(input['p95']).toBeCloseTo(7303.3, 1);
    expect(output['mean']).toBeCloseTo(27.883, 3);
    expect([output['p50'], output['p90'], output['p95']]).toEqual([13, 55, 90]);
    expect(output['p99']).toBeCloseTo(251.46, 2);
    expect(window.durationSeconds).toBeCloseTo(3435.948, 3);
    expect(arrivals.ratePerSecond).toBeCloseTo(2.5667, 4);
    expect(arrivals.iatCv).toBeCloseTo(13.1513, 4);
    expect(arrivals.idc['s1']).toBeCloseTo(13.18, 2);
    expect(arrivals.rpm).toMatchObject({ peakTumbling: 632, peakSliding: 723 });
    expect(arrivals.tpm.allIn).toMatchObject({ peakTumbling: 1_344_551, peakSliding: 1_409_698 });
  },
);

test('plan --json', () => {
  const plan = json('plan', 'scenarios/plans/support-agents.yaml', '--json') as {
    scales: Record<string, unknown>[];
    stages: unknown[];
    sources: unknown[];
  };
  expect(plan).toMatchObject({ schema: text, breaksAt: { scale: 0.75, dimension: 'rpm' } });
  expect(plan.scales.map(({ scale }) => scale)).toEqual([1, 3, 10]);
  for (const scale of plan.scales) {
    expect(scale).toMatchObject({
      demand: {
        rpm: { mean: number, peakMinute: number },
        itpm: expect.anything(),
        otpm: expect.anything(),
        concurrency: expect.anything(),
      },
      cost: {
        monthly: { api: number, gpu: number, infra: number, ops: number, total: number },
        perTurn: number,
        perUser: number,
      },
      verdict: text,
    });
    expect((scale['limits'] as unknown[]).length).toBeGreaterThan(0);
    for (const limit of scale['limits'] as unknown[]) {
      expect(limit).toMatchObject({
        provider: text,
        model: text,
        dimension: text,
        limit: number,
        demandPeak: number,
        utilisation: number,
        binding: expect.any(Boolean),
      });
    }
  }
  expect(plan.scales[0]).toMatchObject({ demand: { rpm: { mean: 2000 } } });
  expect(plan.stages).toHaveLength(3);
  expect(plan.sources.length).toBeGreaterThan(0);
});
