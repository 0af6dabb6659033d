import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  civilDate,
  daysFromCivil,
  nextMonthMs,
  nextPacificMidnightMs,
} from '../../src/core/calendar.ts';

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

test('property: Pacific midnights are those of the time zone database', () => {
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone: 'America/Los_Angeles',
    hourCycle: 'h23',
    dateStyle: 'short',
    timeStyle: 'medium',
  });
  const firstMs = Date.UTC(2008, 0, 1);
  const lastMs = Date.UTC(2045, 0, 1);
  fc.assert(
    fc.property(fc.integer({ min: firstMs, max: lastMs }), (epochMs) => {
      const nextMs = nextPacificMidnightMs(epochMs);
      expect(nextMs).toBeGreaterThan(epochMs);
      expect(clock.format(nextMs)).toMatch(/ 00:00:00$/);
      // No midnight lies between: the moment before it is of the day of the moment asked about.
      const [before] = clock.format(nextMs - 1).split(',');
      expect(clock.format(epochMs).split(',')[0]).toBe(before);
    }),
    { numRuns: 300 },
  );
});

test.for([
  { why: 'winter', at: '2026-01-15T12:00:00Z', next: '2026-01-16T08:00:00Z' },
  {
    why: 'the day daylight saving begins',
    at: '2026-03-08T09:00:00Z',
    next: '2026-03-09T07:00:00Z',
  },
  { why: 'the day it ends', at: '2026-11-01T08:00:00Z', next: '2026-11-02T08:00:00Z' },
  {
    why: 'midnight itself is of the new day',
    at: '2026-07-01T07:00:00Z',
    next: '2026-07-02T07:00:00Z',
  },
])('Pacific midnight: $why', ({ at, next }) => {
  expect(new Date(nextPacificMidnightMs(Date.parse(at))).toISOString()).toBe(
    next.replace('Z', '.000Z'),
  );
});
