import { ADMITTED, CLOCK_SLACK_MS, RELATIVE_SLACK, refused } from './meter.ts';
import type { Admission, Meter } from './meter.ts';

export interface FixedWindowOptions {
  readonly limit: number;
  readonly windowMs: number;
  /** A moment at which a window begins; the windows before and after follow from it. Default 0. */
  readonly startMs?: number | undefined;
}

/**
 * Counts in windows that begin at fixed moments and forget everything at their end (Azure's
 * minute, a day that ends at midnight, 60 RPM enforced as 1 per second).
 */
export class FixedWindow implements Meter {
  readonly limit: number;
  readonly windowMs: number;
  readonly #startMs: number;
  readonly #slack: number;
  #index = Number.NEGATIVE_INFINITY;
  #used = 0;

  /** @throws RangeError when the limit is negative or the window empty */
  constructor(options: FixedWindowOptions) {
    requireWindow(options);
    this.limit = options.limit;
    this.windowMs = options.windowMs;
    this.#startMs = options.startMs ?? 0;
    this.#slack = options.limit * RELATIVE_SLACK;
  }

  used(nowMs: number): number {
    this.#turn(nowMs);
    return this.#used;
  }

  waitMs(nowMs: number, amount: number): number {
    this.#turn(nowMs);
    if (this.#used + amount <= this.limit + this.#slack) return 0;
    if (amount > this.limit + this.#slack) return Number.POSITIVE_INFINITY;
    return this.#endMs() - nowMs;
  }

  take(nowMs: number, amount: number): Admission {
    const waitMs = this.waitMs(nowMs, amount);
    if (waitMs > 0) return refused(waitMs);
    this.#used += amount;
    return ADMITTED;
  }

  force(nowMs: number, amount: number): void {
    this.#turn(nowMs);
    this.#used += amount;
  }

  /** A debit of an earlier window is already forgotten: giving it back changes nothing. */
  give(nowMs: number, amount: number, debitedAtMs = nowMs): void {
    this.#turn(nowMs);
    if (this.#indexOf(debitedAtMs) === this.#index) this.#used = Math.max(0, this.#used - amount);
  }

  resetMs(nowMs: number): number {
    return this.used(nowMs) <= 0 ? 0 : this.#endMs() - nowMs;
  }

  /** Time never goes back: a reading before the current window counts as inside it. */
  #turn(nowMs: number): void {
    const index = this.#indexOf(nowMs);
    if (index <= this.#index) return;
    this.#index = index;
    this.#used = 0;
  }

  #indexOf(atMs: number): number {
    return Math.floor((atMs - this.#startMs + CLOCK_SLACK_MS) / this.windowMs);
  }

  #endMs(): number {
    return this.#startMs + (this.#index + 1) * this.windowMs;
  }
}

export interface SlidingWindowOptions {
  readonly limit: number;
  readonly windowMs: number;
  /**
   * Debits within one slice share an entry that leaves with the youngest of them: memory is
   * windowMs / sliceMs entries and the count errs to the strict side. 0 (default) is exact.
   */
  readonly sliceMs?: number | undefined;
}

/** Counts what was debited in the last `windowMs` (Gemini's dollars per rolling ten minutes). */
export class SlidingWindow implements Meter {
  readonly limit: number;
  readonly windowMs: number;
  readonly #sliceMs: number;
  readonly #slack: number;
  // A queue in two arrays: entries before #head are gone and cut off now and then.
  #times: number[] = [];
  #amounts: number[] = [];
  #head = 0;
  #used = 0;

  /** @throws RangeError when the limit is negative or the window empty */
  constructor(options: SlidingWindowOptions) {
    requireWindow(options);
    this.limit = options.limit;
    this.windowMs = options.windowMs;
    this.#sliceMs = options.sliceMs ?? 0;
    this.#slack = options.limit * RELATIVE_SLACK;
  }

  used(nowMs: number): number {
    this.#expire(nowMs);
    return this.#used;
  }

  waitMs(nowMs: number, amount: number): number {
    this.#expire(nowMs);
    let excess = this.#used + amount - this.limit - this.#slack;
    if (excess <= 0) return 0;
    if (amount > this.limit + this.#slack) return Number.POSITIVE_INFINITY;
    let index = this.#head;
    while (index < this.#times.length) {
      excess -= this.#amounts[index]!;
      if (excess <= 0) break;
      index += 1;
    }
    return this.#times[Math.min(index, this.#times.length - 1)]! + this.windowMs - nowMs;
  }

  take(nowMs: number, amount: number): Admission {
    const waitMs = this.waitMs(nowMs, amount);
    if (waitMs > 0) return refused(waitMs);
    this.#append(nowMs, amount);
    return ADMITTED;
  }

  force(nowMs: number, amount: number): void {
    this.#expire(nowMs);
    this.#append(nowMs, amount);
  }

  give(nowMs: number, amount: number, debitedAtMs = nowMs): void {
    this.#expire(nowMs);
    const entry = this.#entryOf(this.#sliceEnd(debitedAtMs));
    if (entry === undefined) return;
    const given = Math.min(amount, this.#amounts[entry]!);
    this.#amounts[entry] = this.#amounts[entry]! - given;
    this.#used -= given;
  }

  resetMs(nowMs: number): number {
    if (this.used(nowMs) <= 0) return 0;
    return this.#times.at(-1)! + this.windowMs - nowMs;
  }

  #append(nowMs: number, amount: number): void {
    if (amount === 0) return;
    const last = this.#times.length - 1;
    // Time never goes back: the queue stays ordered even if a reading is older than the last.
    const atMs = Math.max(this.#sliceEnd(nowMs), this.#times[last] ?? Number.NEGATIVE_INFINITY);
    if (last >= this.#head && this.#times[last] === atMs) {
      this.#amounts[last] = this.#amounts[last]! + amount;
    } else {
      this.#times.push(atMs);
      this.#amounts.push(amount);
    }
    this.#used += amount;
  }

  #sliceEnd(atMs: number): number {
    return this.#sliceMs === 0 ? atMs : Math.ceil(atMs / this.#sliceMs) * this.#sliceMs;
  }

  #expire(nowMs: number): void {
    const before = nowMs - this.windowMs + CLOCK_SLACK_MS;
    while (this.#head < this.#times.length && this.#times[this.#head]! <= before) {
      this.#used -= this.#amounts[this.#head]!;
      this.#head += 1;
    }
    if (this.#head === this.#times.length) this.#used = 0; // drops what rounding left behind
    if (this.#head > COMPACT_FROM && this.#head * 2 > this.#times.length) {
      this.#times = this.#times.slice(this.#head);
      this.#amounts = this.#amounts.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Last entry at exactly `atMs` by binary search; undefined when it has left the window. */
  #entryOf(atMs: number): number | undefined {
    let low = this.#head;
    let high = this.#times.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const time = this.#times[middle]!;
      if (time === atMs) return middle;
      if (time < atMs) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }
}

/** Entries that may lie dead at the front before the arrays are cut. */
const COMPACT_FROM = 1024;

function requireWindow(options: { readonly limit: number; readonly windowMs: number }): void {
  if (!(options.limit >= 0) || !(options.windowMs > 0)) {
    throw new RangeError('window: the limit must be 0 or more and the window longer than 0');
  }
}
