import { array, assert, integer, oneof, property } from 'fast-check';
import { expect, it } from 'vitest';

import { HashSet } from '../../src/traces/hash-set.ts';

/** Hashes that share their low bits crowd the same slots. */
const hash = oneof(
  integer({ min: 0, max: 2 ** 53 - 1 }),
  integer({ min: 0, max: 300 }).map((high) => high * 2 ** 32 + 7),
  integer({ min: 2, max: 300 }),
);

it('holds what was added and nothing else', () => {
  assert(
    property(array(hash, { size: 'max', maxLength: 500 }), array(hash), (added, asked) => {
      const set = new HashSet();
      for (const one of added) set.add(one);
      // 0 and 1 are one hash here.
      const expected = new Set(added.map((one) => one || 1));
      expect(set.size).toBe(expected.size);
      for (const one of [...added, ...asked]) expect(set.has(one)).toBe(expected.has(one || 1));
    }),
  );
});
