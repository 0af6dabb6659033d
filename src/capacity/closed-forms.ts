import { logGamma } from '../core/statistics.ts';

/**
 * Closed forms that bracket the simulation; they hold for Poisson arrivals of groups of equal size
 * and are optimistic for anything burstier. Used beside simulated figures and as test oracles.
 */

/**
 * Share of requests that a fixed window rejects when nobody retries: E[(N - C)+] / E[N] with
 * N = fanOut × Poisson and C = ceil(limit × window).
 * @param load mean demand over the limit
 */
export function fixedWindowRejections(limit: {
  readonly requestsPerMinute: number;
  readonly windowSeconds: number;
  readonly load: number;
  readonly fanOut: number;
}): number {
  const perWindow = (limit.requestsPerMinute * limit.windowSeconds) / 60;
  const capacity = Math.ceil(perWindow - 1e-9);
  const groups = (limit.load * perWindow) / limit.fanOut;
  if (groups === 0) return 0;
  // E[(bK - C)+] = E[bK] - C + E[(C - bK)+], and the last term is a finite sum.
  let missing = 0;
  for (let count = 0; count * limit.fanOut < capacity; count += 1) {
    missing += (capacity - count * limit.fanOut) * poisson(count, groups);
  }
  const mean = groups * limit.fanOut;
  return Math.max(0, (mean - capacity + missing) / mean);
}

/** One request every 60/RPM seconds and no queue: Erlang loss of one server. */
export function strictSpacingRejections(load: number): number {
  return load / (1 + load);
}

/**
 * Demand of a minute that is exceeded in 1 − p of the minutes, by the normal approximation of a
 * compound Poisson process: n groups of `fanOut` calls, call size of mean m and variation c.
 */
export function compoundPeak(demand: {
  readonly callsPerMinute: number;
  readonly meanSize: number;
  readonly variation: number;
  readonly fanOut: number;
  /** Quantile of the standard normal: 2.326 for 99 %. */
  readonly z: number;
}): number {
  const { callsPerMinute, meanSize, variation, fanOut, z } = demand;
  const sigma = meanSize * Math.sqrt(callsPerMinute * (fanOut + variation ** 2));
  return callsPerMinute * meanSize + z * sigma;
}

/** Shares of calls, and attempts per call. */
export interface OverloadShares {
  readonly firstAttempt: number;
  readonly failed: number;
  readonly attempts: number;
}

/**
 * A limiter that is never idle admits 1 of `load` independent calls, however often they are tried.
 * With r retries and each attempt rejected with probability p that is 1 - p^(r+1) = 1/load.
 */
export function overload(load: number, retries: number): OverloadShares {
  const tries = retries + 1;
  const failed = 1 - 1 / load;
  const rejected = failed ** (1 / tries);
  let attempts = 0;
  for (let attempt = 0; attempt < tries; attempt += 1) attempts += rejected ** attempt;
  return { firstAttempt: rejected, failed, attempts };
}

function poisson(count: number, mean: number): number {
  return Math.exp(count * Math.log(mean) - mean - logGamma(count + 1));
}
