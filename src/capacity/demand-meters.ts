import { MS_PER_MINUTE, MS_PER_SECOND } from '../core/units.ts';

/**
 * What happens in one limit pool during one ring of simulated time: requests per second, calls in
 * flight at each second, and sums per window of several amounts at once. Flat typed arrays, because
 * a plan adds tens of millions of calls.
 */
export class PoolMeter {
  readonly #windowMs: number;
  readonly #amounts: number;
  readonly #perSecond: Int32Array;
  readonly #changes: Int32Array;
  readonly #sums: Float64Array;
  /** Calls that were already in flight at the start of the ring. */
  #initial = 0;

  /** @param amounts how many amounts each call adds per minute */
  constructor(windowMs: number, amounts: number) {
    this.#windowMs = windowMs;
    this.#amounts = amounts;
    this.#perSecond = new Int32Array(windowMs / MS_PER_SECOND);
    this.#changes = new Int32Array(windowMs / MS_PER_SECOND);
    this.#sums = new Float64Array((windowMs / MS_PER_MINUTE) * amounts);
  }

  reset(): void {
    this.#perSecond.fill(0);
    this.#changes.fill(0);
    this.#sums.fill(0);
    this.#initial = 0;
  }

  /**
   * @param atMs in [0, windowMs)
   * @param amounts table of all calls' amounts, row after row
   * @param row of this call
   */
  add(atMs: number, durationMs: number, amounts: Float64Array, row: number): void {
    const seconds = this.#perSecond.length;
    this.#perSecond[(atMs / MS_PER_SECOND) | 0]! += 1;
    // In flight is looked at on the full second: a call counts at k when start <= k < end.
    const from = Math.ceil(atMs / MS_PER_SECOND);
    const to = Math.ceil((atMs + durationMs) / MS_PER_SECOND);
    this.#changes[from % seconds]! += 1;
    this.#changes[to % seconds]! -= 1;
    if (to >= seconds) this.#initial += Math.floor(to / seconds) - Math.floor(from / seconds);
    const width = this.#amounts;
    const bin = ((atMs / MS_PER_MINUTE) | 0) * width;
    for (let index = 0; index < width; index += 1) {
      this.#sums[bin + index]! += amounts[row * width + index]!;
    }
  }

  peakRequests(windowSeconds: number): number {
    return largestSum(this.#perSecond, windowSeconds, 1, 0);
  }

  peakInFlight(): number {
    let level = this.#initial;
    let largest = 0;
    for (const change of this.#changes) {
      level += change;
      if (level > largest) largest = level;
    }
    return largest;
  }

  /** @param amount index of the amount @param minutes length of the (tumbling) window */
  peakAmount(amount: number, minutes: number): number {
    return largestSum(this.#sums, minutes, this.#amounts, amount);
  }

  get windowMs(): number {
    return this.#windowMs;
  }
}

function largestSum(
  bins: ArrayLike<number>,
  perWindow: number,
  stride: number,
  offset: number,
): number {
  let largest = 0;
  const step = perWindow * stride;
  for (let start = offset; start < bins.length; start += step) {
    let sum = 0;
    const end = Math.min(bins.length, start + step);
    for (let index = start; index < end; index += stride) sum += bins[index]!;
    if (sum > largest) largest = sum;
  }
  return largest;
}
