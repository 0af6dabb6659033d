import fc from 'fast-check';
import { expect, test } from 'vitest';

import { ResponseCache } from '../../src/mechanisms/response-cache.ts';

const cache = (maxBytes = 100, maxEntries?: number): ResponseCache<string> =>
  new ResponseCache({ maxBytes, maxEntries, ttlMs: 1000 });

test('a value lives until its time is up, not a moment longer', () => {
  const store = cache();
  store.set(0, 'a', 'x', 10);
  expect(store.get(999.9, 'a')).toBe('x');
  expect(store.get(1000, 'a')).toBeUndefined();
  expect(store.counters()).toMatchObject({ entries: 0, bytes: 0, hits: 1, misses: 1 });
});

test('the least recently used entry leaves first', () => {
  const store = cache(30);
  store.set(0, 'a', 'a', 10);
  store.set(0, 'b', 'b', 10);
  store.set(0, 'c', 'c', 10);
  store.get(1, 'a');
  store.set(2, 'd', 'd', 10);
  expect(['a', 'b', 'c', 'd'].map((key) => store.get(3, key))).toEqual(['a', undefined, 'c', 'd']);
  expect(store.counters().evictions).toBe(1);
});

test('an entry larger than the cache is not stored and drops the older value', () => {
  const store = cache(30);
  store.set(0, 'a', 'old', 10);
  expect(store.set(0, 'a', 'new', 31)).toBe(false);
  expect(store.get(0, 'a')).toBeUndefined();
});

test('replacing a value does not count its bytes twice', () => {
  const store = cache(30);
  store.set(0, 'a', '1', 20);
  store.set(0, 'a', '2', 25);
  expect(store.counters()).toMatchObject({ entries: 1, bytes: 25, evictions: 0 });
});

test('a tag drops its group and nothing else', () => {
  const store = cache();
  store.set(0, 'a', 'a', 1, { tags: ['tenant-1'] });
  store.set(0, 'b', 'b', 1, { tags: ['tenant-1', 'weather'] });
  store.set(0, 'c', 'c', 1, { tags: ['tenant-2'], ttlMs: 5000 });
  expect(store.invalidateTag('tenant-1')).toBe(2);
  expect(store.invalidateTag('weather')).toBe(0);
  expect(store.get(4000, 'c')).toBe('c');
});

test('property: bytes are the sum of the entries and never above the bound', () => {
  const operation = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    bytes: fc.integer({ min: 0, max: 40 }),
    write: fc.boolean(),
    gapMs: fc.integer({ min: 0, max: 400 }),
  });
  fc.assert(
    fc.property(fc.array(operation), (operations) => {
      const store = cache(60, 3);
      const sizes = new Map<string, number>();
      let nowMs = 0;
      for (const { key, bytes, write, gapMs } of operations) {
        nowMs += gapMs;
        if (write) {
          store.set(nowMs, key, key, bytes);
          sizes.set(key, bytes);
        } else {
          const value = store.get(nowMs, key);
          if (value !== undefined && value !== key) return false;
        }
        const { bytes: held, entries } = store.counters();
        if (held > 60 || entries > 3) return false;
      }
      let sum = 0;
      for (const [key, bytes] of sizes) if (store.get(nowMs, key) !== undefined) sum += bytes;
      return sum === store.counters().bytes;
    }),
  );
});
