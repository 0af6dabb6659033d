import type { AgentLimits } from '../config/gateway.ts';
import type { Random } from '../core/random.ts';
import { MS_PER_SECOND } from '../core/units.ts';
import { RateLimit } from '../mechanisms/rate-limit.ts';
import type { Dimension, Reservation } from '../mechanisms/rate-limit.ts';
import { TokenBucket } from '../mechanisms/token-bucket.ts';
import type { TokenEstimate } from './token-estimate.ts';

/** A reservation nobody settles is charged after this long: longer than the longest exchange. */
const RESERVATION_TTL_MS = 60 * 60 * MS_PER_SECOND;

/** Told waits are stretched by up to this share, so that equal callers do not return together. */
const JITTER = 0.1;

/** Queueing refused callers behind each other never adds more than this to the told wait. */
const LONGEST_SPREAD_MS = 10 * MS_PER_SECOND;

const SECONDS_PER_MINUTE = 60;

/** Deepest debt of a bucket in units of its capacity: 10 minutes without calls at a plain limit. */
const DEBT_CAP = 10;

export type Decision =
  | { readonly admitted: true; readonly reservation: Reservation }
  | {
      readonly admitted: false;
      readonly dimension: DimensionName;
      readonly requested: number;
      readonly used: number;
      readonly limit: number;
      /** When to come back, spread over the callers; Infinity when the call can never pass. */
      readonly retryAfterMs: number;
    };

export type DimensionName = 'requests' | 'tokens';

export interface DimensionState {
  readonly name: DimensionName;
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
}

const TOKENS: ReadonlySet<string> = new Set(['tokens']);

/** The request and token buckets of one agent, taken together or not at all. */
export class AgentRateLimit {
  readonly #limit: RateLimit;
  readonly #buckets: readonly { readonly name: DimensionName; readonly bucket: TokenBucket }[];
  readonly #random: Random;
  /** Where the queue of refused callers ends, by dimension. */
  readonly #queueEndMs = { requests: 0, tokens: 0 };

  constructor(limits: AgentLimits, random: Random, nowMs: number) {
    this.#random = random;
    const { requestsPerMinute, burstRequests, tokensPerMinute, burstTokens } = limits;
    this.#buckets = [
      ...bucket('requests', requestsPerMinute, burstRequests, nowMs),
      ...bucket('tokens', tokensPerMinute, burstTokens, nowMs),
    ];
    const dimensions: Dimension[] = this.#buckets.map(({ name, bucket: meter }) => ({
      name,
      meter,
    }));
    this.#limit = new RateLimit(dimensions, { reservationTtlMs: RESERVATION_TTL_MS });
  }

  /** Reserves one request and its estimated tokens. */
  reserve(nowMs: number, estimate: TokenEstimate): Decision {
    const tokens = estimate.input + estimate.output;
    const amounts = { requests: 1, tokens };
    // An explicit output cap above the bucket can never pass; a mere estimate is cut to fit.
    const capacity = this.#bucket('tokens')?.limit ?? Number.POSITIVE_INFINITY;
    const isImpossible = !estimate.isOutputGuess && estimate.output > capacity;
    const decision = this.#limit.reserve(nowMs, amounts, isImpossible ? undefined : TOKENS);
    if (decision.admitted) return decision;
    const { requested, used, limit, waitMs } = decision;
    const dimension = decision.dimension as DimensionName;
    const retryAfterMs = this.#spread(nowMs, dimension, requested, waitMs);
    return { admitted: false, dimension, requested, used, limit, retryAfterMs };
  }

  /** Charges what the call really used. */
  settle(nowMs: number, reservation: Reservation, tokens: number): void {
    this.#limit.settle(nowMs, reservation, { tokens });
  }

  /** Gives the tokens back; the request itself was made and stays counted. */
  refundTokens(nowMs: number, reservation: Reservation): void {
    this.#limit.refund(nowMs, reservation, ['requests']);
  }

  states(nowMs: number): DimensionState[] {
    return this.#buckets.map(({ name, bucket: meter }) => ({
      name,
      limit: meter.limit,
      remaining: Math.max(0, Math.floor(meter.level(nowMs))),
      resetMs: meter.resetMs(nowMs),
    }));
  }

  /**
   * A common Retry-After brings all refused callers back at once. Each refusal is told to come
   * after the ones before it: the bucket's own wait, plus what they will have taken by then.
   */
  #spread(nowMs: number, name: DimensionName, amount: number, waitMs: number): number {
    if (!Number.isFinite(waitMs)) return waitMs;
    const meter = this.#bucket(name)!;
    const perMs = meter.refillPerSecond / MS_PER_SECOND;
    const earliestMs = nowMs + waitMs;
    const turnMs = Math.min(
      Math.max(earliestMs, this.#queueEndMs[name]),
      earliestMs + LONGEST_SPREAD_MS,
    );
    this.#queueEndMs[name] = turnMs + amount / perMs;
    return (turnMs - nowMs) * (1 + JITTER * this.#random.uniform());
  }

  #bucket(name: DimensionName): TokenBucket | undefined {
    return this.#buckets.find((entry) => entry.name === name)?.bucket;
  }
}

function bucket(
  name: DimensionName,
  perMinute: number | undefined,
  burst: number | undefined,
  nowMs: number,
): { readonly name: DimensionName; readonly bucket: TokenBucket }[] {
  if (perMinute === undefined) return [];
  const refillPerSecond = perMinute / SECONDS_PER_MINUTE;
  const capacity = burst ?? perMinute;
  const options = { capacity, refillPerSecond, debtCap: DEBT_CAP * capacity };
  return [{ name, bucket: new TokenBucket(options, nowMs) }];
}
