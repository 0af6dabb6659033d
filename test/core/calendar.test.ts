import fc from 'fast-check';
import { expect, test } from 'vitest';

import { civilDate, daysFromCivil, nextMonthMs } from '../../src/core/calendar.ts';

const MS_PER_DAY = 86_400_000;

test('property: dates agree with Date, there and back', () => {
  fc.assert(
    fc.property(fc.integer({ min: -700_000, max: 2_000_000 }), (days) => {
      const date = new Date(days * MS_PER_DAY);
      const expected = {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
      };
      expect(civilDate(days)).toEqual(expected);
      expect(daysFromCivil(expected.year, expected.month, expected.day)).toBe(days);
    }),
  );
});

test.for([
  { why: 'days before the epoch are negative', date: [1969, 12, 31], days: -1 },
  { why: 'a leap day', date: [2028, 2, 29], days: 21_243 },
  { why: 'the century that is no leap year', date: [2100, 3, 1], days: 47_541 },
] as const)('$why', ({ date: [year, month, day], days }) => {
  expect(daysFromCivil(year, month, day)).toBe(days);
  expect(civilDate(days)).toEqual({ year, month, day });
});

test('December is followed by January', () => {
  expect(nextMonthMs(Date.UTC(2026, 11, 31, 23))).toBe(Date.UTC(2027, 0, 1));
});
