import { assert, integer, property } from 'fast-check';
import { expect, it } from 'vitest';

import { isoTime } from '../../src/workload/iso-time.ts';

it('writes what Date writes', () => {
  assert(
    property(integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (ms) => {
      expect(isoTime(ms)).toBe(new Date(ms).toISOString());
    }),
  );
});

it('cuts fractions', () => expect(isoTime(1_700_158_623_979.96)).toBe('2023-11-16T18:17:03.979Z'));
