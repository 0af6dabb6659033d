import { array, assert, double, property } from 'fast-check';
import { describe, expect, it, test } from 'vitest';

import { LatencyHistogram } from '../../src/core/histogram.ts';

function recorded(...values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

describe('LatencyHistogram', () => {
  it('knows nothing when empty: undefined, never 0', () => {
    const empty = new LatencyHistogram();
    expect([empty.quantileMs(0.95), empty.meanMs, empty.minMs, empty.maxMs]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(empty.count).toBe(0);
  });

  test.for([
    { why: 'NaN', value: Number.NaN },
    { why: 'infinite', value: Number.POSITIVE_INFINITY },
    { why: 'negative', value: -1 },
  ])('turns $why away and counts it', ({ value }) => {
    const histogram = new LatencyHistogram();
    expect(histogram.record(value)).toBe(false);
    expect([histogram.count, histogram.rejected]).toEqual([0, 1]);
  });

  it('keeps fractions of a millisecond', () => {
    expect(recorded(1.9).quantileMs(0.5)).toBeCloseTo(1.9, 9);
    expect(recorded(0.0001).quantileMs(0.5)).toBeLessThanOrEqual(0.001);
  });

  it('clips more than an hour and says so', () => {
    const histogram = recorded(4_000_000);
    expect([histogram.count, histogram.clipped]).toEqual([1, 1]);
    expect(histogram.quantileMs(0.5)!).toBeLessThanOrEqual(4_000_000);
  });

  it('never reports more than the recorded maximum', () => {
    const histogram = recorded(1000.123);
    expect(histogram.quantileMs(1)).toBe(1000.123);
    expect(histogram.quantileMs(0.999)!).toBeLessThanOrEqual(1000.123);
  });

  const latencies = array(double({ min: 0.001, max: 3_000_000, noNaN: true }), {
    minLength: 1,
    maxLength: 200,
  });

  it('is within 0.1 % (or a microsecond) of the nearest rank', () => {
    assert(
      property(latencies, (values) => {
        const histogram = recorded(...values);
        const sorted = Float64Array.from(values).toSorted();
        for (const q of [0.5, 0.9, 0.95, 0.99]) {
          const exact = sorted[Math.ceil(q * values.length) - 1]!;
          expect(Math.abs(histogram.quantileMs(q)! - exact)).toBeLessThanOrEqual(
            0.001 * exact + 0.001,
          );
        }
      }),
    );
  });

  it('merges exactly, also over the wire', () => {
    assert(
      property(latencies, latencies, (a, b) => {
        const merged = LatencyHistogram.decode(recorded(...a).encode());
        merged.merge(recorded(...b));
        const whole = recorded(...a, ...b);
        expect(merged.count).toBe(whole.count);
        expect(merged.maxMs).toBe(whole.maxMs);
        expect(merged.minMs).toBe(whole.minMs);
        for (const q of [0.5, 0.95, 0.99, 0.999]) {
          expect(merged.quantileMs(q)).toBe(whole.quantileMs(q));
        }
        expect(merged.meanMs!).toBeCloseTo(whole.meanMs!, 6);
      }),
      { numRuns: 20 },
    );
  });

  it('an empty one survives the wire', () => {
    const back = LatencyHistogram.decode(new LatencyHistogram().encode());
    expect(back.quantileMs(0.5)).toBeUndefined();
    back.record(5);
    expect(back.minMs).toBe(5);
  });
});
