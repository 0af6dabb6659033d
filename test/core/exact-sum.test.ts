import { array, assert, double, integer, property, shuffledSubarray } from 'fast-check';
import { expect, it, test } from 'vitest';

import { ExactSum } from '../../src/core/exact-sum.ts';

function sumOf(values: readonly number[]): number {
  const sum = new ExactSum();
  for (const value of values) sum.add(value);
  return sum.value;
}

test.for([
  { why: 'nothing is zero', values: [], sum: 0 },
  { why: 'ten tenths are one, not 0.999…', values: Array(10).fill(0.1) as number[], sum: 1 },
  { why: 'small values survive between large ones', values: [1e100, 1, -1e100], sum: 1 },
  { why: 'half-way to the next double rounds to even', values: [2 ** 53, 1], sum: 2 ** 53 },
  {
    why: 'what is left below the half decides',
    values: [2 ** 53, 1, 2 ** -60],
    sum: 2 ** 53 + 2,
  },
])('$why', ({ values, sum }) => {
  expect(sumOf(values)).toBe(sum);
});

const finite = double({ min: -1e12, max: 1e12, noNaN: true });

it('is the sum of whole numbers', () => {
  assert(
    property(array(integer()), (values) => {
      expect(sumOf(values)).toBe(Number(values.reduce((sum, value) => sum + BigInt(value), 0n)));
    }),
  );
});

it('does not depend on order and grouping', () => {
  assert(
    property(
      array(finite, { minLength: 1, maxLength: 50 }).chain((values) =>
        shuffledSubarray(values, { minLength: values.length }).map((shuffled) => ({
          values,
          shuffled,
        })),
      ),
      integer({ min: 0, max: 50 }),
      ({ values, shuffled }, cut) => {
        const [left, right] = [new ExactSum(), new ExactSum()];
        for (const value of shuffled.slice(0, cut)) left.add(value);
        for (const value of shuffled.slice(cut)) right.add(value);
        left.merge(right.state());
        expect(left.value).toBe(sumOf(values));
      },
    ),
  );
});
