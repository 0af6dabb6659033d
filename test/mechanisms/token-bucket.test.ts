import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { TokenBucket } from '../../src/mechanisms/token-bucket.ts';

const perMinute = (limit: number): TokenBucket =>
  new TokenBucket({ capacity: limit, refillPerSecond: limit / 60 }, 0);

test.for([
  { why: 'full bucket: the burst passes at once', level: 10, ask: 10, waitMs: 0 },
  { why: 'one short: waits for exactly one refill', level: 9, ask: 10, waitMs: 100 },
  { why: 'larger than the bucket: never', level: 10, ask: 11, waitMs: Infinity },
  { why: 'nothing asked of an empty bucket passes', level: 0, ask: 0, waitMs: 0 },
  {
    why: 'nothing asked while in debt waits until the debt is paid',
    level: -2,
    ask: 0,
    waitMs: 200,
  },
])('$why', ({ level, ask, waitMs }) => {
  const bucket = new TokenBucket({ capacity: 10, refillPerSecond: 10, level }, 0);
  const admission = bucket.take(0, ask);
  expect(admission).toEqual(waitMs === 0 ? { admitted: true } : { admitted: false, waitMs });
});

// The public 429 bodies: (Used + Requested − Limit) × 60 / Limit.
test.for([
  { why: 'MetaGPT#523', limit: 10_000, used: 8554, requested: 3082, seconds: 9.816 },
  { why: 'codel#72', limit: 30_000, used: 14_567, requested: 24_754, seconds: 18.642 },
  { why: 'BuilderIO/micro-agent#86', limit: 30_000, used: 29_937, requested: 385, seconds: 0.644 },
  {
    why: 'continuedev/continue#11472',
    limit: 30_000,
    used: 18_928,
    requested: 11_159,
    seconds: 0.174,
  },
  { why: 'RPM body', limit: 3, used: 3, requested: 1, seconds: 20 },
])('reproduces the wait of $why', ({ limit, used, requested, seconds }) => {
  const bucket = perMinute(limit);
  bucket.force(0, used);
  const admission = bucket.take(0, requested);
  expect(admission.admitted ? 0 : Math.round(admission.waitMs)).toBe(seconds * 1000);
});

test('a header dump: 1 of 5,000 RPM used resets in 12 ms', () => {
  const bucket = perMinute(5000);
  bucket.take(0, 1);
  expect(bucket.resetMs(0)).toBeCloseTo(12, 9);
});

test('a refusal changes nothing but refill', () => {
  const bucket = new TokenBucket({ capacity: 10, refillPerSecond: 1, level: 3 }, 0);
  for (let index = 0; index < 100; index += 1) bucket.take(0, 4);
  expect(bucket.level(0)).toBe(3);
});

test('fractions of refill are kept over many small steps', () => {
  const bucket = new TokenBucket({ capacity: 10, refillPerSecond: 1, level: 0 }, 0);
  for (let ms = 1; ms <= 5000; ms += 1) bucket.level(ms);
  expect(bucket.level(5000)).toBeCloseTo(5, 9);
});

test('debt from settlement is paid by refill, not forgiven', () => {
  const bucket = new TokenBucket({ capacity: 10, refillPerSecond: 1 }, 0);
  bucket.force(0, 25);
  expect(bucket.level(0)).toBe(-15);
  expect(bucket.take(0, 1)).toEqual({ admitted: false, waitMs: 16_000 });
});

test('a debt cap bounds the debt', () => {
  const bucket = new TokenBucket({ capacity: 10, refillPerSecond: 1, debtCap: 5 }, 0);
  bucket.force(0, 25);
  expect(bucket.level(0)).toBe(-5);
  bucket.force(0, 25);
  expect(bucket.level(0)).toBe(-5);
});

test('an older reading of the clock refills nothing', () => {
  const bucket = new TokenBucket({ capacity: 10, refillPerSecond: 1, level: 0 }, 5000);
  expect(bucket.level(1000)).toBe(0);
  expect(bucket.level(6000)).toBe(1);
});

test('a mirror takes the lower of its level and the header', () => {
  const bucket = new TokenBucket({ capacity: 10, refillPerSecond: 0 }, 0);
  bucket.lowerTo(0, 4);
  bucket.lowerTo(0, 7);
  expect(bucket.level(0)).toBe(4);
});

test('rejects impossible options', () => {
  expect(() => new TokenBucket({ capacity: -1, refillPerSecond: 1 }, 0)).toThrow(RangeError);
  expect(() => new TokenBucket({ capacity: 1, refillPerSecond: Number.NaN }, 0)).toThrow(
    RangeError,
  );
});

const steps = fc.array(
  fc.record({
    gapMs: fc.double({ min: 0, max: 3000, noNaN: true }),
    ask: fc.integer({ min: 0, max: 40 }),
  }),
  { maxLength: 200 },
);

describe('properties', () => {
  test('never above the envelope capacity + rate × time, over any interval', () => {
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 0, max: 50 }),
        (calls, capacity, rate) => {
          const bucket = new TokenBucket({ capacity, refillPerSecond: rate }, 0);
          const admitted: { atMs: number; amount: number }[] = [];
          let nowMs = 0;
          for (const { gapMs, ask } of calls) {
            nowMs += gapMs;
            if (bucket.take(nowMs, ask).admitted) admitted.push({ atMs: nowMs, amount: ask });
          }
          for (let from = 0; from < admitted.length; from += 1) {
            let sum = 0;
            for (const { atMs, amount } of admitted.slice(from)) {
              sum += amount;
              const seconds = (atMs - admitted[from]!.atMs) / 1000;
              if (sum > capacity + rate * seconds + 1e-3) return false;
            }
          }
          return true;
        },
      ),
    );
  });

  test('agrees with an exact reference model in integer micro-units', () => {
    const integerSteps = fc.array(
      fc.record({ gapMs: fc.integer({ min: 0, max: 500 }), ask: fc.integer({ min: 0, max: 20 }) }),
    );
    fc.assert(
      fc.property(
        integerSteps,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        (calls, capacity, rate) => {
          const bucket = new TokenBucket({ capacity, refillPerSecond: rate }, 0);
          // 1 token = 1000 units; `rate` tokens per second = `rate` units per ms: all integers.
          let units = capacity * 1000;
          let nowMs = 0;
          for (const { gapMs, ask } of calls) {
            nowMs += gapMs;
            units = Math.min(capacity * 1000, units + gapMs * rate);
            const fits = ask * 1000 <= units;
            if (fits) units -= ask * 1000;
            if (bucket.take(nowMs, ask).admitted !== fits) return false;
          }
          return Math.abs(bucket.level(nowMs) * 1000 - units) < 1e-3;
        },
      ),
    );
  });

  test('whoever waits as long as it was told is admitted, at any clock origin', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(0, 123.456, 1_763_600_000_000.123),
        (limit, usedShare, askShare, originMs) => {
          const bucket = new TokenBucket(
            { capacity: limit, refillPerSecond: limit / 60 },
            originMs,
          );
          bucket.force(originMs, limit * usedShare);
          const first = bucket.take(originMs, limit * askShare);
          return first.admitted || bucket.take(originMs + first.waitMs, limit * askShare).admitted;
        },
      ),
    );
  });

  test('overload: the long-run admitted rate is the limit within 0.1 %', () => {
    const bucket = perMinute(600);
    let admitted = 0;
    const minutes = 100;
    for (let ms = 0; ms < minutes * 60_000; ms += 37)
      if (bucket.take(ms, 1).admitted) admitted += 1;
    // The full bucket at the start is on top: 600 of 60,600.
    expect(Math.abs(admitted / (minutes * 600 + 600) - 1)).toBeLessThan(0.001);
  });
});
