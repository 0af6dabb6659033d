import { describe, expect, test } from 'vitest';

import { limitPools } from '../../src/capacity/limits.ts';
import type { Limits } from '../../src/capacity/limit.ts';
import type { PlanInput } from '../../src/capacity/plan-input.ts';
import { simulateQueue } from '../../src/capacity/queueing.ts';
import type { QueueOptions, Waits } from '../../src/capacity/queueing.ts';
import { simulateRejections } from '../../src/capacity/rejections.ts';
import { planOf, routeOf, trafficOf } from './example-plan.ts';

/** One call per turn of `callMs`, so many turns a minute. */
function calls(turnsPerMinute: number, limits: Limits, callMs = 1000): PlanInput {
  return planOf({
    traffic: trafficOf({ callsPerTurn: 1, callMs }),
    volume: { ...planOf().volume, turnsPerMinute },
    routes: [routeOf({ limits })],
  });
}

const queue = (
  input: PlanInput,
  at: Parameters<typeof simulateQueue>[2] = { scale: 1 },
  options?: QueueOptions,
): Waits | null | undefined => simulateQueue(input, limitPools(input)[0]!, at, options);

describe('a client that waits instead of being refused', () => {
  test.for([
    { load: 0.5, why: 'half busy: D/2' },
    { load: 0.8, why: 'four fifths busy: 2 D' },
  ])('one call in flight is an M/D/1 queue: ρD/2(1-ρ) at ρ = $load, $why', ({ load }) => {
    const waits = queue(calls(60 * load, { concurrency: 1 }))!;
    const expected = (load * 1000) / (2 * (1 - load));
    // 95 % intervals fail one time in twenty; three half widths do not.
    const half = waits.meanMs.high - waits.meanMs.value;
    expect(Math.abs(waits.meanMs.value - expected)).toBeLessThan(1.5 * half);
    expect(half).toBeLessThan(0.25 * expected);
    // An arrival waits when it meets the server busy (arrivals see time averages).
    expect(waits.waiting.value).toBeCloseTo(load, 1);
    expect(waits.p95Ms.value).toBeGreaterThan(waits.meanMs.value);
  });

  test('a bucket of a minute at half its rate never makes anybody wait', () => {
    expect(queue(calls(500, { rpm: 1000 }))).toMatchObject({
      waiting: { value: 0 },
      meanMs: { value: 0 },
      p95Ms: { value: 0 },
    });
  });

  test('at more than the limit grants the queue has no end', () => {
    expect(queue(calls(1000, { rpm: 1000 }))).toBeNull();
    expect(queue(calls(400, { rpm: 1000 }), { scale: 3 })).toBeNull();
  });

  test('without a limit of minutes there is nothing to wait for', () => {
    expect(queue(calls(500, { rpd: 10 }))).toBeUndefined();
  });

  test('what a window of one second refuses, the queue serves within seconds', () => {
    const input = calls(900, { rpm: 1000 });
    const waits = queue(input, { scale: 1, enforcement: 'pessimistic' }, { replications: 4 })!;
    const pool = limitPools(input)[0]!;
    const refused = simulateRejections(input, pool, 1, { retry: 'none', replications: 4 })!;
    expect(refused.pessimistic.firstAttempt.value).toBeGreaterThan(0.03);
    expect(waits.waiting.value).toBeGreaterThan(refused.pessimistic.firstAttempt.value);
    expect(waits.p95Ms.value).toBeGreaterThan(0);
    expect(waits.p95Ms.value).toBeLessThan(5000);
  });

  test('waiting moves what follows: a turn of two calls never has both in flight', () => {
    const traffic = trafficOf({ callsPerTurn: 2, callMs: 1000 });
    const volume = { ...planOf().volume, turnsPerMinute: 24 };
    const routes = [routeOf({ limits: { concurrency: 1 } })];
    const waits = queue(planOf({ traffic, volume, routes }))!;
    expect(waits.waiting.value).toBeLessThan(1);
    expect(waits.meanMs.value).toBeGreaterThan(0);
  });
});
