import { LatencyHistogram } from '../core/histogram.ts';
import type { EncodedHistogram } from '../core/histogram.ts';
import { batchMeansInterval, quantileInterval } from '../core/statistics.ts';
import type { Interval } from '../core/statistics.ts';

/** Values kept in order for intervals; beyond it every second, fourth, … one is kept. */
const KEPT_VALUES = 32_768;

/**
 * All values of one time metric in constant memory: a histogram for the figures, and a systematic
 * sample in send order for the intervals (successive latencies of one run depend on each other, so
 * their order is needed). Thinning an autocorrelated series evenly keeps its batch structure.
 */
export class ObservedTimes {
  readonly #histogram = new LatencyHistogram();
  #order: number[] = [];
  #values: number[] = [];
  #seen = 0;
  #stride = 1;

  get n(): number {
    return this.#histogram.count;
  }

  get meanMs(): number | undefined {
    return this.#histogram.meanMs;
  }

  get minMs(): number | undefined {
    return this.#histogram.minMs;
  }

  get maxMs(): number | undefined {
    return this.#histogram.maxMs;
  }

  /** @param order when the request was sent: intervals need values in this order */
  add(ms: number, order: number, count = 1): void {
    if (!this.#histogram.record(ms, count)) return;
    for (let copy = 0; copy < count; copy += 1) this.#keep(ms, order);
  }

  quantileMs(q: number): number | undefined {
    return this.#histogram.quantileMs(q);
  }

  /** 95 % interval of the mean by batch means; undefined below 10 values. */
  meanInterval(): Interval | undefined {
    return batchMeansInterval(this.#inOrder());
  }

  /** 95 % interval of a quantile by indicator batch means; an end the run cannot bound is infinite. */
  quantileInterval(q: number): Interval | undefined {
    const point = this.quantileMs(q);
    const interval = quantileInterval(this.#inOrder(), q);
    if (point === undefined || interval === undefined) return undefined;
    return {
      low: this.n < smallestSample(1 - q) ? 0 : Math.min(interval.low, point),
      high: this.n < smallestSample(q) ? Infinity : Math.max(interval.high, point),
    };
  }

  encode(): EncodedHistogram {
    return this.#histogram.encode();
  }

  #keep(ms: number, order: number): void {
    const wanted = this.#seen % this.#stride === 0;
    this.#seen += 1;
    if (!wanted) return;
    if (this.#values.length === KEPT_VALUES) {
      this.#values = this.#values.filter((_, index) => index % 2 === 0);
      this.#order = this.#order.filter((_, index) => index % 2 === 0);
      this.#stride *= 2;
      if ((this.#seen - 1) % this.#stride !== 0) return;
    }
    this.#values.push(ms);
    this.#order.push(order);
  }

  #inOrder(): number[] {
    const places = Array.from(this.#values, (_, index) => index);
    places.sort((a, b) => this.#order[a]! - this.#order[b]! || a - b);
    return places.map((place) => this.#values[place]!);
  }
}

/**
 * Fewest independent values of which one lies above the q-quantile with 95 % probability
 * (1 − qⁿ ≥ 0.95): 59 for p95, 299 for p99. Below it no distribution-free bound exists.
 */
function smallestSample(q: number): number {
  return Math.ceil(Math.log(0.05) / Math.log(q));
}
