import { describe, expect, test } from 'vitest';

import { limitsLoad, loadDial, loadText, scenarioAt } from '../../src/loadtest/capacity-load.ts';
import { judgeTrial } from '../../src/loadtest/capacity-trial.ts';
import { UNKNOWN_HOST } from '../../src/loadtest/host-monitor.ts';
import { renderCapacityText } from '../../src/report/capacity-text.ts';
import { searchVirtually } from './capacity-in-virtual-time.ts';
import { runVirtual, scenarioOf } from './virtual-run.ts';
import type { VirtualOptions } from './virtual-run.ts';

/** Sessions of one call: then sessions per second are calls per second. */
const ONE_CALL = 'workload: {synthetic: {turns: 1, callsPerTurn: 1}}\n';
const NO_ERRORS = "thresholds: [{metric: error_rate, expr: 'rate == 0%'}]\n";

type Reply = NonNullable<VirtualOptions['reply']>;

/** So many requests in each whole second, the others refused. */
function perSecond(limit: number): { reply: Reply } {
  const seen = new Map<number, number>();
  return {
    reply: (_call, nowMs) => {
      const second = Math.floor(nowMs / 1000);
      const count = (seen.get(second) ?? 0) + 1;
      seen.set(second, count);
      return count > limit ? { status: 429 } : {};
    },
  };
}

/** So many calls at once, each `serviceMs` long, the others refused. */
function slots(count: number, serviceMs: number): { reply: Reply } {
  let busyUntil: number[] = [];
  return {
    reply: (_call, nowMs) => {
      busyUntil = busyUntil.filter((until) => until > nowMs + 1e-6);
      if (busyUntil.length >= count) return { status: 503 };
      busyUntil.push(nowMs + serviceMs);
      return { ttft: serviceMs, tokens: 1 };
    },
  };
}

/** One server that works off a queue, each call `serviceMs`: never refuses, only gets slower. */
function queue(serviceMs: number): { reply: Reply } {
  let freeAt = 0;
  return {
    reply: (_call, nowMs) => {
      freeAt = Math.max(freeAt, nowMs) + serviceMs;
      return { ttft: freeAt - nowMs, tokens: 1 };
    },
  };
}

describe('the capacity of a target that is known in closed form', () => {
  test.for([
    {
      why: 'a limit of 20 requests a second: 20 sessions of one call a second',
      arrivals: '{kind: constant, rate: 12/s}',
      target: () => perSecond(20),
      knee: 20,
    },
    {
      why: '3 calls of 150 ms at once: 3 / 0.15 s = 20 a second',
      arrivals: '{kind: constant, rate: 40/s}',
      target: () => slots(3, 150),
      knee: 20,
    },
    {
      why: 'bursts of 4 sessions under 20 a second: 5 bursts a second',
      arrivals: '{kind: burst, size: 4, every: 1s}',
      target: () => perSecond(20),
      knee: 20,
    },
  ])('$why', async ({ arrivals, knee, target }) => {
    const body = `${ONE_CALL}duration: 6s\narrivals: ${arrivals}\n${NO_ERRORS}`;
    const report = await searchVirtually(body, { target, search: { resolution: 0.05 } });
    expect(report.status).toBe('found');
    const { capacity, interval } = report;
    expect(capacity!.load).toBeLessThanOrEqual(knee);
    expect(interval.broken).toBeGreaterThan(knee);
    expect(interval.broken! / interval.held!).toBeLessThanOrEqual(1.05);
    // One call a session: measured calls per minute are the load, to the seconds at the edges.
    expect(capacity!.callsPerMinute! / (capacity!.load * 60)).toBeCloseTo(1, 1);
    expect(report.breaks!.thresholds[0]!.threshold).toBe('error_rate rate == 0%');
    expect(
      report.trials.every(({ achieved, load }) => achieved.sessionsPerSecond! / load > 0.95),
    ).toBe(true);
  });

  test('users of a closed loop: exactly as many as the target has places', async () => {
    const body = `${ONE_CALL}sessions: 20\narrivals: {kind: users, users: 4}\n${NO_ERRORS}`;
    const report = await searchVirtually(body, {
      target: () => slots(11, 100),
      search: { resolution: 0.01 },
    });
    expect(report).toMatchObject({
      status: 'found',
      unit: 'users',
      capacity: { load: 11, runs: 2 },
      interval: { held: 11, broken: 12 },
      notes: [],
    });
  });

  test('a queue in front of one server of 50 ms: below 20 a second, although no call fails', async () => {
    const body = `${ONE_CALL}duration: 30s\nwarmUp: 2s\narrivals: {kind: poisson, rate: 12/s}\nthresholds: [{metric: ttft, expr: 'p95 < 1s'}]\n`;
    const report = await searchVirtually(body, { target: () => queue(50) });
    expect(report.status).toBe('found');
    // M/D/1: mean wait = ρ s / (2 (1 − ρ)). A p95 of 1 s lies at ρ between 0.7 and 1.
    expect(report.capacity!.load).toBeGreaterThan(14);
    expect(report.capacity!.load).toBeLessThan(20);
    expect(report.breaks!.thresholds[0]!.threshold).toBe('ttft p95 < 1s');
  });
});

describe('what is no capacity', () => {
  const body = `${ONE_CALL}duration: 4s\narrivals: {kind: constant, rate: 10/s}\n${NO_ERRORS}`;

  test('a target that refuses everything: no load held', async () => {
    const report = await searchVirtually(body, {
      target: () => perSecond(0),
      search: { maxTrials: 4 },
    });
    expect(report).toMatchObject({ status: 'none', capacity: null, interval: { held: null } });
  });

  test('a generator that is late says so: inconclusive, never a capacity above', async () => {
    const late = {
      ...UNKNOWN_HOST,
      read: () => ({ ...UNKNOWN_HOST.read(), loopDelayP99: 900, loopDelayMax: 900 }),
    };
    const report = await searchVirtually(body, {
      target: () => ({ monitor: late }),
      search: { maxTrials: 6 },
    });
    expect(report.status).toBe('inconclusive');
    expect(report.capacity).toBeNull();
    expect(report.trials.map(({ outcome }) => outcome)).toEqual(
      report.trials.map(() => 'saturated'),
    );
    expect(report.reasons[0]).toMatch(
      /the generator could not apply more load than that: the event loop/,
    );
    const numbers = report.trials.map(({ number }) => number).join(', ');
    expect(report.notes).toContain(
      `the generator could not keep up in trial ${numbers}: see validity there`,
    );
  });

  test('sessions that this client dropped are not the target that broke', async () => {
    const report = await searchVirtually(`maxSessions: 1\n${body}`, {
      target: () => ({}),
      search: { maxTrials: 3 },
    });
    expect(report.trials[0]).toMatchObject({ outcome: 'saturated', validity: 'invalid' });
    expect(report.trials[0]!.reasons[0]).toContain('dropped by this client');
  });

  test('a queue that still grows holds any limit in a short trial: run longer', async () => {
    const growing = `${ONE_CALL}duration: 20s\narrivals: {kind: constant, rate: 30/s}\nthresholds: [{metric: ttft, expr: 'p95 < 1h', judge: observed}]\n`;
    const report = await searchVirtually(growing, {
      target: () => queue(50),
      search: { maxTrials: 2 },
    });
    expect(report.trials.map(({ outcome, step }) => [step, outcome])).toEqual([
      ['first', 'open'],
      ['again', 'open'],
    ]);
    expect(report.trials[0]!.reasons[0]).toMatch(
      /^time to first token was still rising, from .* s to .* s: run longer/,
    );
    expect(report.trials[1]!.durationMs).toBeGreaterThan(1.9 * report.trials[0]!.durationMs);
    expect(report.status).toBe('inconclusive');
  });

  test('a target that is gone, or an interrupt: what there is, and incomplete', async () => {
    const stop = { why: 'SIGINT', reason: 'stopped by SIGINT in trial 3' } as const;
    const report = await searchVirtually(body, {
      target: () => perSecond(20),
      instead: { 3: stop },
    });
    expect(report).toMatchObject({
      status: 'inconclusive',
      complete: false,
      stopped: 'SIGINT',
      capacity: null,
      interval: { held: 20, broken: null },
      reasons: ['stopped by SIGINT in trial 3'],
    });
    expect(report.trials).toHaveLength(2);
  });
});

test.for([
  { why: 'below the capacity', atLeast: 15, status: 'pass' },
  { why: 'at a load that is held, measured itself', atLeast: 20, status: 'pass' },
  { why: 'just above it', atLeast: 21, status: 'fail' },
  { why: 'far above it', atLeast: 60, status: 'fail' },
] as const)('gate $why: $status', async ({ atLeast, status }) => {
  const body = `${ONE_CALL}duration: 4s\narrivals: {kind: constant, rate: 10/s}\n${NO_ERRORS}`;
  const report = await searchVirtually(body, {
    target: () => perSecond(20),
    atLeast,
    search: { start: atLeast },
  });
  expect(report.gate).toEqual({ atLeast, status });
});

test('a gate that no trial reached is open, not passed', async () => {
  const body = `${ONE_CALL}duration: 4s\narrivals: {kind: constant, rate: 10/s}\n${NO_ERRORS}`;
  const report = await searchVirtually(body, {
    target: () => perSecond(20),
    atLeast: 100,
    search: { maxTrials: 1 },
  });
  expect(report.gate).toEqual({ atLeast: 100, status: 'inconclusive' });
});

test.for([
  {
    why: 'between the load that held and the one that broke',
    start: 10,
    atLeast: 15,
    limit: 17,
    maxTrials: 3,
    status: 'found',
  },
  {
    why: 'below every load that broke',
    start: 80,
    atLeast: 10,
    limit: 5,
    maxTrials: 2,
    status: 'none',
  },
] as const)('a gate $why is open: nothing was run there', async (gate) => {
  const { atLeast, limit, maxTrials, start, status } = gate;
  const body = `${ONE_CALL}duration: 4s\narrivals: {kind: constant, rate: 10/s}\n${NO_ERRORS}`;
  const report = await searchVirtually(body, {
    target: () => perSecond(limit),
    atLeast,
    search: { start, maxTrials },
  });
  expect(report.trials).toHaveLength(maxTrials);
  expect(report).toMatchObject({ status, gate: { atLeast, status: 'inconclusive' } });
});

describe('a trial that leans', () => {
  const body = `${ONE_CALL}duration: 6s\narrivals: {kind: constant, rate: 2/s}\n`;
  const place = { number: 1, load: 2, folder: '', seed: '', startsForMs: 6000 };

  test.for([
    { why: 'figures', completed: 12, n: 12, leans: 'held' },
    { why: 'a count of nothing', completed: 12, n: 0, leans: null },
    { why: 'no call that was answered', completed: 0, n: 12, leans: null },
  ] as const)('$why: $leans', async ({ completed, leans, n }) => {
    const limits = "thresholds: [{metric: error_rate, expr: 'rate < 1%'}]\n";
    const { summary } = await runVirtual(scenarioOf(`${body}${limits}`));
    const { counters, thresholds } = summary;
    const trial = judgeTrial(
      {
        ...summary,
        verdict: { ...summary.verdict, status: 'inconclusive' },
        thresholds: thresholds.map((each) => ({ ...each, n })),
        counters: { ...counters, calls: { ...counters.calls, completed } },
      },
      { ...place, step: 'first' },
    );
    expect(trial).toMatchObject({ outcome: 'open', leans });
  });

  test('is not said to have held', async () => {
    const report = await searchVirtually(`${body}${NO_ERRORS}`, {
      target: () => perSecond(3),
      search: { maxTrials: 3 },
    });
    expect(renderCapacityText(report)).toContain('interval: 2 sessions/s held in');
    const trials = report.trials.map((trial) => ({
      ...trial,
      outcome: 'open' as const,
      leans: 'held' as const,
    }));
    expect(renderCapacityText({ ...report, trials })).toContain(
      'interval: 2 sessions/s leaned to held in',
    );
  });
});

test('a 429 in a trial shorter than a minute limit says that burst may hide it', async () => {
  const body = `${ONE_CALL}duration: 4s\narrivals: {kind: constant, rate: 10/s}\n${NO_ERRORS}`;
  const report = await searchVirtually(body, { target: () => perSecond(20) });
  expect(report.notes.join()).toContain('a limit that counts by the minute lends its burst');
});

describe('a scenario at another load', () => {
  const dial = (arrivals: string, rest = 'sessions: 40\n') => ({
    ...scenarioOf(`arrivals: ${arrivals}\n${rest}`),
    file: 'test.yaml',
  });
  const trial = { length: 1, seed: 's', thresholds: [] };

  test.for([
    {
      why: 'a rate',
      arrivals: '{kind: gamma, rate: 60/min, cv: 2}',
      base: 1,
      text: '1 sessions/s',
    },
    {
      why: 'bursts',
      arrivals: '{kind: burst, size: 3, every: 6s}',
      base: 0.5,
      text: '30 sessions/min',
    },
    { why: 'users', arrivals: '{kind: users, users: 7}', base: 7, text: '7 users' },
  ])('$why', ({ arrivals, base, text }) => {
    const { base: found, unit } = loadDial(dial(arrivals));
    expect(found).toBe(base);
    expect(loadText(found, unit)).toBe(text);
  });

  test('the number of sessions grows with it, so that a trial lasts as long', () => {
    const scenario = dial('{kind: constant, rate: 2/s}');
    expect(scenarioAt(scenario, { ...trial, load: 6 })).toMatchObject({
      sessions: 120,
      arrivals: { rate: 6 },
      seed: 's',
    });
    expect(scenarioAt(scenario, { ...trial, load: 6, length: 2 }).sessions).toBe(240);
  });

  test('a duration of its own takes the place of the sessions, unless a budget needs them', () => {
    const scenario = dial('{kind: constant, rate: 2/s}');
    const timed = scenarioAt(scenario, { ...trial, load: 4, durationMs: 5000 });
    expect(timed).toMatchObject({ duration: 5000 });
    expect(timed.sessions).toBeUndefined();
    const budget = { total: 1, perMillionInput: 1, perMillionOutput: 1 };
    const paid = scenarioAt({ ...scenario, budget }, { ...trial, load: 4, durationMs: 5000 });
    expect(paid.sessions).toBe(20);
  });

  test.for([
    { why: 'a ramp', arrivals: '{kind: ramp, from: 1/s, to: 2/s, over: 9s}' },
    { why: 'a replay', arrivals: '{kind: replay, at: [1s]}' },
  ])('$why has no single load', ({ arrivals }) => {
    expect(() => loadDial(dial(arrivals))).toThrow(/no single load/);
  });

  test.for([
    { why: 'a time', metric: 'ttft', expr: 'p95 < 2s', limits: true },
    { why: 'a share', metric: 'error_rate', expr: 'rate < 1%', limits: true },
    { why: 'no failures', metric: 'error_rate', expr: 'count == 0', limits: true },
    { why: 'few retries', metric: 'retries', expr: 'count < 5', limits: true },
    { why: 'a number of sessions', metric: 'sessions', expr: 'count == 200', limits: false },
    { why: 'a throughput', metric: 'calls', expr: 'rate >= 10/s', limits: false },
    { why: 'a sample size', metric: 'ttft', expr: 'count > 100', limits: false },
  ])('$why: limits the load $limits', ({ expr, limits, metric }) => {
    const { thresholds } = scenarioOf(
      `sessions: 1\narrivals: {kind: users, users: 1}\nthresholds: [{metric: ${metric}, expr: '${expr}'}]\n`,
    );
    expect(limitsLoad(thresholds[0]!)).toBe(limits);
  });
});
