import { describe, expect, test } from 'vitest';

import { hoursOfDay } from '../../src/capacity/day-hours.ts';
import type { HoursOfDay } from '../../src/capacity/day-hours.ts';
import { simulateDemand } from '../../src/capacity/demand.ts';
import { planOf, routeOf } from './example-plan.ts';

/** Quiet at night, half the load in the morning, all of it from 14 to 16. */
const loads = Array.from({ length: 24 }, (_, hour) =>
  hour < 6 ? 0 : hour < 14 ? 0.5 : hour < 17 ? 1 : 0.25,
);
const day: HoursOfDay = { loads, zone: 'own' };

/** 2,000 calls a minute in the busiest hour. */
const input = planOf({ day, routes: [routeOf({ limits: { rpm: 3000, rpd: 1 } })], scales: [1, 3] });
const simulation = simulateDemand(input, { replications: 4, mostCalls: 100_000 });

describe('limits hour by hour', () => {
  test.for([
    { scale: 1, over: 0, bursts: 0, why: '2,000 of 3,000 at most' },
    // Half of 6,000 is the limit itself: its mean does not break it, its busiest minute does.
    { scale: 3, over: 3, bursts: 8, why: '6,000 in three hours, 3,000 in eight' },
  ])('$scalex: $why', ({ bursts, over, scale }) => {
    const use = hoursOfDay(input, simulation, scale)!;
    expect(use).toMatchObject({ over, bursts, zone: 'own' });
    expect(use.hours[15]!.mean).toBeCloseTo((2000 * scale) / 3000, 9);
    expect(use.hours[8]!.mean).toBeCloseTo((1000 * scale) / 3000, 9);
    expect(use.hours[3]).toMatchObject({ mean: 0, peak: 0 });
    expect(use.hours[15]).toMatchObject({ dimension: 'rpm' });
  });

  test('the busiest hour is the busy period that the plan simulates', () => {
    const { peak } = hoursOfDay(input, simulation, 1)!.hours[15]!;
    expect(peak).toBeCloseTo(simulation.scales[0]!.total.rpm!.value / 3000, 9);
  });

  test('no shape of the day, no hours; limits of a day alone judge no hour', () => {
    expect(hoursOfDay({ ...input, day: undefined }, simulation, 1)).toBeNull();
    const daily = { ...input, routes: [routeOf({ limits: { rpd: 1 } })] };
    expect(hoursOfDay(daily, simulation, 1)!.hours[15]).toMatchObject({ mean: null, peak: null });
  });
});
