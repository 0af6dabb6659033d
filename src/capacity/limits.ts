import type { PeakDimension } from './demand-site.ts';
import type { DemandSimulation, Estimate } from './demand.ts';
import { dimensionsOf, SPEND_DIMENSIONS, TOKEN_DIMENSIONS } from './limit.ts';
import type { Dimension, Limits } from './limit.ts';
import { admissionQuantile, meanDemand } from './mean-demand.ts';
import type { PlanInput, Route } from './plan-input.ts';

/** Utilisation of one dimension of one limit pool at one scale. */
export interface LimitUse {
  readonly provider: string;
  readonly model: string;
  readonly tier: string | null;
  readonly limitPool: string;
  readonly dimension: Dimension;
  readonly limit: number;
  /** Mean over the busy period; null when the workload or catalog lacks what it needs. */
  readonly demandMean: number | null;
  /** The busiest window of the busy hour; equal to the mean for daily and monthly limits. */
  readonly demandPeak: Estimate | null;
  /** Peak demand over the limit. */
  readonly utilisation: number | null;
  /** Mean demand over the limit. */
  readonly utilisationMean: number | null;
  /** Whether this is the dimension whose mean demand reaches its limit first. */
  readonly binding: boolean;
}

export interface Break {
  /** Multiple of the target. */
  readonly scale: number;
  readonly dimension: Dimension;
  readonly provider: string;
  readonly model: string;
}

/** Requests that can never be served, at any load: larger than the bucket itself. */
export interface Oversize {
  readonly provider: string;
  readonly model: string;
  readonly dimension: Dimension;
  readonly limit: number;
  /** Tokens that 99 % of requests stay below at admission. */
  readonly requestP99: number;
}

/** Routes grouped by the limits they share. */
export interface LimitPool {
  readonly key: string;
  readonly routes: readonly Route[];
  readonly limits: Limits;
}

export function limitPools(input: PlanInput): LimitPool[] {
  const pools = new Map<string, Route[]>();
  for (const route of input.routes) {
    if (route.share === 0) continue;
    pools.set(route.limitPool, [...(pools.get(route.limitPool) ?? []), route]);
  }
  return [...pools].map(([key, routes]) => ({ key, routes, limits: routes[0]!.limits }));
}

/** Every dimension of every pool at one scale. */
export function limitUses(
  input: PlanInput,
  simulation: DemandSimulation,
  scale: number,
): LimitUse[] {
  const peaks = simulation.scales.find((entry) => entry.scale === scale);
  const rows = limitPools(input).flatMap((pool) =>
    dimensionsOf(pool.limits).map((dimension): LimitUse => {
      const limit = pool.limits[dimension]!;
      const mean = poolMean(input, pool, dimension);
      const demandMean = mean === null ? null : mean * scale;
      const peak = peaks?.pools.get(pool.key)?.[dimension as PeakDimension];
      const demandPeak = demandMean === null ? null : (peak ?? exactly(demandMean));
      const { provider, model, tier } = pool.routes[0]!;
      return {
        provider,
        model,
        tier,
        limitPool: pool.key,
        dimension,
        limit,
        demandMean,
        demandPeak,
        utilisation: demandPeak === null ? null : demandPeak.value / limit,
        utilisationMean: demandMean === null ? null : demandMean / limit,
        binding: false,
      };
    }),
  );
  const binding = bindingRow(rows);
  return rows.map((row) => (row === binding ? { ...row, binding: true } : row));
}

function bindingRow(rows: readonly LimitUse[]): LimitUse | undefined {
  let best: LimitUse | undefined;
  for (const row of rows) {
    if (row.utilisationMean === null) continue;
    if (best === undefined || row.utilisationMean > best.utilisationMean!) best = row;
  }
  return best;
}

/** Mean demand of a pool at 1x in the dimension's own unit; null when it needs what nobody gave. */
export function poolMean(input: PlanInput, pool: LimitPool, dimension: Dimension): number | null {
  let total = 0;
  for (const route of pool.routes) {
    const one = meanDemand(input, route, dimension);
    if (one === null) return null;
    total += one;
  }
  return total;
}

function exactly(value: number): Estimate {
  return { value, low: value, high: value };
}

/**
 * The multiple of the target at which mean demand reaches its first limit. Above it no client
 * behaviour helps: more is asked than is ever granted. Undefined when no limit can be judged.
 */
export function sustainedBreak(input: PlanInput): Break | undefined {
  let first: Break | undefined;
  for (const pool of limitPools(input)) {
    for (const dimension of dimensionsOf(pool.limits)) {
      const mean = poolMean(input, pool, dimension);
      if (mean === null || mean === 0) continue;
      const scale = pool.limits[dimension]! / mean;
      if (first === undefined || scale < first.scale) first = breakOf(pool, dimension, scale);
    }
  }
  return first;
}

/**
 * The multiple at which the busiest minute of the busy hour reaches a limit: from here on some
 * requests are rejected or must wait. Peak demand of a compound Poisson process at scale s is
 * m·s + c·√s; c is taken from the simulated scale nearest to the answer.
 */
export function peakBreak(input: PlanInput, simulation: DemandSimulation): Break | undefined {
  let first: Break | undefined;
  for (const pool of limitPools(input)) {
    for (const dimension of dimensionsOf(pool.limits)) {
      const mean = poolMean(input, pool, dimension);
      if (mean === null || mean === 0) continue;
      const scale = peakBreakScale(mean, pool.limits[dimension]!, (near) =>
        simulatedPeak(simulation, pool.key, dimension, near),
      );
      if (first === undefined || scale < first.scale) first = breakOf(pool, dimension, scale);
    }
  }
  return first;
}

function breakOf(pool: LimitPool, dimension: Dimension, scale: number): Break {
  const { provider, model } = pool.routes[0]!;
  return { scale, dimension, provider, model };
}

/** The simulated peak nearest to a scale; undefined for dimensions without a window to peak in. */
export function simulatedPeak(
  simulation: DemandSimulation,
  pool: string,
  dimension: Dimension,
  near: number,
): { readonly scale: number; readonly peak: number } | undefined {
  let best: { readonly scale: number; readonly peak: number } | undefined;
  for (const { scale, pools } of simulation.scales) {
    const peak = pools.get(pool)?.[dimension as PeakDimension]?.value;
    if (peak === undefined) continue;
    if (best === undefined || ratio(scale, near) < ratio(best.scale, near)) best = { scale, peak };
  }
  return best;
}

function ratio(a: number, b: number): number {
  return Math.abs(Math.log(a / b));
}

export function peakBreakScale(
  mean: number,
  limit: number,
  peakNear: (scale: number) => { readonly scale: number; readonly peak: number } | undefined,
): number {
  const sustained = limit / mean;
  const point = peakNear(sustained);
  if (point === undefined) return sustained;
  const c = Math.max(0, (point.peak - mean * point.scale) / Math.sqrt(point.scale));
  const root = (-c + Math.sqrt(c * c + 4 * mean * limit)) / (2 * mean);
  return root * root;
}

/** Pools where the 99th percentile request is larger than a bucket: unservable, not slow. */
export function oversizeRequests(input: PlanInput): Oversize[] {
  const found: Oversize[] = [];
  for (const route of input.routes) {
    for (const dimension of dimensionsOf(route.limits)) {
      const limit = route.limits[dimension]!;
      const requestP99 = admissionQuantile(input.traffic, route, dimension, 0.99);
      if (requestP99 === null || requestP99 <= limit) continue;
      found.push({ provider: route.provider, model: route.model, dimension, limit, requestP99 });
    }
  }
  return found;
}

export type Verdict =
  /** Peak demand stays below every limit, with the headroom the goals ask for. */
  | 'fits'
  /** It fits, but with less headroom than the goals ask for. */
  | 'tight'
  /** Mean demand fits, the busiest minute does not: rejections unless the client smooths. */
  | 'bursts'
  /** Mean demand is above a limit. */
  | 'exceeds'
  /** Some requests can never pass. */
  | 'unservable'
  /** A limit, or what it counts, is not known. */
  | 'unknown';

/** The worst that holds. Unknown is never a pass. */
export function verdictOf(
  input: PlanInput,
  uses: readonly LimitUse[],
  oversize: readonly Oversize[],
): Verdict {
  if (oversize.length > 0) return 'unservable';
  if (uses.some((use) => (use.utilisationMean ?? 0) > 1)) return 'exceeds';
  if (uses.some((use) => (use.utilisation ?? 0) > 1)) return 'bursts';
  if (limitPools(input).some((pool) => dimensionsOf(pool.limits).length === 0)) return 'unknown';
  if (uses.some((use) => use.utilisation === null)) return 'unknown';
  const allowed = 1 - input.goals.headroom;
  return uses.some((use) => use.utilisation! > allowed) ? 'tight' : 'fits';
}

/** What is missing to judge a dimension, in words; null when nothing is. */
export function missingFor(input: PlanInput, use: LimitUse): string | null {
  if (use.utilisation !== null) return null;
  if (TOKEN_DIMENSIONS.has(use.dimension) && !input.traffic.tokensKnown) {
    return 'the workload gives no token counts';
  }
  if (SPEND_DIMENSIONS.has(use.dimension)) return 'there is no price for this model';
  return 'not enough is known';
}
