import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { FixedWindow, SlidingWindow } from '../../src/mechanisms/windows.ts';

describe('FixedWindow', () => {
  test.for([
    { why: 'fits', used: 3, ask: 7, atMs: 100, waitMs: 0 },
    { why: 'one too many waits for the next window', used: 4, ask: 7, atMs: 100, waitMs: 900 },
    { why: 'the next window is empty again', used: 10, ask: 10, atMs: 1000, waitMs: 0 },
    { why: 'larger than the limit: never', used: 0, ask: 11, atMs: 0, waitMs: Infinity },
  ])('$why', ({ used, ask, atMs, waitMs }) => {
    const window = new FixedWindow({ limit: 10, windowMs: 1000 });
    window.force(50, used);
    expect(window.take(atMs, ask)).toEqual(
      waitMs === 0 ? { admitted: true } : { admitted: false, waitMs },
    );
  });

  test('windows begin at the given start, before and after it', () => {
    const window = new FixedWindow({ limit: 1, windowMs: 1000, startMs: 300 });
    expect(window.take(200, 1).admitted).toBe(true);
    expect(window.take(299, 1)).toEqual({ admitted: false, waitMs: 1 });
    expect(window.take(300, 1).admitted).toBe(true);
  });

  test('a refund counts only in the window of its debit', () => {
    const window = new FixedWindow({ limit: 10, windowMs: 1000 });
    window.force(100, 8);
    window.force(1100, 8);
    window.give(1200, 8, 100);
    expect(window.used(1200)).toBe(8);
    window.give(1200, 3, 1100);
    expect(window.used(1200)).toBe(5);
    expect(window.resetMs(1200)).toBe(800);
  });

  test('the next window begins where it was told to, whatever the rounding of the readings', () => {
    let refusedTwice = 0;
    for (let origin = 0; origin < 5000; origin += 1) {
      const window = new FixedWindow({ limit: 1, windowMs: 1000 / 7 });
      const nowMs = 1_763_600_000_000 + origin * 17.3;
      window.force(nowMs, 1);
      const refusal = window.take(nowMs, 1);
      const told = refusal.admitted ? 0 : refusal.waitMs;
      if (!window.take(nowMs + told, 1).admitted) refusedTwice += 1;
    }
    expect(refusedTwice).toBe(0);
  });

  test('twice the limit can pass around a boundary: the known weakness is reproduced', () => {
    const window = new FixedWindow({ limit: 10, windowMs: 1000 });
    expect(window.take(999, 10).admitted).toBe(true);
    expect(window.take(1000, 10).admitted).toBe(true);
  });
});

describe('SlidingWindow', () => {
  test('an entry leaves exactly one window after it came', () => {
    const window = new SlidingWindow({ limit: 10, windowMs: 1000 });
    window.force(0, 6);
    window.force(400, 4);
    expect(window.take(500, 1)).toEqual({ admitted: false, waitMs: 500 });
    expect(window.take(999, 6)).toEqual({ admitted: false, waitMs: 1 });
    expect(window.take(1000, 6).admitted).toBe(true);
    expect(window.take(1000, 1)).toEqual({ admitted: false, waitMs: 400 });
  });

  test('the wait reaches as many entries back as the amount needs', () => {
    const window = new SlidingWindow({ limit: 10, windowMs: 1000 });
    for (let ms = 0; ms < 1000; ms += 100) window.force(ms, 1);
    expect(window.take(950, 3)).toEqual({ admitted: false, waitMs: 250 });
    expect(window.take(950, 11)).toEqual({ admitted: false, waitMs: Infinity });
  });

  test('a refund takes back what its debit still weighs', () => {
    const window = new SlidingWindow({ limit: 10, windowMs: 1000 });
    window.force(0, 4);
    window.force(500, 4);
    window.give(600, 9, 500);
    expect(window.used(600)).toBe(4);
    window.give(1100, 4, 0);
    expect(window.used(1100)).toBe(0);
  });

  test('slices bound the memory and err to the strict side', () => {
    const exact = new SlidingWindow({ limit: 1e9, windowMs: 60_000 });
    const sliced = new SlidingWindow({ limit: 1e9, windowMs: 60_000, sliceMs: 1000 });
    for (let ms = 0; ms < 180_000; ms += 7) {
      exact.force(ms, 1);
      sliced.force(ms, 1);
      const difference = sliced.used(ms) - exact.used(ms);
      expect(difference).toBeGreaterThanOrEqual(0);
      expect(difference).toBeLessThanOrEqual(1000 / 7 + 1);
    }
  });
});

const steps = fc.array(
  fc.record({
    gapMs: fc.double({ min: 0, max: 400, noNaN: true }),
    ask: fc.integer({ min: 0, max: 12 }),
  }),
  { maxLength: 150 },
);

test('no window of the sliding kind ever holds more than the limit', () => {
  fc.assert(
    fc.property(steps, fc.constantFrom(0, 50), (calls, sliceMs) => {
      const window = new SlidingWindow({ limit: 10, windowMs: 1000, sliceMs });
      const admitted: { atMs: number; amount: number }[] = [];
      let nowMs = 0;
      for (const { gapMs, ask } of calls) {
        nowMs += gapMs;
        if (window.take(nowMs, ask).admitted) admitted.push({ atMs: nowMs, amount: ask });
        let sum = 0;
        for (const { atMs, amount } of admitted) if (atMs > nowMs - 999) sum += amount;
        if (sum > 10) return false;
      }
      return true;
    }),
  );
});

test('no fixed window ever holds more than the limit', () => {
  fc.assert(
    fc.property(steps, (calls) => {
      const window = new FixedWindow({ limit: 10, windowMs: 1000 });
      const sums = new Map<number, number>();
      let nowMs = 0;
      for (const { gapMs, ask } of calls) {
        nowMs += gapMs;
        if (!window.take(nowMs, ask).admitted) continue;
        const index = Math.floor((nowMs + 0.001) / 1000);
        sums.set(index, (sums.get(index) ?? 0) + ask);
      }
      return [...sums.values()].every((sum) => sum <= 10);
    }),
  );
});

test('whoever waits as long as it was told is admitted when nobody else comes', () => {
  const kinds = [
    () => new FixedWindow({ limit: 10, windowMs: 1000 / 3 }),
    () => new SlidingWindow({ limit: 10, windowMs: 1000 / 3 }),
    () => new SlidingWindow({ limit: 10, windowMs: 1000, sliceMs: 100 }),
  ];
  fc.assert(
    fc.property(
      steps,
      fc.constantFrom(...kinds),
      fc.constantFrom(0, 1.7e12),
      (calls, make, originMs) => {
        const window = make();
        let nowMs = originMs;
        for (const { gapMs, ask } of calls) {
          nowMs += gapMs;
          const admission = window.take(nowMs, Math.min(ask, 10));
          if (admission.admitted) continue;
          nowMs += admission.waitMs;
          if (!window.take(nowMs, Math.min(ask, 10)).admitted) return false;
        }
        return true;
      },
    ),
  );
});
