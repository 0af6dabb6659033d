import { CLOCK_SLACK_MS, ADMITTED, RELATIVE_SLACK, refused } from './meter.ts';
import { nextMonthMs } from '../core/calendar.ts';
import type { Admission, Meter } from './meter.ts';

export interface MonthLimitOptions {
  /** US dollars or tokens per calendar month (UTC). */
  readonly limit: number;
  /** Wall time at `nowMs` = 0, since a month needs a calendar. */
  readonly epochAtZeroMs: number;
}

/**
 * An account's spend or token allowance of a calendar month. Once it is gone, everything waits
 * for the first of the next month; providers answer such calls without retry-after.
 */
export class MonthLimit implements Meter {
  readonly limit: number;
  readonly #epochAtZeroMs: number;
  #used = 0;
  #startMs = Number.NEGATIVE_INFINITY;
  #endMs = Number.NEGATIVE_INFINITY;

  constructor(options: MonthLimitOptions) {
    this.limit = options.limit;
    this.#epochAtZeroMs = options.epochAtZeroMs;
  }

  used(nowMs: number): number {
    this.#turn(nowMs);
    return this.#used;
  }

  waitMs(nowMs: number, amount: number): number {
    this.#turn(nowMs);
    const most = this.limit * (1 + RELATIVE_SLACK);
    if (this.#used + amount <= most) return 0;
    return amount > most ? Number.POSITIVE_INFINITY : this.#endMs - nowMs;
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

  give(nowMs: number, amount: number, debitedAtMs = nowMs): void {
    this.#turn(nowMs);
    if (debitedAtMs >= this.#startMs) this.#used = Math.max(0, this.#used - amount);
  }

  resetMs(nowMs: number): number {
    return this.used(nowMs) <= 0 ? 0 : this.#endMs - nowMs;
  }

  #turn(nowMs: number): void {
    if (nowMs + CLOCK_SLACK_MS < this.#endMs) return;
    this.#startMs = Number.isFinite(this.#endMs) ? this.#endMs : nowMs;
    this.#endMs = nextMonthMs(this.#epochAtZeroMs + nowMs + CLOCK_SLACK_MS) - this.#epochAtZeroMs;
    this.#used = 0;
  }
}
