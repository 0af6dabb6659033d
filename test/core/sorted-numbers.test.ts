import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { sortedNumbers } from '../../src/core/sorted-numbers.ts';

test('what toSorted gives, whatever the numbers', () => {
  const many = { minLength: 2040, maxLength: 2100 };
  const values = fc.oneof(
    fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), many),
    fc.array(fc.nat(5000), many),
    fc.array(fc.constantFrom(0, 2047, 2048, 2 ** 22 - 1, 2 ** 22, 2 ** 31 - 1), many),
    fc.array(fc.constantFrom(0, -0, 1, 0.5, -1, 2 ** 31, 1e300, Number.POSITIVE_INFINITY), many),
    fc.array(fc.double({ noNaN: true }), { maxLength: 50 }),
    // In order already, but for zeros of both signs.
    fc.array(fc.constantFrom(-1.5, 0, -0, 7), many).map((list) => list.toSorted((a, b) => a - b)),
  );
  fc.assert(
    fc.property(values, (list) => {
      const numbers = Float64Array.from(list);
      const before = numbers.slice();
      expect(
        Buffer.from(sortedNumbers(numbers).buffer).equals(Buffer.from(numbers.toSorted().buffer)),
      ).toBe(true);
      expect(numbers).toEqual(before);
    }),
    { numRuns: 40 },
  );
});
