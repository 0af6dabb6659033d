import { ExactSum } from '../core/exact-sum.ts';
import { tQuantile } from '../core/statistics.ts';
import { isTimed, untimedShare } from './order-key.ts';
import type { OrderKey } from './order-key.ts';
import type { Summary } from './summary.ts';

/** Buckets per doubling: a bucket is 0.068 % wide, its middle at most 0.034 % from any member. */
const BUCKETS_PER_OCTAVE = 1024;

/** Above the number of any bucket of a double (|log2| <= 1074), so that a bucket's sign is its values'. */
const BUCKET_ZERO = 2 ** 21;

/** Logarithmic histogram with exact count, sum, squares, minimum and maximum. */
class ValueSketch {
  /** Counts by bucket; ascending buckets hold ascending values, 0 holds zeros. */
  readonly buckets = new Map<number, number>();
  count = 0;
  readonly sum = new ExactSum();
  readonly squares = new ExactSum();
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;

  add(value: number): void {
    this.count += 1;
    this.sum.add(value);
    this.squares.add(value * value);
    this.min = Math.min(this.min, value);
    this.max = Math.max(this.max, value);
    const bucket = bucketOf(value);
    this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + 1);
  }

  state(): ValueSketchState {
    const { count, min, max } = this;
    const buckets = Float64Array.from([...this.buckets].flat());
    return { count, min, max, sum: this.sum.state(), squares: this.squares.state(), buckets };
  }

  merge(other: ValueSketchState): void {
    this.count += other.count;
    this.sum.merge(other.sum);
    this.squares.merge(other.squares);
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
    for (let index = 0; index < other.buckets.length; index += 2) {
      const bucket = other.buckets[index]!;
      this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + other.buckets[index + 1]!);
    }
  }

  /** Share of values in buckets up to that of `value`. */
  shareUpTo(value: number): number {
    const last = bucketOf(value);
    let below = 0;
    for (const [bucket, count] of this.buckets) if (bucket <= last) below += count;
    return below / this.count;
  }

  quantiles(shares: readonly number[]): number[] {
    const sorted = [...this.buckets].toSorted(([a], [b]) => a - b);
    return shares.map((share) => {
      const rank = share * (this.count - 1);
      let seen = 0;
      for (const [bucket, count] of sorted) {
        seen += count;
        if (rank < seen) return Math.min(this.max, Math.max(this.min, middleOf(bucket)));
      }
      return this.max;
    });
  }
}

function bucketOf(value: number): number {
  if (value === 0) return 0;
  const size = BUCKET_ZERO + Math.floor(Math.log2(Math.abs(value)) * BUCKETS_PER_OCTAVE);
  return value > 0 ? size : -size;
}

function middleOf(bucket: number): number {
  if (bucket === 0) return 0;
  const size = 2 ** ((Math.abs(bucket) - BUCKET_ZERO + 0.5) / BUCKETS_PER_OCTAVE);
  return bucket > 0 ? size : -size;
}

interface ValueSketchState {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly sum: readonly number[];
  readonly squares: readonly number[];
  /** Bucket and count in turn. */
  readonly buckets: Float64Array;
}

/** Stretches of time kept apart for the intervals; more are merged pairwise into longer ones. */
const MOST_STRETCHES = 32;
/** First length of a stretch, in microseconds; it doubles. */
const SHORTEST_STRETCH_US = 1e6;
/** Groups of sessions without a common clock. */
const UNTIMED_GROUPS = 32;
/** Batches for the intervals (as core/statistics), of about equal size; fewer than half say nothing. */
const BATCHES = 10;

/**
 * Summary of a series too long to keep: percentiles within 0.04 % of a member's value, exact
 * moments, and 95 % intervals by batches of consecutive stretches of time (of sessions, where
 * there is no time). What it holds depends only on the values and their keys, not on the order in
 * which they are added or on how they are split over sketches that are merged.
 */
export class SeriesSketch {
  /** By number of the stretch since the epoch. */
  #stretches = new Map<number, ValueSketch>();
  readonly #untimed = new Map<number, ValueSketch>();
  #stretchUs = SHORTEST_STRETCH_US;

  add(value: number, key: OrderKey): void {
    if (isTimed(key)) {
      entry(this.#stretches, Math.floor(key / this.#stretchUs)).add(value);
      this.#lengthen();
    } else entry(this.#untimed, Math.floor(untimedShare(key) * UNTIMED_GROUPS)).add(value);
  }

  state(): SeriesSketchState {
    const states = (map: ReadonlyMap<number, ValueSketch>): [number, ValueSketchState][] =>
      [...map].map(([index, sketch]) => [index, sketch.state()]);
    return {
      stretchUs: this.#stretchUs,
      stretches: states(this.#stretches),
      untimed: states(this.#untimed),
    };
  }

  merge(other: SeriesSketchState): void {
    while (this.#stretchUs < other.stretchUs) this.#double();
    const ratio = this.#stretchUs / other.stretchUs;
    for (const [index, state] of other.stretches) {
      entry(this.#stretches, Math.floor(index / ratio)).merge(state);
    }
    for (const [index, state] of other.untimed) entry(this.#untimed, index).merge(state);
    this.#lengthen();
  }

  /** Null when nothing was added. */
  summary(): Summary | null {
    const parts = [...inTurn(this.#untimed), ...inTurn(this.#stretches)];
    if (parts.length === 0) return null;
    const all = new ValueSketch();
    for (const part of parts) all.merge(part.state());
    const [p10, p50, p90, p95, p99] = all.quantiles([0.1, 0.5, 0.9, 0.95, 0.99]) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const sum = all.sum.value;
    const mean = sum / all.count;
    return {
      n: all.count,
      sum,
      mean,
      std: Math.sqrt(Math.max(0, all.squares.value / all.count - mean * mean)),
      min: all.min,
      p10,
      p50,
      p90,
      p95,
      p99,
      max: all.max,
      ci95: intervals(batches(parts, all.count), all, p95),
      exact: false,
    };
  }

  #lengthen(): void {
    while (this.#stretches.size > MOST_STRETCHES) this.#double();
  }

  #double(): void {
    const longer = new Map<number, ValueSketch>();
    for (const [index, sketch] of this.#stretches) {
      const half = Math.floor(index / 2);
      const known = longer.get(half);
      if (known === undefined) longer.set(half, sketch);
      else known.merge(sketch.state());
    }
    this.#stretches = longer;
    this.#stretchUs *= 2;
  }
}

export interface SeriesSketchState {
  readonly stretchUs: number;
  readonly stretches: readonly (readonly [number, ValueSketchState])[];
  readonly untimed: readonly (readonly [number, ValueSketchState])[];
}

function entry(map: Map<number, ValueSketch>, index: number): ValueSketch {
  let sketch = map.get(index);
  if (sketch === undefined) {
    sketch = new ValueSketch();
    map.set(index, sketch);
  }
  return sketch;
}

function inTurn(map: ReadonlyMap<number, ValueSketch>): ValueSketch[] {
  return [...map].toSorted(([a], [b]) => a - b).map(([, sketch]) => sketch);
}

/** Joins neighbours into at most ten batches of about equal size. */
function batches(parts: readonly ValueSketch[], total: number): ValueSketch[] {
  const joined = new Map<number, ValueSketch>();
  let before = 0;
  for (const part of parts) {
    const middle = (before + part.count / 2) / total;
    entry(joined, Math.floor(middle * BATCHES)).merge(part.state());
    before += part.count;
  }
  return [...joined.values()];
}

/** Batch means of unequal batches: each weighs what it holds (the ratio estimator of cluster samples). */
function intervals(parts: readonly ValueSketch[], all: ValueSketch, p95: number): Summary['ci95'] {
  if (parts.length < BATCHES / 2) return { mean: null, p95: null };
  const mean = all.sum.value / all.count;
  const half = (valueOf: (part: ValueSketch) => number, centre: number): number => {
    let squares = 0;
    for (const part of parts) squares += (part.count * (valueOf(part) - centre)) ** 2;
    const error = Math.sqrt((squares * parts.length) / (parts.length - 1)) / all.count;
    return tQuantile(0.975, parts.length - 1) * error;
  };
  const ofMean = half(({ sum, count }) => sum.value / count, mean);
  const ofShare = half((part) => part.shareUpTo(p95), 0.95);
  const [low, high] = all.quantiles([Math.max(0, 0.95 - ofShare), Math.min(1, 0.95 + ofShare)]);
  return {
    mean: [mean - ofMean, mean + ofMean],
    p95: [low!, 0.95 + ofShare >= 1 ? null : high!],
  };
}
