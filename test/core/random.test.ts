import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Random, randomStreams } from '../../src/core/random.ts';
import { mean, normalCdf, populationStd } from '../../src/core/statistics.ts';

/** sfc32 and xmur3 written from their definitions in exact integers, as an independent reference. */
function* reference(seed: string): Generator<number> {
  const mask = 0xffff_ffffn;
  const imul = (a: bigint, b: bigint): bigint => (a * b) & mask;
  let hash = (1_779_033_703n ^ BigInt(seed.length)) & mask;
  for (let index = 0; index < seed.length; index += 1) {
    hash = imul(hash ^ BigInt(seed.charCodeAt(index)), 3_432_918_353n);
    hash = ((hash << 13n) | (hash >> 19n)) & mask;
  }
  const next = (): bigint => {
    hash = imul(hash ^ (hash >> 16n), 2_246_822_507n);
    hash = imul(hash ^ (hash >> 13n), 3_266_489_909n);
    hash ^= hash >> 16n;
    return hash;
  };
  let [a, b, c, counter] = [next(), next(), next(), 1n];
  for (let draw = 0; ; draw += 1) {
    const output = (a + b + counter) & mask;
    counter = (counter + 1n) & mask;
    a = b ^ (b >> 9n);
    b = (c + (c << 3n)) & mask;
    c = (((c << 21n) | (c >> 11n)) & mask) + output;
    c &= mask;
    if (draw >= 15) yield Number(output);
  }
}

test('property: the same integers as the reference, for any seed', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), (seed) => {
      const random = new Random(seed);
      const expected = reference(seed);
      for (let draw = 0; draw < 50; draw += 1) {
        expect(random.uint32()).toBe(expected.next().value);
      }
    }),
  );
});

test('frozen outputs: a change of generator would change every recorded run', () => {
  const random = new Random('agent-infra');
  expect([random.uint32(), random.uint32(), random.uint32(), random.uniform()])
    .toMatchInlineSnapshot(`
    [
      1830399165,
      2401273704,
      1781714221,
      0.7030355628318355,
    ]
  `);
});

test('numbers and their text are the same seed; streams differ by name', () => {
  expect(new Random(7).uint32()).toBe(new Random('7').uint32());
  const streams = randomStreams(7);
  expect(streams('arrivals').uint32()).toBe(randomStreams('7')('arrivals').uint32());
  expect(streams('arrivals').uint32()).not.toBe(streams('jitter').uint32());
});

const COUNT = 100_000;

function sample(draw: (random: Random) => number, seed: string): Float64Array {
  const random = new Random(seed);
  return Float64Array.from({ length: COUNT }, () => draw(random));
}

describe('moments within five standard errors', () => {
  test.for([
    { why: 'uniform', draw: (r: Random) => r.uniform(), mean: 0.5, std: Math.sqrt(1 / 12) },
    {
      why: 'integer below 6',
      draw: (r: Random) => r.integer(6),
      mean: 2.5,
      std: Math.sqrt(35 / 12),
    },
    { why: 'exponential', draw: (r: Random) => r.exponential(3), mean: 3, std: 3 },
    { why: 'normal', draw: (r: Random) => r.normal(), mean: 0, std: 1 },
    { why: 'gamma, shape above 1', draw: (r: Random) => r.gamma(4, 0.5), mean: 2, std: 1 },
    { why: 'gamma, shape below 1', draw: (r: Random) => r.gamma(0.25, 4), mean: 1, std: 2 },
    {
      why: 'log-normal',
      draw: (r: Random) => r.logNormal(0, 0.5),
      mean: Math.exp(0.125),
      std: Math.exp(0.125) * Math.sqrt(Math.exp(0.25) - 1),
    },
  ])('$why', ({ why, draw, mean: expectedMean, std }) => {
    const values = sample(draw, why);
    expect(Math.abs(mean(values) - expectedMean)).toBeLessThan((5 * std) / Math.sqrt(COUNT));
    expect(Math.abs(populationStd(values) / std - 1)).toBeLessThan(0.03);
  });
});

describe('shape of the distributions (Kolmogorov-Smirnov, 0.1 % level)', () => {
  test.for([
    { why: 'uniform', draw: (r: Random) => r.uniform(), cdf: (x: number) => x },
    {
      why: 'exponential',
      draw: (r: Random) => r.exponential(1),
      cdf: (x: number) => 1 - Math.exp(-x),
    },
    { why: 'normal', draw: (r: Random) => r.normal(), cdf: normalCdf },
    {
      why: 'gamma of shape 2',
      draw: (r: Random) => r.gamma(2, 1),
      cdf: (x: number) => 1 - (1 + x) * Math.exp(-x),
    },
    {
      why: 'gamma of shape 1/2: a squared normal',
      draw: (r: Random) => r.gamma(0.5, 2),
      cdf: (x: number) => 2 * normalCdf(Math.sqrt(x)) - 1,
    },
  ])('$why', ({ why, draw, cdf }) => {
    const values = sample(draw, `ks/${why}`).sort();
    let distance = 0;
    for (const [index, value] of values.entries()) {
      const p = cdf(value);
      distance = Math.max(distance, (index + 1) / COUNT - p, p - index / COUNT);
    }
    expect(distance).toBeLessThan(1.95 / Math.sqrt(COUNT));
  });
});

test('uniform bits: each of the 32 is set half of the time', () => {
  const random = new Random('bits');
  const set = Array.from({ length: 32 }, () => 0);
  for (let draw = 0; draw < COUNT; draw += 1) {
    const value = random.uint32();
    for (let bit = 0; bit < 32; bit += 1) if ((value >>> bit) & 1) set[bit]! += 1;
  }
  for (const count of set)
    expect(Math.abs(count / COUNT - 0.5)).toBeLessThan(2.5 / Math.sqrt(COUNT));
});

test.for([0, -1, Number.NaN, Infinity])(
  'a gamma shape of %d is refused instead of looping',
  (shape) => {
    expect(() => new Random(1).gamma(shape, 1)).toThrow(RangeError);
  },
);

test('pick takes from the list, and refuses an empty one', () => {
  const random = new Random('pick');
  const seen = new Set(Array.from({ length: 200 }, () => random.pick(['a', 'b', 'c'])));
  expect([...seen].toSorted()).toEqual(['a', 'b', 'c']);
  expect(() => random.pick([])).toThrow(RangeError);
});
