import { CLOCK_SLACK_MS, ADMITTED, RELATIVE_SLACK, refused } from './meter.ts';
import type { Admission, Meter } from './meter.ts';

export interface CalendarLimitOptions {
  /** US dollars, tokens or requests per period. */
  readonly limit: number;
  /** Wall time at `nowMs` = 0, since a calendar starts at no zero of ours. */
  readonly epochAtZeroMs: number;
  /** When the period ends that a moment lies in, both in ms since the epoch (core/calendar.ts). */
  readonly nextMs: (epochMs: number) => number;
}

/**
 * An allowance of a calendar period: an account's spend of a month (providers answer such calls
 * without retry-after), requests of a day in some time zone. Once it is gone, everything waits for
 * the next period.
 */
export class CalendarLimit implements Meter {
  readonly limit: number;
  readonly #epochAtZeroMs: number;
  readonly #nextMs: (epochMs: number) => number;
  #used = 0;
  #startMs = Number.NEGATIVE_INFINITY;
  #endMs = Number.NEGATIVE_INFINITY;

  constructor(options: CalendarLimitOptions) {
    this.limit = options.limit;
    this.#epochAtZeroMs = options.epochAtZeroMs;
    this.#nextMs = options.nextMs;
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
    this.#endMs = this.#nextMs(this.#epochAtZeroMs + nowMs + CLOCK_SLACK_MS) - this.#epochAtZeroMs;
    this.#used = 0;
  }
}
