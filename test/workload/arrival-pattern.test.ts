import { describe, expect, it, test } from 'vitest';

import { Random } from '../../src/core/random.ts';
import { arrivalPattern } from '../../src/workload/arrival-pattern.ts';
import { dayShape } from '../../src/workload/day-shape.ts';

const random = new Random('pattern');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function starts(count: number, next: (index: number) => number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => next(index)).toSorted();
}

function poisson(count: number, meanMs: number): Float64Array {
  let t = 0;
  return starts(count, () => (t += random.exponential(meanMs)));
}

describe('arrivalPattern', () => {
  test.for([
    {
      why: 'a poller with jitter',
      at: starts(60, (i) => i * MINUTE + random.uniform() * 3000),
      kind: 'periodic',
      periodMs: MINUTE,
    },
    {
      why: 'a poller that misses a beat',
      at: starts(60, (i) => (i + Math.floor(i / 10)) * MINUTE),
      kind: 'periodic',
      periodMs: MINUTE,
    },
    {
      why: 'a nightly batch of 40',
      at: starts(400, (i) => Math.floor(i / 40) * 24 * HOUR + (i % 40) * 500),
      kind: 'batch',
      periodMs: 24 * HOUR,
    },
    {
      why: 'batches on no beat',
      at: Float64Array.from(poisson(30, HOUR)).toSorted(),
      spread: 12,
      kind: 'batch',
      periodMs: null,
    },
    { why: 'users and events', at: poisson(500, 5000), kind: 'event-driven', periodMs: null },
  ] as const)('$why', ({ at, kind, periodMs, ...rest }) => {
    const spread = 'spread' in rest ? rest.spread : 1;
    const all = Float64Array.from(
      [...at].flatMap((start) => Array.from({ length: spread }, (_, i) => start + i * 300)),
    ).toSorted();
    const found = arrivalPattern(all, 'turns')!;
    expect(found.kind).toBe(kind);
    expect(found.periodMs === null).toBe(periodMs === null);
    expect(Math.abs((found.periodMs ?? 1) / (periodMs ?? 1) - 1)).toBeLessThan(0.05);
  });

  test.for([
    { why: 'too few', at: starts(19, (i) => i * MINUTE) },
    { why: 'all at once', at: starts(50, () => 5) },
    { why: 'nothing', at: new Float64Array(0) },
  ])('refuses: $why', ({ at }) => expect(arrivalPattern(at, 'calls')).toBeNull());
});

describe('dayShape', () => {
  it('finds the busy hour, hours weighed by how often they are seen', () => {
    const from = Date.UTC(2026, 0, 5, 10);
    // 60 h: the hours from 10 to 22 occur three times, the others twice; 10 calls per hour, 90 at 15.
    const list: number[] = [];
    for (let hour = 0; hour < 60; hour += 1) {
      const calls = (10 + hour) % 24 === 15 ? 90 : 10;
      for (let call = 0; call < calls; call += 1) list.push(from + hour * HOUR + call * 1000);
    }
    list.push(from + 60 * HOUR); // closes the last hour; one call more at 22, that is seen 2.5 times
    const shape = dayShape(Float64Array.from(list))!;
    expect(shape.peakHourUtc).toBe(15);
    expect(shape.callsPerHour[15]).toBeCloseTo(90, 9);
    expect(shape.callsPerHour[3]).toBeCloseTo(10, 9);
    const at22 = shape.callsPerHour[22]!;
    expect(shape.peakToMean).toBeCloseTo(90 / ((22 * 10 + at22 + 90) / 24), 9);
    expect(shape.days).toBe(2.5);
  });

  it('says nothing about less than two days', () => {
    expect(dayShape(Float64Array.from([0, 47 * HOUR]))).toBeNull();
    expect(dayShape(new Float64Array(0))).toBeNull();
  });

  test.for([
    { why: 'chance makes a shape of a few', calls: 239, isKnown: false },
    { why: 'ten for each hour', calls: 240, isKnown: true },
  ])('needs calls: $why', ({ calls, isKnown }) => {
    const shape = dayShape(Float64Array.from({ length: calls }, (_, at) => at * HOUR));
    expect(shape !== null).toBe(isKnown);
  });
});
