import { ADMITTED, refused } from './meter.ts';
import type { Admission, Meter } from './meter.ts';

/**
 * Admits whatever comes as long as the limit is not yet exceeded, and counts it in full afterwards:
 * Azure provisioned throughput (admits while utilisation is at most 100 %) and Anthropic's output
 * tokens, which are counted as they are generated. The overshoot is paid back by refill.
 */
export class LateMeter implements Meter {
  readonly #meter: Meter;

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  /** No single call is too large. */
  get limit(): number {
    return Number.POSITIVE_INFINITY;
  }

  used(nowMs: number): number {
    return this.#meter.used(nowMs);
  }

  waitMs(nowMs: number): number {
    return this.#meter.waitMs(nowMs, 0);
  }

  take(nowMs: number, amount: number): Admission {
    const waitMs = this.waitMs(nowMs);
    if (waitMs > 0) return refused(waitMs);
    this.#meter.force(nowMs, amount);
    return ADMITTED;
  }

  force(nowMs: number, amount: number): void {
    this.#meter.force(nowMs, amount);
  }

  give(nowMs: number, amount: number, debitedAtMs = nowMs): void {
    this.#meter.give(nowMs, amount, debitedAtMs);
  }

  resetMs(nowMs: number): number {
    return this.#meter.resetMs(nowMs);
  }
}
