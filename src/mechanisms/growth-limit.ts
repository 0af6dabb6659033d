import { MS_PER_MINUTE } from '../core/units.ts';
import { ADMITTED, CLOCK_SLACK_MS, RELATIVE_SLACK, refused } from './meter.ts';
import type { Admission, Meter } from './meter.ts';

export interface GrowthLimitOptions {
  /** Amount per minute that is always allowed. */
  readonly floorPerMinute: number;
  /** How many times the busiest minute of the period before may be reached, for example 1.5. */
  readonly factor: number;
  /** Length of the period whose busiest minute is the base. */
  readonly periodMs: number;
}

/**
 * Limits how fast a load may grow, on top of any absolute limit: in each minute at most
 * `max(floor, factor × busiest minute of the previous period)`. Anthropic's acceleration limit
 * (`ramp_limit_exceeded`; its numbers are unpublished, so they are inputs) and OpenAI Fast mode
 * (floor 1M TPM, factor 1.5, 15 minutes).
 */
export class GrowthLimit implements Meter {
  readonly #options: GrowthLimitOptions;
  #minute = Number.NEGATIVE_INFINITY;
  #used = 0;
  #period = Number.NEGATIVE_INFINITY;
  /** Busiest minute of this period so far, and of the one before. */
  #peak = 0;
  #base = 0;

  constructor(options: GrowthLimitOptions) {
    if (!(options.floorPerMinute > 0) || !(options.factor >= 1) || !(options.periodMs > 0)) {
      throw new RangeError('GrowthLimit: floor and period above 0, factor 1 or more');
    }
    this.#options = options;
  }

  /** What the present minute may hold. */
  get limit(): number {
    const { floorPerMinute, factor } = this.#options;
    return Math.max(floorPerMinute, factor * this.#base);
  }

  used(nowMs: number): number {
    this.#turn(nowMs);
    return this.#used;
  }

  /** A growing load always gets through sooner or later, so no amount waits for ever. */
  waitMs(nowMs: number, amount: number): number {
    this.#turn(nowMs);
    const { limit } = this;
    if (this.#used === 0 || this.#used + amount <= limit * (1 + RELATIVE_SLACK)) return 0;
    return (this.#minute + 1) * MS_PER_MINUTE - nowMs;
  }

  take(nowMs: number, amount: number): Admission {
    const waitMs = this.waitMs(nowMs, amount);
    if (waitMs > 0) return refused(waitMs);
    this.force(nowMs, amount);
    return ADMITTED;
  }

  force(nowMs: number, amount: number): void {
    this.#turn(nowMs);
    this.#used += amount;
    if (this.#used > this.#peak) this.#peak = this.#used;
  }

  give(nowMs: number, amount: number, debitedAtMs = nowMs): void {
    this.#turn(nowMs);
    if (Math.floor(debitedAtMs / MS_PER_MINUTE) !== this.#minute) return;
    this.#used = Math.max(0, this.#used - amount);
  }

  resetMs(nowMs: number): number {
    return this.used(nowMs) <= 0 ? 0 : (this.#minute + 1) * MS_PER_MINUTE - nowMs;
  }

  #turn(nowMs: number): void {
    const minute = Math.floor((nowMs + CLOCK_SLACK_MS) / MS_PER_MINUTE);
    if (minute <= this.#minute) return;
    this.#minute = minute;
    this.#used = 0;
    const period = Math.floor((nowMs + CLOCK_SLACK_MS) / this.#options.periodMs);
    if (period === this.#period) return;
    // A whole period without traffic leaves no base to grow from.
    this.#base = period === this.#period + 1 ? this.#peak : 0;
    this.#peak = 0;
    this.#period = period;
  }
}
