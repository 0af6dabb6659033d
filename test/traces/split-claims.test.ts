import { assert, property, string } from 'fast-check';
import { expect, test } from 'vitest';

import { identityHash, identityHashOfBytes, pairHash } from '../../src/traces/split-claims.ts';

test('the hash of a text is that of its bytes, beyond ASCII too', () => {
  assert(
    // Characters of all planes, none of them half a surrogate pair, which has no bytes of its own.
    property(string({ unit: 'binary' }), (text) => {
      const bytes = Buffer.from(`"${text}"`);
      expect(identityHashOfBytes(bytes, 1, bytes.length - 1)).toBe(identityHash(text));
    }),
  );
});

test('the hash of a pair tells apart its order, its missing second and neighbouring ids', () => {
  const ids = Array.from({ length: 300 }, (_, index) => identityHash(`msg_${index}`));
  const pairs = ids.flatMap((first) => [
    pairHash(first, Number.NaN),
    ...ids.map((second) => pairHash(first, second)),
  ]);
  // 90,300 hashes of 53 bits: one chance in two million that two of them meet.
  expect(new Set(pairs).size).toBe(pairs.length);
  for (const hash of pairs) {
    if (!Number.isSafeInteger(hash) || hash < 0) throw new Error(`${hash} is no 53-bit number`);
  }
  expect(pairHash(Number.NaN, ids[0]!)).toBeNaN();
});
