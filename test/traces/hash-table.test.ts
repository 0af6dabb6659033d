import { array, assert, integer, oneof, property } from 'fast-check';
import { expect, it } from 'vitest';

import { HashTable } from '../../src/traces/hash-table.ts';

/** Hashes that share their low bits crowd the same slots. */
const hash = oneof(
  integer({ min: 0, max: 2 ** 53 - 1 }),
  integer({ min: 0, max: 300 }).map((high) => high * 2 ** 32 + 7),
  integer({ min: 2, max: 300 }),
);

it('gives the last value of every hash that was set, and nothing for others', () => {
  assert(
    property(array(hash, { size: 'max', maxLength: 500 }), array(hash), (set, asked) => {
      const table = new HashTable();
      const expected = new Map<number, number>();
      for (const [index, one] of set.entries()) {
        table.set(one, index);
        // 0 and 1 are one hash here.
        expected.set(one || 1, index);
      }
      expect(table.size).toBe(expected.size);
      for (const one of [...set, ...asked]) {
        expect(table.get(one)).toBe(expected.get(one || 1) ?? Number.NaN);
      }
    }),
  );
});
