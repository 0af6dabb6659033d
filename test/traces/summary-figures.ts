import { expect } from 'vitest';

import { quantileSorted } from '../../src/core/statistics.ts';

/** A summary of the independently computed figures. */
export interface SummaryFigures {
  readonly n: number;
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  readonly sum: number;
}

export const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);

export const at = (values: readonly number[], q: number): number =>
  quantileSorted(
    values.toSorted((a, b) => a - b),
    q,
  );

/** Mean and percentiles are given to 4 decimals; times pass through milliseconds (1e-6 s). */
export function expectSummary(values: readonly number[], figures: SummaryFigures): void {
  expect(values).toHaveLength(figures.n);
  expect(sum(values) / values.length).toBeCloseTo(figures.mean, 3);
  for (const [name, q] of [
    ['p50', 0.5],
    ['p90', 0.9],
    ['p95', 0.95],
    ['p99', 0.99],
  ] as const) {
    expect(Math.abs(at(values, q) - figures[name])).toBeLessThan(1e-4);
  }
  expect(Math.abs(Math.min(...values) - figures.min)).toBeLessThan(1e-5);
  expect(Math.abs(Math.max(...values) - figures.max)).toBeLessThan(1e-5);
  // Sums are given to 4 decimals as well.
  expect(Math.abs(sum(values) - figures.sum)).toBeLessThan(1e-3);
}

/** Most intervals [start, end) at once; ends come before starts at ties. */
export function mostAtOnce(intervals: readonly (readonly [number, number])[]): number {
  const events = intervals
    .flatMap(([start, end]) => [
      [start, 1],
      [end, -1],
    ])
    .toSorted((a, b) => a[0]! - b[0]! || a[1]! - b[1]!);
  let now = 0;
  let most = 0;
  for (const [, change] of events) most = Math.max(most, (now += change!));
  return most;
}
