import { inputTokens } from '../core/tokens.ts';
import type { TokenRecord } from '../core/tokens.ts';

/** USD per million tokens. A rate that is absent bills at the input rate. */
export interface TokenRates {
  readonly inputUsd: number;
  readonly cacheReadUsd?: number | undefined;
  readonly cacheWrite5mUsd?: number | undefined;
  readonly cacheWrite1hUsd?: number | undefined;
  readonly outputUsd: number;
}

export interface ModelPrice extends TokenRates {
  /** Above this prompt length the whole request bills at these rates. */
  readonly long?:
    | (TokenRates & {
        readonly thresholdTokens: number;
        /** Whether a prompt of exactly the threshold is long (xAI). */
        readonly inclusive: boolean;
      })
    | undefined;
  /** Factor of the provider's batch interface; absent when it has none. */
  readonly batchFactor?: number | undefined;
  /** Batch bills cached input at the standard rate (Gemini 3.1 Pro). */
  readonly batchKeepsCacheRates?: boolean | undefined;
}

export type ServiceTier = 'standard' | 'batch';

const MILLION = 1_000_000;

/**
 * Price of one request in USD. The rate tier is chosen by this request's own prompt, cached and
 * written tokens included, never by an average.
 * @throws RangeError when batch is asked for and the model has none; callers check first
 */
export function priceRequest(
  price: ModelPrice,
  tokens: TokenRecord,
  service: ServiceTier = 'standard',
): number {
  const rates = ratesFor(price, inputTokens(tokens));
  const cache =
    tokens.cacheRead * (rates.cacheReadUsd ?? rates.inputUsd) +
    tokens.cacheWrite5m * (rates.cacheWrite5mUsd ?? rates.inputUsd) +
    tokens.cacheWrite1h * (rates.cacheWrite1hUsd ?? rates.cacheWrite5mUsd ?? rates.inputUsd);
  const plain = tokens.uncached * rates.inputUsd + tokens.output * rates.outputUsd;
  if (service === 'standard') return (plain + cache) / MILLION;
  if (price.batchFactor === undefined) throw new RangeError('this model has no batch price');
  const cacheFactor = price.batchKeepsCacheRates === true ? 1 : price.batchFactor;
  return (plain * price.batchFactor + cache * cacheFactor) / MILLION;
}

/** The rates that apply to a prompt of this length. */
export function ratesFor(price: ModelPrice, promptTokens: number): TokenRates {
  const { long } = price;
  if (long === undefined) return price;
  const isLong = long.inclusive
    ? promptTokens >= long.thresholdTokens
    : promptTokens > long.thresholdTokens;
  return isLong ? long : price;
}

/** Every rate times a factor: data residency, a discount. */
export function priceTimes(price: ModelPrice, factor: number): ModelPrice {
  const { long } = price;
  return {
    ...price,
    ...ratesTimes(price, factor),
    long: long === undefined ? undefined : { ...long, ...ratesTimes(long, factor) },
  };
}

function ratesTimes(rates: TokenRates, factor: number): TokenRates {
  const times = (usd: number | undefined): number | undefined =>
    usd === undefined ? undefined : usd * factor;
  return {
    inputUsd: rates.inputUsd * factor,
    outputUsd: rates.outputUsd * factor,
    cacheReadUsd: times(rates.cacheReadUsd),
    cacheWrite5mUsd: times(rates.cacheWrite5mUsd),
    cacheWrite1hUsd: times(rates.cacheWrite1hUsd),
  };
}

/** Batch rate of a list price. */
export function batchPrice(priceUsd: number, factor: number): number {
  return priceUsd * factor;
}

/** Cost of using one prompt n times through a cache, in units of one uncached prompt. */
export function cachedUses(
  multiples: { readonly write: number; readonly read: number },
  uses: number,
): number {
  return multiples.write + (uses - 1) * multiples.read;
}

/** Smallest number of cache reads after which writing the cache was cheaper than not to. */
export function cachePaybackReads(multiples: {
  readonly write: number;
  readonly read: number;
}): number {
  const { write, read } = multiples;
  if (read >= 1) return Number.POSITIVE_INFINITY;
  // write + n*read < 1 + n  <=>  n > (write - 1)/(1 - read)
  return Math.max(0, Math.floor((write - 1) / (1 - read) + 1));
}

/** One step of a marginal price list: `width` units at this price; the last step has no width. */
export interface PriceStep {
  readonly width?: number | undefined;
  readonly usd: number;
}

/** Marginal (block) pricing: each step's units at that step's price. */
export function steppedPrice(quantity: number, steps: readonly PriceStep[]): number {
  let left = quantity;
  let total = 0;
  for (const { width, usd } of steps) {
    const units = Math.min(left, width ?? Number.POSITIVE_INFINITY);
    total += units * usd;
    left -= units;
    if (left <= 0) break;
  }
  return total;
}

/** A bill with a monthly minimum (Pinecone, Weaviate). */
export function withMinimum(usageUsd: number, minimumUsd: number): number {
  return Math.max(usageUsd, minimumUsd);
}

/** Anthropic's credit units on cloud marketplaces: 100 per dollar. */
export function creditUnits(usd: number): number {
  return usd * 100;
}

/** USD per million output tokens of a self-hosted GPU at this throughput and utilisation. */
export function selfHostedPricePerMillion(gpu: {
  readonly usdPerHour: number;
  readonly tokensPerSecond: number;
  readonly utilisation: number;
}): number {
  const tokensPerHour = gpu.tokensPerSecond * 3600 * gpu.utilisation;
  return (gpu.usdPerHour / tokensPerHour) * MILLION;
}
