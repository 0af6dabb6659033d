import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { randomStreams } from '../../src/core/random.ts';
import { wilsonInterval } from '../../src/core/statistics.ts';
import type { Comparison } from '../../src/loadtest/compare.ts';
import { parseRegressionLimit } from '../../src/loadtest/compare-figures.ts';
import { UNKNOWN_HOST } from '../../src/loadtest/host-monitor.ts';
import type { RunSample } from '../../src/loadtest/sample.ts';
import { SessionShares } from '../../src/loadtest/session-shares.ts';
import { runCli } from '../support/run-cli.ts';
import type { CliRun } from '../support/run-cli.ts';
import { runVirtual, scenarioOf } from './virtual-run.ts';
import type { VirtualOptions } from './virtual-run.ts';

/** Runs in virtual time, written as a load test writes them, compared by the command itself. */
let folder = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-compare-'));
  vi.stubEnv('GITHUB_STEP_SUMMARY', '');
  await Promise.all([
    write('base', { seed: 1 }),
    write('small', { seed: 1, sessions: 10 }),
    write('same', { seed: 2 }),
    write('slow', { seed: 3, slower: 1.3 }),
    write('slightly-slow', { seed: 4, slower: 1.05 }),
    write('fast', { seed: 5, slower: 0.6 }),
    write('other-target', {
      seed: 6,
      sessions: 10,
      run: { target: { url: 'http://10.0.0.9', dialect: 'openai', model: 'n' } },
    }),
    write('other-load', {
      seed: 7,
      sessions: 10,
      run: { load: ['120 sessions, open loop, bursts'] },
    }),
    write('other-workload', { seed: 8, sessions: 10, run: { workloadHash: 'other' } }),
    write('before-hashes', {
      seed: 9,
      sessions: 10,
      run: { workloadHash: undefined, configHash: 'old' },
    }),
    write('other-host', {
      seed: 10,
      sessions: 10,
      run: { host: { cores: 64, node: 'v20', os: 'test' } },
    }),
    write('by-k6', { seed: 11, sessions: 10, run: { engine: 'k6' } }),
    write('late', {
      seed: 12,
      sessions: 10,
      monitor: {
        ...UNKNOWN_HOST,
        read: () => ({ ...UNKNOWN_HOST.read(), loopDelayP99: 900, loopDelayMax: 900 }),
      },
    }),
    write('stopped', {
      seed: 13,
      sessions: 10,
      during: (run, clock) => void clock.at(clock.now() + 3000, () => run.stop('SIGINT', 0)),
    }),
    ...[1, 2, 3, 4].flatMap((run) => [
      write(`base-${run}`, { seed: 20 + run, sessions: 40 }),
      write(`same-${run}`, { seed: 30 + run, sessions: 40 }),
      write(`slow-${run}`, { seed: 40 + run, sessions: 40, slower: 1.3 }),
    ]),
  ]);
});

afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

interface Made extends Pick<VirtualOptions, 'monitor' | 'during'> {
  readonly seed: number;
  readonly slower?: number;
  readonly sessions?: number;
  readonly run?: Partial<RunSample>;
}

/** A target whose times vary by chance: exponential around 100 ms, times `slower`. */
async function write(name: string, made: Made): Promise<void> {
  const { seed, sessions = 140, slower = 1 } = made;
  const body = `workload: {synthetic: {turns: 2, callsPerTurn: 2, thinkTime: 1s}}
sessions: ${sessions}
arrivals: {kind: poisson, rate: 4/s}
`;
  const random = randomStreams(seed)('target');
  const { samples, summary } = await runVirtual(scenarioOf(body), {
    seed,
    reply: () => ({ ttft: slower * (20 + random.exponential(100)), gap: 10 * slower }),
    ...(made.monitor === undefined ? {} : { monitor: made.monitor }),
    ...(made.during === undefined ? {} : { during: made.during }),
  });
  const lines = samples.map((sample) =>
    JSON.stringify(
      sample.type === 'run' ? { ...sample, seed, workloadHash: 'w', ...made.run } : sample,
    ),
  );
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, 'samples.jsonl'), `${lines.join('\n')}\n`);
  const run = { ...summary.run, seed, workloadHash: 'w' };
  writeFileSync(join(folder, name, 'summary.json'), JSON.stringify({ ...summary, run }));
}

function compare(a: string, b: string, ...flags: readonly string[]): Promise<CliRun> {
  return runCli(['loadtest', 'compare', join(folder, a), join(folder, b), ...flags]);
}

async function compared(a: string, b: string, ...flags: readonly string[]): Promise<Comparison> {
  const { out } = await compare(a, b, '--json', ...flags);
  return JSON.parse(out) as Comparison;
}

function figure({ figures }: Comparison, name: string): Comparison['figures'][number] {
  return figures.find((each) => each.figure === name)!;
}

describe('one run on each side', () => {
  test('30 % slower: every time is worse, and by about that', async () => {
    const comparison = await compared('base', 'slow');
    expect(comparison).toMatchObject({
      schema: 'agent-infra/loadtest-comparison',
      basis: 'batches',
      notComparable: [],
    });
    for (const name of ['ttft p50', 'ttft p95', 'itl p95', 'e2e p95']) {
      const { adjustedP, change, interval, verdict } = figure(comparison, name);
      expect({ name, verdict }).toEqual({ name, verdict: 'worse' });
      expect(adjustedP).toBeLessThanOrEqual(0.05);
      expect(interval![0]).toBeLessThanOrEqual(0.3);
      expect(interval![1]).toBeGreaterThanOrEqual(0.3);
      expect(change).toBeGreaterThan(0.1);
    }
    // Arrivals decide how many calls there are, not the target.
    expect(figure(comparison, 'calls rate').verdict).toBe('no difference shown');
    expect(figure(comparison, 'error_rate rate')).toMatchObject({
      baseline: 0,
      candidate: 0,
      change: 0,
    });
  });

  test('40 % faster is better', async () => {
    expect(figure(await compared('base', 'fast'), 'ttft p95').verdict).toBe('better');
  });

  test('the same target twice: nothing is shown, and what would have been is', async () => {
    const comparison = await compared('base', 'same');
    expect(comparison.figures.map(({ verdict }) => verdict)).toEqual(
      comparison.figures.map(() => 'no difference shown'),
    );
    const { detectable } = figure(comparison, 'ttft p95');
    expect(detectable).toBeGreaterThan(0.05);
    expect(detectable).toBeLessThan(0.6);
    expect(comparison.notes.join()).toContain('one run on each side');
  });

  test('summaries alone: times as before, rates unknown', async () => {
    const files = await compared('base/summary.json', 'slow/summary.json');
    const samples = await compared('base', 'slow');
    expect(figure(files, 'ttft p95').change).toBeCloseTo(figure(samples, 'ttft p95').change!, 3);
    expect(figure(files, 'calls rate')).toBeUndefined();
    // A folder whose samples were thrown away is its summary.
    mkdirSync(join(folder, 'kept'));
    copyFileSync(join(folder, 'slow/summary.json'), join(folder, 'kept/summary.json'));
    const kept = await compared('base/summary.json', 'kept');
    expect(kept.figures).toEqual(files.figures);
  });
});

describe('replicate runs', () => {
  const sides = (a: string, b: string): string[] => {
    const runs = (name: string): string =>
      [1, 2, 3, 4].map((run) => join(folder, `${name}-${run}`)).join(',');
    return ['loadtest', 'compare', '--baseline', runs(a), '--candidate', runs(b), '--json'];
  };

  test('30 % slower: worse, from run to run', async () => {
    const { out } = await runCli(sides('base', 'slow'));
    const comparison = JSON.parse(out) as Comparison;
    expect(comparison).toMatchObject({ basis: 'replicates', notes: [] });
    expect(comparison.baseline.runs).toHaveLength(4);
    expect(figure(comparison, 'ttft p50')).toMatchObject({ verdict: 'worse' });
    expect(figure(comparison, 'itl p95').change).toBeCloseTo(0.3, 1);
  });

  test('the same target: no difference shown', async () => {
    const { out } = await runCli(sides('base', 'same'));
    const { figures } = JSON.parse(out) as Comparison;
    expect(new Set(figures.map(({ verdict }) => verdict))).toEqual(
      new Set(['no difference shown']),
    );
  });

  test('one run against several is given their spread', async () => {
    const [, , , runs] = sides('base', 'base');
    const candidate = join(folder, 'slow-1');
    const args = ['loadtest', 'compare', '--baseline', runs!, '--candidate', candidate, '--json'];
    const comparison = JSON.parse((await runCli(args)).out) as Comparison;
    expect(comparison.basis).toBe('replicates');
    expect(figure(comparison, 'ttft p50').interval![0]).toBeGreaterThan(0);
  });
});

describe('what is not comparable, and why', () => {
  test.for([
    { why: 'another load', run: 'other-load', says: /^workload: "/ },
    {
      why: 'another workload of the same name',
      run: 'other-workload',
      says: /^workload: workload hash w against other$/,
    },
    {
      why: 'older samples of another scenario',
      run: 'before-hashes',
      says: /^workload: config hash test against old, and older samples/,
    },
    {
      why: 'another machine',
      run: 'other-host',
      says: /^host: 1 cores, Node v20, test against 64 cores/,
    },
    { why: 'another engine', run: 'by-k6', says: /^engine: builtin against k6$/ },
    { why: 'an interrupted run', run: 'stopped', says: /stopped did not end by itself$/ },
    { why: 'a late generator', run: 'late', says: /late: its generator could not keep up$/ },
  ])('$why', async ({ run, says }) => {
    const comparison = await compared('small', run, '--max-regression', 'ttft p95 1%');
    expect(comparison.notComparable.filter((reason) => says.test(reason))).toHaveLength(1);
    expect(figure(comparison, 'ttft p95').verdict).toBe('not comparable');
    expect(comparison.gates).toMatchObject([
      { status: 'inconclusive', reason: 'the runs cannot be compared' },
    ]);
    const text = await compare('small', run);
    expect(text.out).toContain('NOT COMPARABLE');
    expect(text.code).toBe(0);
    expect((await compare('small', run, '--strict')).code).toBe(5);
  });

  test('the same run twice', async () => {
    const { notComparable } = await compared('small', 'small');
    expect(notComparable).toEqual(['the same run was given twice']);
    for (const other of ['small/', 'small/samples.jsonl', 'small/summary.json']) {
      const again = await compared('small', other);
      expect(again.notComparable).toEqual(['the same run was given twice']);
    }
  });

  test('--despite accepts a difference and says so', async () => {
    const comparison = await compared('small', 'other-host', '--despite', 'host');
    expect(comparison.notComparable).toEqual([]);
    expect(comparison.notes.join()).toContain('accepted: another host: 1 cores');
    expect(figure(comparison, 'ttft p95').verdict).toBe('no difference shown');
  });

  test('another target is what a comparison is for', async () => {
    const comparison = await compared('small', 'other-target');
    expect(comparison.notComparable).toEqual([]);
    expect(comparison.notes.join()).toContain(
      'targets: loopback (openai, m) against http://10.0.0.9 (openai, n)',
    );
  });
});

describe('gates', () => {
  test.for([
    { why: 'far beyond', b: 'slow', limit: 'ttft p50 5%', status: 'fail', code: 99 },
    { why: 'far within', b: 'slow', limit: 'ttft p50 90%', status: 'pass', code: 0 },
    { why: 'around it', b: 'slightly-slow', limit: 'ttft p95 5%', status: 'inconclusive', code: 5 },
    { why: 'faster than before', b: 'fast', limit: 'e2e avg 5%', status: 'pass', code: 0 },
    { why: 'a share by points', b: 'same', limit: 'error_rate rate 5%', status: 'pass', code: 0 },
    { why: 'a throughput', b: 'same', limit: 'calls rate 90%', status: 'pass', code: 0 },
    {
      why: 'nothing to compare',
      b: 'same',
      limit: 'ttf_tool p95 5%',
      status: 'inconclusive',
      code: 5,
    },
  ])('$why: $status', async ({ b, code, limit, status }) => {
    const result = await compare('base', b, '--json', '--strict', '--max-regression', limit);
    const { gates } = JSON.parse(result.out) as Comparison;
    expect(gates).toMatchObject([{ limit, status }]);
    expect(result.code).toBe(code);
    expect(result.err.includes('not decided, not passed')).toBe(status === 'inconclusive');
  });

  test('not decided is a warning without --strict', async () => {
    const result = await compare('small', 'other-target', '--max-regression', 'ttft p95 1%');
    expect(result.code).toBe(0);
    expect(result.err).toContain('WARNING: not decided, not passed: ttft p95 1%');
  });

  test('with several gates each interval is wider', async () => {
    const width = (comparison: Comparison): number => {
      const [low, high] = comparison.gates[0]!.interval!;
      return high! - low!;
    };
    const one = await compared('base', 'slow', '--max-regression', 'ttft p50 5%');
    const two = await compared(
      'base',
      'slow',
      '--max-regression',
      'ttft p50 5%',
      '--max-regression',
      'itl p95 5%',
    );
    expect(width(two)).toBeGreaterThan(width(one));
  });

  test.for([
    { text: 'ttft p95 10%', problem: undefined },
    { text: 'turn med 0.1', problem: undefined },
    { text: 'ttft p95', problem: 'expected "metric aggregate limit"' },
    { text: 'tft p95 10%', problem: 'unknown metric "tft", did you mean ttft?' },
    { text: 'ttft rate 10%', problem: 'ttft offers avg, min, med' },
    { text: 'ttft max 10%', problem: 'ttft max has no interval' },
    { text: 'error_rate count 10%', problem: 'error_rate count has no interval' },
    { text: 'amplification value 10%', problem: 'amplification value has no interval' },
    { text: 'ttft p95 200ms', problem: 'expected a share such as 10%, got "200ms"' },
  ])('"$text"', ({ problem, text }) => {
    const parsed = parseRegressionLimit(text);
    expect('problem' in parsed ? parsed.problem : '').toContain(problem ?? '');
    expect('problem' in parsed).toBe(problem !== undefined);
  });
});

test.for([
  { why: 'one run', args: ['x'], says: 'give two runs to compare' },
  { why: 'both ways', args: ['x', 'y', '--baseline', 'z'], says: 'not both' },
  { why: 'one side', args: ['--baseline', 'z'], says: 'give two runs' },
  { why: 'no such run', args: ['nowhere', 'nowhere-else'], says: 'nowhere: no such file' },
  {
    why: 'a wrong gate',
    args: ['x', 'y', '--max-regression', 'ttft'],
    says: '--max-regression: expected "metric aggregate limit"',
  },
  {
    why: 'an unknown difference',
    args: ['x', 'y', '--despite', 'weather'],
    says: '--despite: expected one of workload, host, engine',
  },
])('$why: exit 2', async ({ args, says }) => {
  const result = await runCli(['loadtest', 'compare', ...args]);
  expect(result.code).toBe(2);
  expect(result.err).toContain(says);
});

test('in GitHub Actions the comparison is appended to the summary of the job', async () => {
  const file = join(folder, 'step-summary.md');
  vi.stubEnv('GITHUB_STEP_SUMMARY', file);
  const { out } = await compare('small', 'other-target');
  vi.stubEnv('GITHUB_STEP_SUMMARY', '');
  expect(readFileSync(file, 'utf8')).toBe(`\n\`\`\`text\n${out.trimEnd()}\n\`\`\`\n`);
});

test('a file that is no summary', async () => {
  const file = join(folder, 'other.json');
  writeFileSync(file, '{"schema": "something"}');
  const result = await runCli(['loadtest', 'compare', file, join(folder, 'base')]);
  expect(result.code).toBe(2);
  expect(result.err).toContain('other.json is no summary of a load test');
});

describe('shares and rates of a run', () => {
  /** Sessions of ten calls, one a second; those of `bad` fail all of theirs. */
  function shares(sessions: number, bad: (session: number) => boolean): SessionShares {
    const tallies = new SessionShares(0);
    for (let session = 0; session < sessions; session += 1) {
      const at = session * 1000;
      tallies.add({ type: 'arrival', session, intended: at, at, turns: 1, calls: 10 });
      for (let call = 0; call < 10; call += 1) {
        const outcome = bad(session) ? 'failed' : 'ok';
        const base = { session, turn: 0, call: String(call), attempt: 1, last: true, model: 'm' };
        tallies.add({
          type: 'attempt',
          ...base,
          outcome,
          intended: at,
          ready: at,
          sent: at,
          end: at,
          status: bad(session) ? 429 : 200,
        });
      }
    }
    return tallies;
  }

  test('errors in one burst: wider than if each call failed by itself', () => {
    const { interval, n, value } = shares(100, (session) => session >= 40 && session < 50).share(
      'error_rate',
    )!;
    expect([value, n]).toEqual([0.1, 1000]);
    const independent = wilsonInterval(100, 1000);
    expect(interval.high - interval.low).toBeGreaterThan(4 * (independent.high - independent.low));
  });

  test('errors spread evenly: as wide as if independent, never narrower', () => {
    const { interval } = shares(100, (session) => session % 10 === 0).share('rate_limited')!;
    const independent = wilsonInterval(100, 1000);
    expect(interval).toEqual(independent);
  });

  test('no errors: the upper end is what so many calls can exclude', () => {
    const { interval, value } = shares(100, () => false).share('error_rate')!;
    expect(value).toBe(0);
    expect(interval.low).toBe(0);
    expect(interval.high).toBeCloseTo(wilsonInterval(0, 1000).high, 12);
  });

  test('calls per second between the warm-up and the last start', () => {
    expect(shares(61, () => false).rate('calls')).toMatchObject({ value: 10, n: 600 });
    expect(shares(61, () => false).rate('retries')).toMatchObject({ value: 0 });
    expect(shares(1, () => false).rate('calls')).toBeUndefined();
  });

  test('a rate lies in its own interval, also when the last batch is the longest', () => {
    const tallies = new SessionShares(0);
    const start = { type: 'arrival', turns: 1, calls: 1 } as const;
    tallies.add({ ...start, session: 0, intended: 0, at: 0 });
    tallies.add({ ...start, session: 1, intended: 19_000, at: 19_000 });
    for (let call = 0; call < 100; call += 1) {
      const end = 9000 + call * 100;
      const times = { intended: 0, ready: 0, sent: 0, end, status: 200 };
      const base = { session: 0, turn: 0, call: String(call), attempt: 1, last: true, model: 'm' };
      tallies.add({ type: 'attempt', ...base, ...times, outcome: 'ok' });
    }
    const { interval, value } = tallies.rate('calls')!;
    expect(value).toBeCloseTo(100 / 19);
    expect((interval.low + interval.high) / 2).toBeCloseTo(value);
  });

  test('nothing intended: no share', () => {
    expect(new SessionShares(0).share('error_rate')).toBeUndefined();
  });
});
