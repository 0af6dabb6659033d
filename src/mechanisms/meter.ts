/**
 * The common face of everything that counts against a limit: token bucket, windows, concurrency,
 * ramp. A meter is handed `nowMs` and reads no clock; amounts are in whatever unit it was built
 * for (requests, tokens, US dollars, calls in flight).
 */
export interface Meter {
  /** The largest amount that can ever pass in one piece. */
  readonly limit: number;
  /** What counts against the limit at `nowMs`. */
  used(nowMs: number): number;
  /** 0 when `amount` would pass now, else the wait in ms; Infinity when it can never pass. */
  waitMs(nowMs: number, amount: number): number;
  /** Debits `amount` if it fits; a refusal changes nothing. */
  take(nowMs: number, amount: number): Admission;
  /** Debits without asking (settlement above the reservation); may exceed the limit. */
  force(nowMs: number, amount: number): void;
  /** Takes back a debit made at `debitedAtMs`; never more than what that debit still weighs. */
  give(nowMs: number, amount: number, debitedAtMs?: number): void;
  /** Ms until nothing counts any more: the meaning of OpenAI's `x-ratelimit-reset-*`. */
  resetMs(nowMs: number): number;
}

export type Admission =
  | { readonly admitted: true }
  /** `waitMs` is Infinity when the amount can never pass. */
  | { readonly admitted: false; readonly waitMs: number };

/** One shared value, so that an admission allocates nothing. */
export const ADMITTED: Admission = { admitted: true };

export function refused(waitMs: number): Admission {
  return { admitted: false, waitMs };
}

/**
 * Slack of one comparison, as a share of the limit: sums of fractions such as 0.1 must not refuse
 * what fits on paper. It does not add up over time, because debits are taken in full.
 */
export const RELATIVE_SLACK = 1e-9;

/**
 * A caller that waits exactly as long as it was told must be let in although clock readings are
 * rounded: doubles of epoch milliseconds step by 0.24 µs.
 */
export const CLOCK_SLACK_MS = 0.001;
