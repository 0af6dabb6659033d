import { array, assert, double, integer, property } from 'fast-check';
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
