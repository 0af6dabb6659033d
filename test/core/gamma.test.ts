import { assert, double, property } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { digamma, regularisedGamma, trigamma } from '../../src/core/gamma.ts';
import { logGamma, normalCdf } from '../../src/core/statistics.ts';

const shape = double({ min: 0.05, max: 60, noNaN: true });
const point = double({ min: 0.001, max: 100, noNaN: true });

describe('regularisedGamma', () => {
  it('is exponential for a = 1 and Erlang for whole a', () => {
    assert(
      property(point, (x) => {
        expect(regularisedGamma(1, x)).toBeCloseTo(1 - Math.exp(-x), 12);
        expect(regularisedGamma(3, x)).toBeCloseTo(1 - Math.exp(-x) * (1 + x + (x * x) / 2), 12);
      }),
    );
  });

  it('is the error function for a = 1/2', () => {
    assert(
      property(point, (x) => {
        expect(regularisedGamma(0.5, x)).toBeCloseTo(2 * normalCdf(Math.sqrt(2 * x)) - 1, 9);
      }),
    );
  });

  it('satisfies P(a + 1, x) = P(a, x) - x^a e^-x / Γ(a + 1)', () => {
    assert(
      property(shape, point, (a, x) => {
        const step = Math.exp(a * Math.log(x) - x - logGamma(a + 1));
        expect(regularisedGamma(a + 1, x)).toBeCloseTo(regularisedGamma(a, x) - step, 11);
      }),
    );
  });

  it('has its ends', () => {
    expect(regularisedGamma(2, 0)).toBe(0);
    expect(regularisedGamma(2, Number.POSITIVE_INFINITY)).toBe(1);
  });
});

describe('digamma and trigamma', () => {
  it('have their known values', () => {
    expect(digamma(1)).toBeCloseTo(-0.577_215_664_901_532_9, 12);
    expect(digamma(0.5)).toBeCloseTo(-0.577_215_664_901_532_9 - 2 * Math.LN2, 12);
    expect(trigamma(1)).toBeCloseTo(Math.PI ** 2 / 6, 12);
    expect(trigamma(0.5)).toBeCloseTo(Math.PI ** 2 / 2, 12);
  });

  it('are the derivatives of what they should be', () => {
    assert(
      property(double({ min: 0.5, max: 40, noNaN: true }), (x) => {
        const h = 1e-5;
        expect((logGamma(x + h) - logGamma(x - h)) / (2 * h)).toBeCloseTo(digamma(x), 5);
        expect((digamma(x + h) - digamma(x - h)) / (2 * h)).toBeCloseTo(trigamma(x), 5);
      }),
    );
  });
});
