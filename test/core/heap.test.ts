import fc from 'fast-check';
import { expect, test } from 'vitest';

import { Heap } from '../../src/core/heap.ts';

function drain<T>(heap: Heap<T>): T[] {
  const items: T[] = [];
  while (heap.size > 0) items.push(heap.pop()!);
  return items;
}

test('an empty heap has nothing', () => {
  const heap = new Heap<string>();
  expect([heap.size, heap.peekKey(), heap.peek(), heap.pop()]).toEqual([
    0,
    undefined,
    undefined,
    undefined,
  ]);
});

test('equal keys leave in the order they came, also after others left between', () => {
  const heap = new Heap<string>();
  heap.push(1, 'a');
  heap.push(1, 'b');
  heap.push(0, 'first');
  expect(heap.pop()).toBe('first');
  heap.push(1, 'c');
  expect([heap.peekKey(), heap.peek()]).toEqual([1, 'a']);
  expect(drain(heap)).toEqual(['a', 'b', 'c']);
});

test('items may be undefined', () => {
  const heap = new Heap<undefined>();
  heap.push(1, undefined);
  expect(heap.size).toBe(1);
  heap.pop();
  expect(heap.size).toBe(0);
});

test('property: the order of a stable sort, for any mix of keys', () => {
  const key = fc.oneof(
    fc.integer({ min: 0, max: 5 }),
    fc.double({ noNaN: true }),
    fc.constantFrom(Infinity, -Infinity, 0, -0),
  );
  fc.assert(
    fc.property(fc.array(key, { maxLength: 300 }), (keys) => {
      const heap = new Heap<number>();
      for (const [index, value] of keys.entries()) heap.push(value, index);
      const sorted = keys
        .map((value, index) => ({ value, index }))
        .toSorted((a, b) => (a.value < b.value ? -1 : a.value > b.value ? 1 : 0));
      expect(drain(heap)).toEqual(sorted.map(({ index }) => index));
    }),
  );
});

test('property: pushes and pops in any order always give the smallest', () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.integer({ min: 0, max: 20 })), { maxLength: 300 }),
      (steps) => {
        const heap = new Heap<string>();
        let model: { key: number; order: number }[] = [];
        for (const [order, key] of steps.entries()) {
          if (key === null) {
            const [least] = model.toSorted((a, b) => a.key - b.key || a.order - b.order);
            const expected = least === undefined ? undefined : `${least.order}`;
            if (heap.peekKey() !== least?.key || heap.pop() !== expected) return false;
            model = model.filter((entry) => entry !== least);
          } else {
            heap.push(key, `${order}`);
            model.push({ key, order });
          }
          if (heap.size !== model.length) return false;
        }
        return true;
      },
    ),
  );
});
