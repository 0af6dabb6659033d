import fc from 'fast-check';
import { expect, test } from 'vitest';

import { dayLoad } from '../../src/capacity/diurnal.ts';

test.for([
  { why: 'the same all day', hours: Array<number>(24).fill(7), equivalentHours: 24, peakHour: 0 },
  {
    why: 'office hours, half the load before and after',
    hours: [
      ...Array<number>(8).fill(0),
      ...Array<number>(8).fill(1),
      ...Array<number>(8).fill(0.5),
    ],
    equivalentHours: 12,
    peakHour: 8,
  },
])('$why', ({ equivalentHours, hours, peakHour }) => {
  const day = dayLoad(hours)!;
  expect(day.equivalentHours).toBeCloseTo(equivalentHours, 12);
  expect(day.peakHour).toBe(peakHour);
});

test('no load has no busiest hour', () => {
  expect(dayLoad(Array<number>(24).fill(0))).toBeUndefined();
});

test('the busiest hour carries its share, whatever the unit', () => {
  const hours = fc.array(fc.double({ min: 0.01, max: 1000, noNaN: true }), {
    minLength: 24,
    maxLength: 24,
  });
  fc.assert(
    fc.property(hours, fc.double({ min: 0.1, max: 10, noNaN: true }), (loads, unit) => {
      const day = dayLoad(loads)!;
      expect(day.equivalentHours * day.peakHourShare).toBeCloseTo(1, 9);
      expect(day.equivalentHours).toBeLessThanOrEqual(24 + 1e-9);
      const scaled = dayLoad(loads.map((load) => load * unit))!;
      expect(scaled.equivalentHours).toBeCloseTo(day.equivalentHours, 6);
    }),
  );
});
