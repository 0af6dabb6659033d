import { describe, expect, test } from 'vitest';

import {
  compoundPeak,
  fixedWindowRejections,
  overload,
  strictSpacingRejections,
} from '../../src/capacity/closed-forms.ts';
import { limitPools } from '../../src/capacity/limits.ts';
import type { PlanInput } from '../../src/capacity/plan-input.ts';
import { simulateRejections } from '../../src/capacity/rejections.ts';
import type { Rejections } from '../../src/capacity/rejections.ts';
import { freeGraph } from '../../src/capacity/session-graph.ts';
import { trafficMeans } from '../../src/capacity/traffic.ts';
import { erlangB } from '../../src/core/statistics.ts';
import { planOf, routeOf, trafficOf } from './example-plan.ts';

/** Published table (providers reference §7.2), percent of calls rejected by a fixed window. */
const table = [
  { rpm: 60, seconds: 1, fanOut: 1, at: { 0.5: 21, 0.8: 31, 1: 37 }, why: 'one per second' },
  { rpm: 60, seconds: 1, fanOut: 5, at: { 0.5: 81, 1: 82 }, why: 'five at once into one' },
  { rpm: 60, seconds: 60, fanOut: 5, at: { 0.6: 0.85, 0.9: 7.5 }, why: 'a small minute' },
  { rpm: 1000, seconds: 1, fanOut: 1, at: { 0.7: 0.98, 0.9: 5.1, 1: 8.8 }, why: '17 per second' },
  { rpm: 1000, seconds: 1, fanOut: 10, at: { 0.5: 15, 1: 30 }, why: 'fan-out of ten' },
  { rpm: 1000, seconds: 10, fanOut: 5, at: { 0.8: 1, 1: 6.8 }, why: 'Azure, ten seconds' },
  { rpm: 10_000, seconds: 1, fanOut: 5, at: { 0.9: 3.1, 1: 6.8 }, why: 'a large limit' },
];

describe('closed forms', () => {
  test.for(
    table.flatMap((row) =>
      Object.entries(row.at).map(([load, percent]) => ({ ...row, load: Number(load), percent })),
    ),
  )(
    '$rpm RPM over $seconds s, fan-out $fanOut, load $load: $percent %',
    ({ rpm, seconds, fanOut, load, percent }) => {
      const share = fixedWindowRejections({
        requestsPerMinute: rpm,
        windowSeconds: seconds,
        load,
        fanOut,
      });
      // The table is printed to two digits.
      expect(Number((share * 100).toPrecision(2))).toBeCloseTo(percent, 5);
    },
  );

  test('strict spacing at half load rejects a third', () => {
    expect(strictSpacingRejections(0.5)).toBeCloseTo(1 / 3, 12);
  });

  test('n = 100, c = 2: the 99th percentile minute is 1.52 times the mean', () => {
    const peak = compoundPeak({
      callsPerMinute: 100,
      meanSize: 1,
      variation: 2,
      fanOut: 1,
      z: 2.33,
    });
    expect(peak / 100).toBeCloseTo(1.52, 2);
  });
});

/** Clients are told nothing, as in the published tables and the closed forms. */
function simulate(input: PlanInput, retry: 'none' | 'python' = 'none', calls = 20_000): Rejections {
  return simulateRejections(input, limitPools(input)[0]!, 1, { retry, calls, hints: 'none' })!;
}

function at(load: number, rpm: number, fanOut: number): PlanInput {
  return planOf({
    traffic: trafficOf({ callsPerTurn: fanOut, fanOut, callMs: 100 }),
    volume: { ...planOf().volume, turnsPerMinute: (load * rpm) / fanOut },
    routes: [routeOf({ limits: { rpm } })],
  });
}

describe('simulation against closed forms', () => {
  test.for([
    { load: 0.5, rpm: 1000, fanOut: 5 },
    { load: 0.7, rpm: 1000, fanOut: 1 },
    { load: 0.9, rpm: 1000, fanOut: 1 },
    { load: 0.9, rpm: 600, fanOut: 8 },
  ])('one-second window: load $load of $rpm RPM, fan-out $fanOut', ({ load, rpm, fanOut }) => {
    const { firstAttempt } = simulate(at(load, rpm, fanOut)).pessimistic;
    const exact = fixedWindowRejections({ requestsPerMinute: rpm, windowSeconds: 1, load, fanOut });
    const half = (firstAttempt.high - firstAttempt.low) / 2;
    // Within the 95 % interval of the replications, doubled: four cases share one chance to miss.
    expect(Math.abs(firstAttempt.value - exact)).toBeLessThan(2 * half + 1e-6);
    expect(half).toBeLessThan(0.15 * exact + 0.003);
  });

  test('a bucket of a whole minute rejects nothing below its rate, whatever the average hides per second', () => {
    const { documented, pessimistic } = simulate(at(0.7, 1000, 5));
    expect(documented.firstAttempt.value).toBe(0);
    expect(documented.attempts.value).toBe(1);
    expect(pessimistic.firstAttempt.value).toBeGreaterThan(0.09);
  });

  test.for([
    { why: 'a simulation of many minutes', rpm: 1000 },
    { why: 'a load so large that one minute is simulated', rpm: 100_000 },
  ])('overload: the bucket passes its rate, so 1 - 1/load is rejected: $why', ({ rpm }) => {
    const { documented } = simulate(at(1.5, rpm, 1), 'none');
    // No credit is left of a minute's bucket that has been asked for too much all along.
    expect(Math.abs(documented.firstAttempt.value - (1 - 1 / 1.5))).toBeLessThan(0.01);
  });
});

describe('calls in flight against Erlang loss', () => {
  const tokens = { input: 1000, output: 300, cachedShare: 0, variation: 1 };
  const cases = [
    { why: 'calls of one length', erlangs: 10, servers: 10, traffic: trafficOf({ callMs: 6000 }) },
    { why: 'a small pool', erlangs: 3, servers: 5, traffic: trafficOf({ callMs: 2000 }) },
    {
      why: 'calls of every length: only their mean matters',
      erlangs: 18,
      servers: 20,
      traffic: trafficOf({ callMs: undefined, tokens }),
    },
  ];

  test.for(cases)('$why: $erlangs erlangs, $servers places', ({ erlangs, servers, traffic }) => {
    // Each call a session of its own, so that arrivals are Poisson.
    const alone = {
      ...traffic,
      sessions: traffic.sessions.flatMap(({ calls }) =>
        calls.map((call) => ({
          turns: 1,
          busyMs: call.durationMs,
          turnMs: [call.durationMs],
          calls: [{ ...call, offsetMs: 0 }],
          graph: freeGraph([0]),
        })),
      ),
    };
    const seconds = trafficMeans(alone).callSeconds;
    const input = planOf({
      traffic: alone,
      volume: { ...planOf().volume, turnsPerMinute: (erlangs / seconds) * 60 },
      routes: [routeOf({ limits: { concurrency: servers } })],
    });
    const { firstAttempt } = simulate(input).documented;
    const expected = erlangB(servers, erlangs);
    const half = firstAttempt.high - firstAttempt.value;
    // Three cases share one chance in twenty: 98.3 % each, 1.31 times the 95 % t-interval of ten.
    expect(Math.abs(firstAttempt.value - expected)).toBeLessThan(1.31 * half);
    expect(half).toBeLessThan(0.2 * expected);
  });
});

describe('retries', () => {
  test.for([
    { load: 0.9, first: 11, failed: 0.46, attempts: 1.11 },
    { load: 1, first: 25, failed: 2.9, attempts: 1.29 },
  ])(
    'two SDK retries over one-second windows at load $load',
    ({ load, first, failed, attempts }) => {
      const { pessimistic } = simulate(at(load, 1000, 1), 'python', 40_000);
      // Published simulation (providers reference §7.3) uses 0.5·2^n s with jitter as the SDKs do.
      expect(pessimistic.firstAttempt.value * 100).toBeGreaterThan(first * 0.8);
      expect(pessimistic.firstAttempt.value * 100).toBeLessThan(first * 1.2);
      expect(pessimistic.failed.value * 100).toBeGreaterThan(failed * 0.6);
      expect(pessimistic.failed.value * 100).toBeLessThan(failed * 1.5);
      expect(pessimistic.attempts.value).toBeGreaterThan(attempts - 0.05);
      expect(pessimistic.attempts.value).toBeLessThan(attempts + 0.06);
    },
  );

  test.for([1.5, 1.95, 4])('the overload formula agrees with the simulation at load %s', (load) => {
    const { documented, pessimistic } = simulate(at(load, 1000, 1), 'python');
    const known = overload(load, 2);
    for (const part of ['firstAttempt', 'failed', 'attempts'] as const) {
      expect(Math.abs(pessimistic[part].value / known[part] - 1)).toBeLessThan(0.05);
      expect(Math.abs(documented[part].value / known[part] - 1)).toBeLessThan(0.05);
    }
  });

  test('large loads are simulated smaller, and still reject nothing that fits', () => {
    const { documented, pessimistic } = simulate(at(0.9, 1_000_000, 4), 'python');
    expect(documented.firstAttempt.value).toBe(0);
    expect(pessimistic.firstAttempt.value).toBeGreaterThan(0);
    expect(pessimistic.firstAttempt.value).toBeLessThan(0.05);
  });

  test('no short-term limits: nothing to say', () => {
    const input = planOf({ routes: [routeOf({ limits: { rpd: 5 } })] });
    expect(simulateRejections(input, limitPools(input)[0]!, 1, { retry: 'none' })).toBeUndefined();
  });
});
