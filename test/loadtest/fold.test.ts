import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { LatencyHistogram } from '../../src/core/histogram.ts';
import { RunFold } from '../../src/loadtest/fold.ts';
import type { Sample } from '../../src/loadtest/sample.ts';
import { createSampleWriter, readSamples } from '../../src/loadtest/samples-file.ts';
import type { LoadSummary } from '../../src/loadtest/summary.ts';
import { verdictExit } from '../../src/loadtest/verdict.ts';
import { runVirtual, samplesOf, scenarioOf } from './virtual-run.ts';
import type { VirtualRun } from './virtual-run.ts';

let folder = '';
let run: VirtualRun;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-fold-'));
  run = await runVirtual(
    scenarioOf(
      [
        'sessions: 150',
        'retry: openai-js-7',
        'arrivals: {kind: poisson, rate: 3/s}',
        'workload: {synthetic: {turns: {mean: 3, cv: 0.5}, fanOut: 2, thinkTime: {mean: 2s, cv: 1}}}',
        'thresholds:',
        '  - {metric: ttft, expr: "p95 < 2s"}',
        '  - {metric: ttft, where: {from: send, turn: first}, expr: "p95 < 50ms"}',
        '  - {metric: error_rate, where: {model: m}, expr: "rate < 20%"}',
        '  - {metric: ttft, where: {model: other}, expr: "p95 < 1s", severity: warn}',
        '',
      ].join('\n'),
    ),
    {
      reply: ({ attempt, session, step }) => {
        if ((session + step.outputTokens) % 13 === 0 && attempt === 1)
          return { status: 429, ttft: 5 };
        if (session % 50 === 7) return { status: 500, ttft: 5 };
        return { ttft: 80 + ((session * 7 + step.inputTokens) % 90), tokens: 20 };
      },
    },
  );
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, samples: readonly Sample[]): string {
  const file = join(folder, name);
  const writer = createSampleWriter(file);
  for (const sample of samples) writer.add(sample);
  writer.close();
  return file;
}

async function reread(file: string): Promise<LoadSummary> {
  const fold = new RunFold();
  await readSamples(file, (sample) => fold.add(sample));
  return fold.summary();
}

test('the samples read back give the same summary, to the last digit', async () => {
  const file = write('run.jsonl', run.samples);
  expect(JSON.stringify(await reread(file))).toBe(JSON.stringify(run.summary));
});

test('counts add up: intended = started + dropped, started = completed + failed + cut', () => {
  const { attempts, calls, sessions } = run.summary.counters;
  expect(sessions.intended).toBe(sessions.started + sessions.dropped);
  expect(sessions.started).toBe(sessions.completed + sessions.failed + sessions.cut);
  expect(calls.intended).toBe(calls.started + calls.notStarted);
  expect(calls.started).toBe(calls.completed + calls.failed + calls.truncated + calls.cut);
  expect(attempts.sent).toBe(calls.started + attempts.retries);
  expect(attempts.rateLimited).toBeGreaterThan(0);
  expect(calls.failed).toBeGreaterThan(0);
});

test('thresholds: the part of the run that each selects', () => {
  const [all, first, errors, other] = run.summary.thresholds;
  const ok = samplesOf(run.samples, 'attempt').filter(({ outcome }) => outcome === 'ok');
  expect(all).toMatchObject({ status: 'pass', n: ok.length });
  expect(first).toMatchObject({ status: 'fail', n: ok.filter(({ turn }) => turn === 0).length });
  expect(errors!.status).toBe('pass');
  expect(other).toMatchObject({ status: 'inconclusive', reason: 'no data', observed: null });
  expect(run.summary.verdict.status).toBe('fail');
});

test('a figure of the summary is the figure of the samples', () => {
  const values = samplesOf(run.samples, 'attempt')
    .filter(({ outcome }) => outcome === 'ok')
    .map(({ firstToken, sent }) => firstToken! - sent!)
    .toSorted((a, b) => a - b);
  const { ttft } = run.summary.metrics;
  const exact = values[Math.ceil(0.95 * values.length) - 1]!;
  expect(Math.abs(ttft!.fromSend!.p95 / exact - 1)).toBeLessThan(0.001);
  expect(ttft!.fromSend!.max).toBeCloseTo(values.at(-1)!, 6);
  const decoded = LatencyHistogram.decode(ttft!.fromSend!.histogram);
  expect(decoded.count).toBe(values.length);
});

test('a killed run: a cut last line is left out, what ran is cut, nothing has passed', async () => {
  const samples = run.samples.slice(0, Math.floor(run.samples.length / 2));
  const file = write('killed.jsonl', samples);
  appendFileSync(file, '{"type":"attempt","session":3,"tu');
  const fold = new RunFold();
  const counts = await readSamples(file, (sample) => fold.add(sample));
  expect(counts).toEqual({ read: samples.length + 1, broken: 1 });
  const summary = fold.summary();
  expect(summary.complete).toBe(false);
  expect(summary.counters.sessions.cut).toBeGreaterThan(0);
  const { sessions } = summary.counters;
  expect(sessions.started).toBe(sessions.completed + sessions.failed + sessions.cut);
  expect(summary.verdict.status).not.toBe('pass');
  // What the kill cut short is nobody's error.
  const failed = summary.counters.calls.failed;
  const errors = summary.thresholds[2]!;
  expect(errors.observed! * errors.n).toBeCloseTo(failed, 6);
});

test('unknown sample types are skipped: newer runs stay readable', async () => {
  const file = write('newer.jsonl', run.samples);
  appendFileSync(file, '{"type":"gpu","watts":700}\n');
  expect((await reread(file)).counters).toEqual(run.summary.counters);
});

test.for([
  { why: 'an empty file', text: '' },
  { why: 'no run line', text: '{"type":"end","at":5,"complete":true}\n' },
  { why: 'not JSON at all', text: 'hello\n' },
])('$why is no run', async ({ text }) => {
  const file = join(folder, 'bad.jsonl');
  writeFileSync(file, text);
  await expect(reread(file)).rejects.toMatchObject({ code: 'trace.empty', exitCode: 2 });
});

test('a missing file is a clear error', async () => {
  await expect(reread(join(folder, 'nowhere.jsonl'))).rejects.toMatchObject({
    code: 'trace.unreadable',
  });
});

test('samples hold sizes, times and codes, and no text', () => {
  const text = readFileSync(write('content.jsonl', run.samples), 'utf8');
  expect(text).not.toMatch(/the and for|messages|content|authorization/);
});

test.for([
  { why: 'passed', status: 'pass', strict: 'strict', broken: false, dead: false, code: 0 },
  { why: 'broken', status: 'fail', strict: 'lenient', broken: true, dead: false, code: 99 },
  { why: 'no answers', status: 'fail', strict: 'lenient', broken: false, dead: false, code: 99 },
  { why: 'dead target', status: 'fail', strict: 'lenient', broken: false, dead: true, code: 3 },
  {
    why: 'both: the threshold',
    status: 'fail',
    strict: 'lenient',
    broken: true,
    dead: true,
    code: 99,
  },
  { why: 'open', status: 'inconclusive', strict: 'lenient', broken: false, dead: false, code: 0 },
  { why: 'open', status: 'inconclusive', strict: 'strict', broken: false, dead: false, code: 5 },
] as const)('$why, $strict: exit $code', ({ broken, code, dead, status, strict }) => {
  const [threshold] = run.summary.thresholds;
  const summary = {
    verdict: { status, reasons: [] },
    silence: dead ? { fromMs: 5, attempts: 20, error: 'ECONNREFUSED' } : null,
    thresholds: [{ ...threshold!, status: broken ? ('fail' as const) : ('pass' as const) }],
  };
  expect(verdictExit(summary, strict)).toBe(code);
});

test('a run in which nothing worked fails without any threshold; one that sent nothing is inconclusive', async () => {
  const body = 'sessions: 3\narrivals: {kind: constant, rate: 1/s}\n';
  const dead = await runVirtual(scenarioOf(body), { reply: () => ({ status: 500 }) });
  expect(dead.summary.verdict).toMatchObject({ status: 'fail' });
  const idle = await runVirtual(scenarioOf(body), {
    during: (started) => started.stop('SIGINT', 0),
  });
  expect(idle.summary.verdict).toMatchObject({ status: 'inconclusive' });
});
