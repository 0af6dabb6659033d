import { array, assert, double, integer, oneof, property, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { timeKey, untimedKey } from '../../src/workload/order-key.ts';
import { Series } from '../../src/workload/series.ts';
import type { Summary } from '../../src/workload/summary.ts';

/** Values of any sign with keys over a day, some without time. */
const entries = array(
  tuple(
    oneof(integer({ min: -1000, max: 100_000 }), double({ min: -1, max: 1, noNaN: true })),
    oneof(
      integer({ min: 0, max: 86_400_000 }).map((ms) => timeKey(1.7e12 + ms)),
      tuple(integer({ min: 0, max: 2 ** 32 - 1 }), integer({ min: 0, max: 20 })).map(
        ([group, place]) => untimedKey(group, place),
      ),
    ),
  ),
  { minLength: 1, maxLength: 200, size: 'max' },
);

function series(list: readonly (readonly [number, number])[], limit: number): Series {
  const result = new Series(limit);
  for (const [value, key] of list) result.add(value, key);
  return result;
}

describe.for([
  { why: 'exact', limit: 1000 },
  { why: 'a sketch', limit: 0 },
  { why: 'at the limit, where parts are exact and the whole is not', limit: 20 },
])('series: $why', ({ limit }) => {
  it('is the same in any order and any parts', () => {
    assert(
      property(entries, integer({ min: 1, max: 6 }), (list, parts) => {
        const whole = series(list, limit).summary();
        const merged = new Series(limit);
        for (let part = 0; part < parts; part += 1) {
          const own = list.filter((_, index) => index % parts === part).toReversed();
          merged.merge(structuredClone(series(own, limit).state()));
        }
        expect(merged.summary()).toEqual(whole);
      }),
    );
  });
});

it('a sketch keeps count, sum and extremes exact and percentiles close, negative values too', () => {
  assert(
    property(entries, (list) => {
      const exact = series(list, 1000).summary()!;
      const sketch = series(list, 0).summary()!;
      expect(sketch).toMatchObject({ n: exact.n, min: exact.min, max: exact.max, exact: false });
      expect(sketch.sum).toBeCloseTo(exact.sum, 6);
      expect(sketch.std).toBeCloseTo(exact.std, 3);
      // A sketch does not interpolate: it names a member, between the ranks around the quantile.
      const sorted = list.map(([value]) => value).toSorted((a, b) => a - b);
      for (const [name, q] of [
        ['p50', 0.5],
        ['p90', 0.9],
        ['p99', 0.99],
      ] as const) {
        const member = sorted[Math.floor(q * (sorted.length - 1))]!;
        expect(Math.abs(sketch[name] - member)).toBeLessThanOrEqual(0.0007 * Math.abs(member));
      }
    }),
  );
});

it('batches of a sketch follow time: a drift widens the interval of the mean', () => {
  const width = ({ ci95 }: Summary): number => ci95.mean![1] - ci95.mean![0];
  const at = (index: number): number => timeKey(1.7e12 + index * 1000);
  const drifting = series(
    Array.from({ length: 5000 }, (_, index) => [index, at(index)]),
    0,
  );
  const shuffled = series(
    Array.from({ length: 5000 }, (_, index) => [(index * 1009) % 5000, at(index)]),
    0,
  );
  expect(width(drifting.summary()!)).toBeGreaterThan(10 * width(shuffled.summary()!));
});

it('orders values by time, not by arrival, for its intervals', () => {
  const list = Array.from({ length: 400 }, (_, index) => [index, timeKey(index * 1000)] as const);
  expect(series(list.toReversed(), 1000).summary()).toEqual(series(list, 1000).summary());
});
