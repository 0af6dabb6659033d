import { MS_PER_SECOND } from '../core/units.ts';
import { ADMITTED, CLOCK_SLACK_MS, RELATIVE_SLACK, refused } from './meter.ts';
import type { Admission, Meter } from './meter.ts';

export type { Admission } from './meter.ts';

export interface TokenBucketOptions {
  /** What a full bucket holds, and so the largest burst. */
  readonly capacity: number;
  readonly refillPerSecond: number;
  /** Level at the start; full when absent. */
  readonly level?: number | undefined;
  /** Deepest debt that settlement may leave behind; unbounded when absent. */
  readonly debtCap?: number | undefined;
}

/**
 * Lazily refilled bucket: `level = min(capacity, level + elapsed × rate)`, fractions kept. With
 * capacity = limit and rate = limit per minute it is OpenAI's limiter: the wait it answers is
 * `(Used + Requested − Limit) × 60 / Limit` seconds. Settlement may push the level below zero;
 * the debt is paid by refill and never forgiven. O(1) per call.
 */
export class TokenBucket implements Meter {
  readonly limit: number;
  readonly refillPerSecond: number;
  readonly #perMs: number;
  readonly #debtFloor: number;
  readonly #slack: number;
  #level: number;
  #atMs: number;

  /** @throws RangeError when capacity or refill is negative or NaN */
  constructor(options: TokenBucketOptions, nowMs: number) {
    const { capacity, refillPerSecond, level = capacity, debtCap } = options;
    if (!(capacity >= 0) || !(refillPerSecond >= 0)) {
      throw new RangeError('TokenBucket: capacity and refill must be 0 or more');
    }
    this.limit = capacity;
    this.refillPerSecond = refillPerSecond;
    this.#perMs = refillPerSecond / MS_PER_SECOND;
    this.#debtFloor = debtCap === undefined ? Number.NEGATIVE_INFINITY : -debtCap;
    this.#slack = Math.max(capacity * RELATIVE_SLACK, this.#perMs * CLOCK_SLACK_MS);
    this.#level = Math.min(level, capacity);
    this.#atMs = nowMs;
  }

  /** Tokens available; negative while a settlement's debt is being paid. */
  level(nowMs: number): number {
    this.#refill(nowMs);
    return this.#level;
  }

  used(nowMs: number): number {
    return this.limit - this.level(nowMs);
  }

  waitMs(nowMs: number, amount: number): number {
    this.#refill(nowMs);
    const missing = amount - this.#level;
    if (missing <= this.#slack) return 0;
    if (amount > this.limit + this.#slack) return Number.POSITIVE_INFINITY;
    return missing / this.#perMs;
  }

  take(nowMs: number, amount: number): Admission {
    const waitMs = this.waitMs(nowMs, amount);
    if (waitMs > 0) return refused(waitMs);
    this.#level -= amount;
    return ADMITTED;
  }

  /** A refund; the bucket never holds more than its capacity. */
  give(nowMs: number, amount: number): void {
    this.#refill(nowMs);
    this.#level = Math.min(this.limit, this.#level + amount);
  }

  force(nowMs: number, amount: number): void {
    this.#refill(nowMs);
    this.#level = Math.max(this.#level - amount, Math.min(this.#level, this.#debtFloor));
  }

  /** Lowers the level to what the provider says is left; a mirror never trusts itself upwards. */
  lowerTo(nowMs: number, remaining: number): void {
    this.#refill(nowMs);
    this.#level = Math.min(this.#level, remaining);
  }

  resetMs(nowMs: number): number {
    const missing = this.used(nowMs);
    return missing <= 0 ? 0 : missing / this.#perMs;
  }

  #refill(nowMs: number): void {
    const elapsedMs = nowMs - this.#atMs;
    if (elapsedMs <= 0) return;
    this.#level = Math.min(this.limit, this.#level + elapsedMs * this.#perMs);
    this.#atMs = nowMs;
  }
}
