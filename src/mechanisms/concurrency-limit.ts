import { ADMITTED, refused } from './meter.ts';
import type { Admission, Meter } from './meter.ts';

export interface ConcurrencyLimitOptions {
  /** Calls that may be in flight at once. */
  readonly limit: number;
  /** What a refused caller is told, since nobody knows when a call will end. Default 1 s. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * Calls in flight (DeepSeek, Moonshot). `take` at the start of a call, `give` at its end. Leaks
 * are the business of RateLimit, whose reservations expire.
 */
export class ConcurrencyLimit implements Meter {
  readonly limit: number;
  readonly #retryAfterMs: number;
  #inFlight = 0;

  constructor(options: ConcurrencyLimitOptions) {
    this.limit = options.limit;
    this.#retryAfterMs = options.retryAfterMs ?? 1000;
  }

  used(): number {
    return this.#inFlight;
  }

  waitMs(_nowMs: number, amount: number): number {
    if (this.#inFlight + amount <= this.limit) return 0;
    return amount > this.limit ? Number.POSITIVE_INFINITY : this.#retryAfterMs;
  }

  take(nowMs: number, amount: number): Admission {
    const waitMs = this.waitMs(nowMs, amount);
    if (waitMs > 0) return refused(waitMs);
    this.#inFlight += amount;
    return ADMITTED;
  }

  force(_nowMs: number, amount: number): void {
    this.#inFlight += amount;
  }

  give(_nowMs: number, amount: number): void {
    this.#inFlight = Math.max(0, this.#inFlight - amount);
  }

  /** Unknown while calls are in flight; the same hint as for a refusal. */
  resetMs(): number {
    return this.#inFlight === 0 ? 0 : this.#retryAfterMs;
  }
}
