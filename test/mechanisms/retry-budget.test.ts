import fc from 'fast-check';
import { expect, test } from 'vitest';

import { RetryBudget } from '../../src/mechanisms/retry-budget.ts';
import { SliceCounter } from '../../src/mechanisms/slice-counter.ts';

test('ten first attempts buy one retry at a share of 0.1', () => {
  const budget = new RetryBudget({ share: 0.1 });
  for (let index = 0; index < 9; index += 1) budget.noteFirstAttempt(0);
  expect(budget.takeRetry(0)).toBe(false);
  budget.noteFirstAttempt(0);
  expect(budget.takeRetry(0)).toBe(true);
  expect(budget.takeRetry(0)).toBe(false);
});

test('a quiet client may retry at its minimum rate', () => {
  const budget = new RetryBudget({ share: 0, minimumPerSecond: 0.2, windowMs: 10_000 });
  expect([1, 2, 3].map(() => budget.takeRetry(0))).toEqual([true, true, false]);
  expect(budget.takeRetry(11_000)).toBe(true);
});

test('property: retries never exceed the share of the first attempts plus the minimum', () => {
  const step = fc.record({ gapMs: fc.integer({ min: 0, max: 500 }), fails: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 300 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (steps, share) => {
        // One window over the whole run, worth 3 retries by itself: the bound holds exactly.
        const budget = new RetryBudget({ share, minimumPerSecond: 3e-6, windowMs: 1e9 });
        let nowMs = 0;
        let firsts = 0;
        let retries = 0;
        for (const { gapMs, fails } of steps) {
          nowMs += gapMs;
          budget.noteFirstAttempt(nowMs);
          firsts += 1;
          if (fails && budget.takeRetry(nowMs)) retries += 1;
        }
        return retries <= share * firsts + 3 + 1e-6;
      },
    ),
  );
});

test('an outage costs 1 + share, not 1 + retries', () => {
  const budget = new RetryBudget({ share: 0.1 });
  let sent = 0;
  for (let call = 0; call < 10_000; call += 1) {
    const nowMs = call * 10;
    budget.noteFirstAttempt(nowMs);
    sent += 1;
    for (let retry = 0; retry < 2; retry += 1) if (budget.takeRetry(nowMs)) sent += 1;
  }
  expect(sent / 10_000).toBeGreaterThan(1.09);
  expect(sent / 10_000).toBeLessThan(1.11);
});

test('property: the slice counter lies between the exact count of its shortest and longest window', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 100 }), (gaps) => {
      const counter = new SliceCounter(1000, 10);
      const times: number[] = [];
      let nowMs = 0;
      for (const gapMs of gaps) {
        nowMs += gapMs;
        counter.add(nowMs);
        times.push(nowMs);
        const within = (ms: number): number => times.filter((atMs) => atMs > nowMs - ms).length;
        const sum = counter.sum(nowMs);
        if (sum < within(900) || sum > within(1000)) return false;
      }
      return true;
    }),
  );
});
