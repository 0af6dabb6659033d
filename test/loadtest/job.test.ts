import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { runSample } from '../../src/loadtest/job.ts';
import { scenarioOf } from './virtual-run.ts';

/** What runs say about themselves, so that a comparison knows which of them sent the same. */
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-job-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function hashes(body: string): { readonly config: string; readonly workload: string | undefined } {
  const scenario = { ...scenarioOf(body), file: join(folder, 'scenario.yaml') };
  const job = { scenario, targetUrl: 'http://127.0.0.1:1', toolVersion: '0', outDir: folder };
  const { configHash, workloadHash } = runSample(job, 'builtin', []);
  return { config: configHash, workload: workloadHash };
}

const BASE = 'sessions: 10\narrivals: {kind: constant, rate: 1/s}\n';

describe('the workload is the same', () => {
  test.for([
    { why: 'with another seed', body: `${BASE}seed: 2\n` },
    { why: 'at another target', body: `${BASE}target: {url: "http://127.0.0.1:2", model: n}\n` },
    {
      why: 'judged by other thresholds',
      body: `${BASE}thresholds: [{metric: calls, expr: 'count > 1'}]\n`,
    },
    { why: 'with another description', body: `${BASE}description: x\n` },
  ])('$why: the whole scenario is another', ({ body }) => {
    expect(hashes(body).workload).toBe(hashes(BASE).workload);
    expect(hashes(body).config).not.toBe(hashes(BASE).config);
  });
});

describe('the workload is another', () => {
  test.for([
    { why: 'more sessions', body: BASE.replace('10', '11') },
    { why: 'another rate', body: BASE.replace('1/s', '2/s') },
    { why: 'other sessions', body: `${BASE}workload: {synthetic: {turns: 7}}\n` },
    { why: 'shorter waits', body: `${BASE}maxThinkTime: 1s\n` },
    { why: 'another client', body: `${BASE}retry: openai-js-7\n` },
    { why: 'another warm-up', body: `${BASE}warmUp: 1s\n` },
  ])('$why', ({ body }) => {
    expect(hashes(body).workload).not.toBe(hashes(BASE).workload);
  });

  test('a profile of the same name that holds other sessions', () => {
    const file = join(folder, 'agents.yaml');
    const body = `${BASE}workload: {profile: agents.yaml}\n`;
    writeFileSync(file, 'one\n');
    const before = hashes(body).workload;
    expect(hashes(body).workload).toBe(before);
    writeFileSync(file, 'two\n');
    expect(hashes(body).workload).not.toBe(before);
  });
});
