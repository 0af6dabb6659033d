import fc from 'fast-check';
import { expect, test } from 'vitest';

import { nextMonthMs } from '../../src/core/calendar.ts';
import { parseHttpDateMs } from '../../src/mechanisms/http-date.ts';

test.for([
  { why: 'IMF-fixdate', text: 'Sun, 06 Nov 1994 08:49:37 GMT', epochMs: 784_111_777_000 },
  { why: 'RFC 850', text: 'Sunday, 06-Nov-94 08:49:37 GMT', epochMs: 784_111_777_000 },
  { why: 'asctime', text: 'Sun Nov  6 08:49:37 1994', epochMs: 784_111_777_000 },
  { why: 'RFC 3339 in UTC', text: '1994-11-06T08:49:37Z', epochMs: 784_111_777_000 },
  {
    why: 'RFC 3339 with an offset',
    text: '1994-11-06T10:49:37.250+02:00',
    epochMs: 784_111_777_250,
  },
  { why: 'leap day', text: 'Tue, 29 Feb 2028 00:00:00 GMT', epochMs: 1_835_395_200_000 },
  { why: 'not a date', text: 'soon', epochMs: undefined },
  { why: 'no such month', text: 'Sun, 06 Foo 1994 08:49:37 GMT', epochMs: undefined },
  { why: 'no such hour', text: 'Sun, 06 Nov 1994 24:49:37 GMT', epochMs: undefined },
])('$why', ({ text, epochMs }) => {
  expect(parseHttpDateMs(text)).toBe(epochMs);
});

test('property: agrees with Date on every second from 1970 to 2400', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 13_569_465_600 }), (seconds) => {
      const date = new Date(seconds * 1000);
      expect(parseHttpDateMs(date.toUTCString())).toBe(seconds * 1000);
      expect(parseHttpDateMs(date.toISOString())).toBe(seconds * 1000);
      const next = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
      expect(nextMonthMs(seconds * 1000)).toBe(next);
    }),
  );
});
