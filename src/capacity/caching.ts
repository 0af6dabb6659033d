import { cacheWriteTokens, inputTokens, NO_TOKENS } from '../core/tokens.ts';
import type { TokenRecord } from '../core/tokens.ts';
import type { Break } from './limits.ts';
import { callVolume, meanCall } from './mean-demand.ts';
import type { PlanInput, Route } from './plan-input.ts';
import { trafficMeans } from './traffic.ts';
import type { Traffic } from './traffic.ts';
import { withRoutes, withTokens } from './what-if.ts';

/** How prompts are cached when the plan says so instead of the workload. */
export interface PromptCaching {
  /** Share of all input tokens that is read from the cache. */
  readonly hitRate: number;
  /** Of the input that is not read, the share that is written. */
  readonly written: number;
  readonly lifetime: '5m' | '1h';
}

/** Share of the input tokens that the workload itself reads from the cache. */
export function cachedShare(traffic: Traffic): number {
  const { tokens } = trafficMeans(traffic);
  const input = inputTokens(tokens);
  return input === 0 ? 0 : tokens.cacheRead / input;
}

/**
 * The same calls at another hit rate. Calls keep their order: below the measured rate every call
 * loses the same share of its reads, above it the same share of its misses.
 */
export function withPromptCaching(traffic: Traffic, caching: PromptCaching): Traffic {
  const measured = cachedShare(traffic);
  const { hitRate } = caching;
  return withTokens(traffic, (tokens) => {
    const input = inputTokens(tokens);
    const read =
      hitRate <= measured
        ? tokens.cacheRead * (hitRate / measured)
        : input - (input - tokens.cacheRead) * ((1 - hitRate) / (1 - measured));
    return split(tokens, input, Number.isNaN(read) ? 0 : read, caching);
  });
}

function split(
  { output, reasoning }: TokenRecord,
  input: number,
  cacheRead: number,
  { lifetime, written }: PromptCaching,
): TokenRecord {
  const write = (input - cacheRead) * written;
  return {
    ...NO_TOKENS,
    uncached: input - cacheRead - write,
    cacheRead,
    [lifetime === '5m' ? 'cacheWrite5m' : 'cacheWrite1h']: write,
    output,
    reasoning,
  };
}

/**
 * The plan at one scale where a fixed number of cache keys is shared: above the provider's rate
 * per key, calls may reach a machine that has not seen the prompt. Planned as if all of them do,
 * so of a read at rate r a share limit/r is left.
 */
export function cacheAt(input: PlanInput, scale: number): PlanInput {
  const { promptKeys } = input;
  if (promptKeys === undefined) return input;
  const { perMinute } = callVolume(input.volume, input.traffic);
  return withRoutes(input, (route) => {
    const { cacheKeyRpm, share } = route;
    if (cacheKeyRpm === undefined || share === 0) return route;
    const perKey = (perMinute * scale * share) / promptKeys;
    return { ...route, cacheKept: perKey <= cacheKeyRpm ? undefined : cacheKeyRpm / perKey };
  });
}

/** Keys per route at which no call misses for its rate; null where the provider names no rate. */
export function keysWanted(input: PlanInput, route: Route, scale: number): number | null {
  if (route.cacheKeyRpm === undefined) return null;
  const { perMinute } = callVolume(input.volume, input.traffic);
  return Math.max(1, Math.ceil((perMinute * scale * route.share) / route.cacheKeyRpm));
}

/** Share of input tokens that the plan's routes read from the cache; null without token counts. */
export function planCachedShare(input: PlanInput): number | null {
  if (!input.traffic.tokensKnown) return null;
  let read = 0;
  let all = 0;
  for (const route of input.routes) {
    if (route.share === 0) continue;
    const { tokens } = meanCall(input.traffic, route);
    read += route.share * tokens.cacheRead;
    all += route.share * (tokens.uncached + tokens.cacheRead + cacheWriteTokens(tokens));
  }
  return all === 0 ? null : read / all;
}

/** Halvings of the interval: to a ten-thousandth of the answer and better. */
const STEPS = 24;

/**
 * Where a plan breaks whose calls grow with the load: the scale at which the plan of that very
 * scale breaks. More load never caches better, so there is one answer.
 */
export function breakWithCache(
  input: PlanInput,
  judge: (input: PlanInput) => Break | undefined,
): Break | undefined {
  const best = judge(cacheAt(input, 0));
  if (best === undefined || input.promptKeys === undefined) return best;
  let high = best.scale;
  let low = 0;
  let found = best;
  for (let step = 0; step < STEPS; step += 1) {
    const middle = step === 0 ? high : (low + high) / 2;
    const own = judge(cacheAt(input, middle));
    if (own === undefined) return best;
    found = own;
    if (own.scale >= middle) {
      if (step === 0) return own;
      low = middle;
    } else high = middle;
  }
  return { ...found, scale: low === 0 ? high : low };
}
