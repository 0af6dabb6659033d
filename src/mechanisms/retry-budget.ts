import { MS_PER_SECOND } from '../core/units.ts';
import { SliceCounter } from './slice-counter.ts';

export interface RetryBudgetOptions {
  /** Retries allowed per first attempt, for example 0.1. */
  readonly share: number;
  /** Retries per second that are always allowed, so that a quiet client may retry at all. */
  readonly minimumPerSecond?: number | undefined;
  /** Window over which both are taken. Default 10 s (Finagle). */
  readonly windowMs?: number | undefined;
}

const DEFAULT_WINDOW_MS = 10 * MS_PER_SECOND;

/**
 * Caps the load that retries add: at most `share` of the first attempts of the window. A storm of
 * failures then costs 1 + share times the traffic instead of 1 + retries.
 */
export class RetryBudget {
  readonly #share: number;
  readonly #minimum: number;
  readonly #firsts: SliceCounter;
  readonly #retries: SliceCounter;

  constructor(options: RetryBudgetOptions) {
    const { share, minimumPerSecond = 0, windowMs = DEFAULT_WINDOW_MS } = options;
    this.#share = share;
    this.#minimum = (minimumPerSecond * windowMs) / MS_PER_SECOND;
    this.#firsts = new SliceCounter(windowMs);
    this.#retries = new SliceCounter(windowMs);
  }

  /** A first attempt was sent. */
  noteFirstAttempt(nowMs: number): void {
    this.#firsts.add(nowMs);
  }

  /** Takes one retry from the budget; false when it is spent. */
  takeRetry(nowMs: number): boolean {
    if (this.left(nowMs) < 1) return false;
    this.#retries.add(nowMs);
    return true;
  }

  /** Retries that may still be made now. */
  left(nowMs: number): number {
    const allowed = this.#share * this.#firsts.sum(nowMs) + this.#minimum;
    return allowed - this.#retries.sum(nowMs) + ROUNDING;
  }
}

/** Ten first attempts at a share of 0.1 must buy one retry, whatever 10 × 0.1 rounds to. */
const ROUNDING = 1e-9;
