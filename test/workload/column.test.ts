import { array, assert, constantFrom, double, integer, property } from 'fast-check';
import { expect, test } from 'vitest';

import { Column } from '../../src/workload/column.ts';

test('appending a list is pushing its values, across chunks too', () => {
  // 65,536 values are a chunk; the lengths around it and twice it are the ones to watch.
  const length = integer({ min: 0, max: 140_000 });
  assert(
    property(
      integer({ min: 0, max: 70_000 }),
      array(length, { maxLength: 3 }),
      double(),
      (first, lengths, start) => {
        const pushed = new Column();
        const appended = new Column();
        for (let index = 0; index < first; index += 1) {
          pushed.push(start + index);
          appended.push(start + index);
        }
        for (const [number, count] of lengths.entries()) {
          const values = Float64Array.from({ length: count }, (_, index) => number * 1e6 + index);
          for (const value of values) pushed.push(value);
          appended.append(values);
        }
        expect(appended.length).toBe(pushed.length);
        expect(
          Buffer.from(appended.toArray().buffer).equals(Buffer.from(pushed.toArray().buffer)),
        ).toBe(true);
        appended.push(7);
        expect(appended.at(appended.length - 1)).toBe(7);
      },
    ),
    { numRuns: 15 },
  );
});

test('values that single precision cannot hold are kept exactly, whichever comes first', () => {
  // 2^24 + 1 is the first whole number that single precision lacks; times and 0.1 lack it as well.
  const value = constantFrom(0, -0, 7, 2 ** 24, 2 ** 24 + 1, 0.5, 0.1, 1.7e12 + 0.25, Number.NaN);
  assert(
    property(array(value, { maxLength: 40 }), array(value, { maxLength: 40 }), (first, then) => {
      const column = new Column();
      for (const one of first) column.push(one);
      column.append(Float64Array.from(then));
      const all = [...first, ...then];
      expect([...column.toArray()]).toEqual(all);
      for (const [index, one] of all.entries()) expect(column.at(index)).toBe(one);
    }),
  );
});

test('the first wide value after whole chunks of narrow ones leaves these as they are', () => {
  const column = new Column();
  for (let index = 0; index < 140_000; index += 1) column.push(index);
  column.push(0.1);
  const all = column.toArray();
  expect(all.slice(0, -1).every((value, index) => value === index)).toBe(true);
  expect(all.at(-1)).toBe(0.1);
});
