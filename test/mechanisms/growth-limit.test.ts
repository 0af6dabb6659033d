import { expect, test } from 'vitest';

import { GrowthLimit } from '../../src/mechanisms/growth-limit.ts';

const MINUTE = 60_000;

test('below the floor nothing limits; above it the busiest minute of the period before does', () => {
  const limit = new GrowthLimit({ floorPerMinute: 100, factor: 1.5, periodMs: 15 * MINUTE });
  expect(limit.take(0, 100).admitted).toBe(true);
  expect(limit.take(0, 1)).toEqual({ admitted: false, waitMs: MINUTE });
  expect(limit.take(15 * MINUTE, 150).admitted).toBe(true);
  expect(limit.take(15 * MINUTE, 1).admitted).toBe(false);
  expect(limit.take(30 * MINUTE, 225).admitted).toBe(true);
  // A period without traffic leaves only the floor.
  expect(limit.take(60 * MINUTE, 100).admitted).toBe(true);
  expect(limit.take(60 * MINUTE, 1).admitted).toBe(false);
});

test('doubling at +50 % per 15 minutes takes the two periods that ln 2 / ln 1.5 = 1.7 asks for', () => {
  const limit = new GrowthLimit({ floorPerMinute: 1000, factor: 1.5, periodMs: 15 * MINUTE });
  let minute = 0;
  for (; minute < 100; minute += 1) {
    // Someone who always takes what is given.
    let taken = 0;
    while (limit.take(minute * MINUTE, 10).admitted) taken += 10;
    if (taken >= 2000) break;
  }
  expect(minute).toBe(30);
});

test('refuses options that limit nothing', () => {
  expect(() => new GrowthLimit({ floorPerMinute: 0, factor: 1.5, periodMs: 1 })).toThrow(
    RangeError,
  );
});
