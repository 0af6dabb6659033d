import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { risingTail } from '../../src/loadtest/rising-tail.ts';

const seconds = (length: number, value: (at: number) => number | null): (number | null)[] =>
  Array.from({ length }, (_, at) => value(at));

describe('still rising at the end', () => {
  test.for([
    { why: 'a straight line', values: seconds(20, (at) => 100 + 50 * at), rises: true },
    {
      why: 'a line under a ripple',
      values: seconds(30, (at) => 100 + 50 * at + (at % 2) * 40),
      rises: true,
    },
    { why: 'flat', values: seconds(20, () => 100), rises: false },
    { why: 'falling', values: seconds(20, (at) => 1000 - at), rises: false },
    {
      why: 'rising through the warm-up, then steady: only the second half counts',
      values: seconds(20, (at) => Math.min(at, 9) * 100),
      rises: false,
    },
    {
      why: 'certain, but by 5 %: nobody would care',
      values: seconds(40, (at) => 1000 + 5 * at),
      rises: false,
    },
    {
      why: 'by much, but no more than its own noise',
      values: seconds(20, (at) => 100 + at + (at % 2 === 0 ? 80 : -80)),
      rises: false,
    },
    { why: 'too short to say', values: seconds(8, (at) => 100 * at), rises: false },
    { why: 'hardly anything measured', values: seconds(40, () => null), rises: false },
    { why: 'no data', values: [], rises: false },
  ])('$why: $rises', ({ rises, values }) => {
    expect(risingTail(values) !== undefined).toBe(rises);
  });

  test('the ends of the fitted line', () => {
    const [first, last] = risingTail(seconds(20, (at) => 100 + 50 * at))!;
    expect(first).toBeCloseTo(600, 6);
    expect(last).toBeCloseTo(1050, 6);
  });

  test('does not depend on the unit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1, max: 1e4, noNaN: true }), { minLength: 10, maxLength: 60 }),
        (values) => {
          const rises = risingTail(values) !== undefined;
          expect(risingTail(values.map((value) => value * 1024)) !== undefined).toBe(rises);
        },
      ),
    );
  });
});
