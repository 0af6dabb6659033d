import { array, assert, integer, property, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { randomStreams } from '../../src/core/random.ts';
import { fitLengths } from '../../src/workload/length-fit.ts';
import { windowPeak } from '../../src/workload/window-peaks.ts';

describe('peaks in short windows', () => {
  it('are those found by looking at every window', () => {
    const calls = array(tuple(integer({ min: 0, max: 60 }), integer({ min: 0, max: 9 })), {
      minLength: 1,
      maxLength: 40,
    });
    assert(
      property(calls, integer({ min: 1, max: 20 }), (list, window) => {
        const sorted = list.toSorted(([a], [b]) => a - b).map(([at, n]) => [at - list[0]![0], n]);
        const first = sorted[0]![0]!;
        const starts = sorted.map(([at]) => at! - first);
        const amounts = sorted.map(([, amount]) => amount!);
        const inWindow = (isIn: (start: number) => boolean): number =>
          amounts.reduce((sum, amount, at) => (isIn(starts[at]!) ? sum + amount : sum), 0);
        expect(windowPeak(Float64Array.from(starts), Float64Array.from(amounts), window)).toEqual({
          tumbling: Math.max(
            ...starts.map((start) => {
              const own = Math.floor(start / window);
              return inWindow((other) => Math.floor(other / window) === own);
            }),
          ),
          sliding: Math.max(
            ...starts.map((end) => inWindow((other) => other > end - window && other <= end)),
          ),
        });
      }),
    );
  });
});

describe('length fits', () => {
  const random = randomStreams('lengths')('test');
  const many = (draw: () => number): Float64Array => Float64Array.from({ length: 20_000 }, draw);

  it('know a log-normal by its parameters', () => {
    const fit = fitLengths(many(() => 1000 * Math.exp(0.8 * random.normal())))!;
    expect([fit.family, fit.fit]).toEqual(['lognormal', 'good']);
    expect(fit.shape).toBeCloseTo(0.8, 1);
    expect(Math.abs(fit.scale / 1000 - 1)).toBeLessThan(0.05);
  });

  it('find the exponent of a Pareto tail', () => {
    const { tail } = fitLengths(many(() => 100 * (1 - random.uniform()) ** (-1 / 1.5)))!;
    expect(Math.abs(tail!.alpha - 1.5)).toBeLessThan(0.15);
    expect(tail!.ks).toBeLessThan(0.05);
  });

  it('say nothing of few or equal values', () => {
    expect(fitLengths(new Float64Array(30).fill(7))).toBeNull();
    expect(fitLengths(new Float64Array(5000).fill(7))).toBeNull();
    const few = Float64Array.from({ length: 200 }, (_, at) => at + 1);
    expect(fitLengths(few)!.tail).toBeNull();
  });
});
