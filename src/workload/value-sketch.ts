import { meanInterval, tQuantile } from '../core/statistics.ts';
import type { Summary } from './summary.ts';

/** Buckets per doubling: a bucket is 0.068 % wide, its middle at most 0.034 % from any member. */
const BUCKETS_PER_OCTAVE = 1024;

/** Logarithmic histogram of non-negative values with exact count, sum, squares, minimum and maximum. */
class ValueSketch {
  readonly buckets = new Map<number, number>();
  count = 0;
  zeros = 0;
  sum = 0;
  squares = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;

  add(value: number): void {
    this.count += 1;
    this.sum += value;
    this.squares += value * value;
    this.min = Math.min(this.min, value);
    this.max = Math.max(this.max, value);
    if (value <= 0) {
      this.zeros += 1;
      return;
    }
    const bucket = Math.floor(Math.log2(value) * BUCKETS_PER_OCTAVE);
    this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + 1);
  }

  merge(other: ValueSketch): void {
    this.count += other.count;
    this.zeros += other.zeros;
    this.sum += other.sum;
    this.squares += other.squares;
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
    for (const [bucket, count] of other.buckets) {
      this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + count);
    }
  }

  /** Share of values in buckets up to that of `value`. */
  shareUpTo(value: number): number {
    const last = Math.floor(Math.log2(value) * BUCKETS_PER_OCTAVE);
    let below = this.zeros;
    for (const [bucket, count] of this.buckets) if (bucket <= last) below += count;
    return below / this.count;
  }

  quantiles(shares: readonly number[]): number[] {
    const sorted = [...this.buckets].toSorted(([a], [b]) => a - b);
    return shares.map((share) => {
      const rank = share * (this.count - 1);
      let seen = this.zeros;
      if (rank < seen) return 0;
      for (const [bucket, count] of sorted) {
        seen += count;
        if (rank < seen) return this.#clamp(2 ** ((bucket + 0.5) / BUCKETS_PER_OCTAVE));
      }
      return this.max;
    });
  }

  #clamp(value: number): number {
    return Math.min(this.max, Math.max(this.min, value));
  }
}

/** Batches for the intervals: between 10 and 20 of equal size, by merging neighbours when full. */
const MOST_BATCHES = 20;

/**
 * Summary of a series too long to keep: percentiles within 0.04 % of a member's value, exact
 * moments, and 95 % intervals by batches in the order the values came.
 */
export class SeriesSketch {
  #batches: ValueSketch[] = [];
  #batchSize = 1024;

  add(value: number): void {
    let last = this.#batches.at(-1);
    if (last === undefined || last.count >= this.#batchSize) {
      if (this.#batches.length === MOST_BATCHES) this.#mergePairs();
      last = new ValueSketch();
      this.#batches.push(last);
    }
    last.add(value);
  }

  /** Null when nothing was added. */
  summary(): Summary | null {
    if (this.#batches.length === 0) return null;
    const all = new ValueSketch();
    for (const batch of this.#batches) all.merge(batch);
    const [p50, p90, p95, p99] = all.quantiles([0.5, 0.9, 0.95, 0.99]) as [
      number,
      number,
      number,
      number,
    ];
    const mean = all.sum / all.count;
    return {
      n: all.count,
      sum: all.sum,
      mean,
      std: Math.sqrt(Math.max(0, all.squares / all.count - mean * mean)),
      min: all.min,
      p50,
      p90,
      p95,
      p99,
      max: all.max,
      ci95: this.#intervals(all, p95),
      exact: false,
    };
  }

  #mergePairs(): void {
    const merged: ValueSketch[] = [];
    for (let index = 0; index < this.#batches.length; index += 2) {
      const pair = this.#batches[index]!;
      pair.merge(this.#batches[index + 1]!);
      merged.push(pair);
    }
    this.#batches = merged;
    this.#batchSize *= 2;
  }

  /** As core/statistics does on whole series, with the batches that stand; a short last one is left out. */
  #intervals(all: ValueSketch, p95: number): Summary['ci95'] {
    const full = this.#batches.filter(({ count }) => count === this.#batchSize);
    if (full.length < 10) return { mean: null, p95: null };
    const ofMean = meanInterval(full.map(({ sum, count }) => sum / count));
    let squares = 0;
    for (const batch of full) squares += (batch.shareUpTo(p95) - 0.95) ** 2;
    const error = Math.sqrt(squares / (full.length - 1) / full.length);
    const half = tQuantile(0.975, full.length - 1) * error;
    const [low, high] = all.quantiles([Math.max(0, 0.95 - half), Math.min(1, 0.95 + half)]);
    return {
      mean: [ofMean.low, ofMean.high],
      p95: [low!, 0.95 + half >= 1 ? null : high!],
    };
  }
}
