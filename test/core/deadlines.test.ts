import fc from 'fast-check';
import { expect, test } from 'vitest';

import { VirtualClock } from '../../src/core/clock.ts';
import type { CancelTimer, Clock } from '../../src/core/clock.ts';
import { Deadlines } from '../../src/core/deadlines.ts';
import type { Deadline } from '../../src/core/deadlines.ts';

const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Counts the timers that wait on a clock. */
class CountingClock implements Clock {
  readonly #inner: Clock;
  waiting = 0;

  constructor(inner: Clock) {
    this.#inner = inner;
  }

  now(): number {
    return this.#inner.now();
  }

  at(atMs: number, action: () => void): CancelTimer {
    this.waiting += 1;
    const cancel = this.#inner.at(atMs, () => {
      this.waiting -= 1;
      action();
    });
    return () => {
      this.waiting -= 1;
      cancel();
    };
  }
}

test('each deadline fires at its own time, on one timer of the clock', async () => {
  const virtual = new VirtualClock(settle);
  const clock = new CountingClock(virtual);
  const deadlines = new Deadlines(clock, 100);
  const fired: [string, number][] = [];
  for (const [at, name] of [
    [0, 'a'],
    [10, 'b'],
    [25, 'c'],
  ] as const) {
    virtual.at(at, () => {
      deadlines.start(clock.now(), () => fired.push([name, clock.now()]));
      expect(clock.waiting).toBe(1);
    });
  }
  await virtual.run();
  expect(fired).toEqual([
    ['a', 100],
    ['b', 110],
    ['c', 125],
  ]);
  expect(clock.waiting).toBe(0);
});

test('any mix of starts, late starts and cancellations fires what a timer each would', async () => {
  const step = fc.record({
    atMs: fc.nat(500),
    backMs: fc.nat(40),
    cancelAfterMs: fc.option(fc.nat(200), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const clock = new VirtualClock(settle);
      const deadlines = new Deadlines(clock, 100);
      const fired: { index: number; atMs: number }[] = [];
      const expected: { index: number; atMs: number }[] = [];
      for (const [index, { atMs, backMs, cancelAfterMs }] of steps.entries()) {
        const dueMs = atMs + 100 - backMs;
        let deadline: Deadline | undefined;
        clock.at(atMs, () => {
          deadline = deadlines.start(atMs - backMs, () => fired.push({ index, atMs: clock.now() }));
        });
        if (cancelAfterMs !== undefined) {
          clock.at(atMs + cancelAfterMs + 0.5, () => deadlines.cancel(deadline!));
        }
        if (cancelAfterMs === undefined || atMs + cancelAfterMs + 0.5 > dueMs) {
          expected.push({ index, atMs: dueMs });
        }
      }
      await clock.run();
      const order = (
        a: { index: number; atMs: number },
        b: { index: number; atMs: number },
      ): number => a.atMs - b.atMs || a.index - b.index;
      expect(fired.toSorted(order)).toEqual(expected.toSorted(order));
    }),
    { numRuns: 60 },
  );
});

test('after close nothing fires and no timer holds the process', async () => {
  const virtual = new VirtualClock(settle);
  const clock = new CountingClock(virtual);
  const deadlines = new Deadlines(clock, 100);
  let fired = 0;
  deadlines.start(0, () => (fired += 1));
  deadlines.close();
  deadlines.start(0, () => (fired += 1));
  expect(clock.waiting).toBe(0);
  await virtual.run();
  expect(fired).toBe(0);
});
