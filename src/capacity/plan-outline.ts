import { breakWithCache, cacheAt, planCachedShare } from './caching.ts';
import { monthlyCost, poolDemand } from './cost.ts';
import type { Cost } from './cost.ts';
import { simulateDemand } from './demand.ts';
import type { DemandOptions, DemandSimulation, Estimate, Peaks } from './demand.ts';
import { sizePool } from './gpu-pool.ts';
import type { PoolPlan } from './gpu-pool.ts';
import { limitUses, oversizeRequests, peakBreak, sustainedBreak, verdictOf } from './limits.ts';
import type { Break, LimitUse, Oversize, Verdict } from './limits.ts';
import { callVolume, meanCall } from './mean-demand.ts';
import type { Assumption, PlanInput } from './plan-input.ts';
import { extraCallShare } from './routing.ts';
import { planStages } from './stages.ts';
import type { Stage } from './stages.ts';
import { inputTokens } from '../core/tokens.ts';
import { trafficMeans } from './traffic.ts';

/** What a plan answers first: demand, limits, cost and stages. Comparing two plans needs no more. */
export interface PlanOutline {
  readonly name: string;
  readonly seed: string | number;
  readonly scales: readonly ScaleOutline[];
  /** On mean demand of the busy period; nothing a client does helps above it. */
  readonly breaksAt: Break | null;
  /** On the simulated busiest minute; above it some calls are rejected or wait. */
  readonly breaksAtPeak: Break | null;
  readonly stages: readonly Stage[];
  readonly assumptions: readonly Assumption[];
}

export interface ScaleOutline {
  readonly scale: number;
  readonly demand: Demand;
  readonly limits: readonly LimitUse[];
  readonly oversize: readonly Oversize[];
  readonly cost: Cost;
  readonly pool: PoolPlan | null;
  readonly verdict: Verdict;
}

interface Demand {
  readonly turnsPerMinute: number;
  /** LLM calls. */
  readonly rpm: Rate;
  /** Requests in the busiest second. */
  readonly peakSecond: Estimate | null;
  /** All input tokens, cached or not; null when the workload gives none. */
  readonly itpm: Rate | null;
  readonly otpm: Rate | null;
  /** Share of the input tokens that the routes read from the prompt cache; null without tokens. */
  readonly cachedShare: number | null;
  /** LLM calls in flight. */
  readonly concurrency: { readonly mean: number; readonly peak: Estimate | null };
}

export interface Rate {
  readonly mean: number;
  readonly peakMinute: Estimate | null;
}

/**
 * The outline of a plan: the same figures as in makePlan's, without what takes most of its time
 * (refusals, waiting, sensitivity, splits). Pure; the same input gives the same outline.
 */
export function outlinePlan(input: PlanInput, options: DemandOptions = {}): PlanOutline {
  return outlineOf(input, simulateScales(input, options));
}

/** The outline of a plan whose demand is simulated already. */
export function outlineOf(input: PlanInput, simulation: DemandSimulation): PlanOutline {
  const pools = new Map(
    input.scales.map((scale) => {
      const demand = poolDemand(input, simulation, scale);
      return [scale, demand === undefined ? null : sizePool(input.pool!.spec, demand)] as const;
    }),
  );
  const gpuUsd = (scale: number): number | null => {
    const pool = pools.get(scale) ?? null;
    return pool === null ? 0 : pool.costUsdPerMonth;
  };
  return {
    name: input.name,
    seed: input.seed,
    scales: input.scales.map((scale) => {
      const at = cacheAt(input, scale);
      const limits = limitUses(at, simulation, scale);
      const oversize = oversizeRequests(at);
      return {
        scale,
        demand: demandAt(at, simulation, scale),
        limits,
        oversize,
        cost: monthlyCost(at, simulation, scale, gpuUsd(scale)),
        pool: pools.get(scale) ?? null,
        verdict: verdictOf(at, limits, oversize),
      };
    }),
    breaksAt: breakWithCache(input, sustainedBreak) ?? null,
    breaksAtPeak: breakWithCache(input, (at) => peakBreak(at, simulation)) ?? null,
    stages: planStages(input, simulation, gpuUsd),
    assumptions: input.assumptions,
  };
}

/** One pass for all scales, unless caching changes the calls from one to the next. */
export function simulateScales(input: PlanInput, options: DemandOptions): DemandSimulation {
  const inputs = input.scales.map((scale) => cacheAt(input, scale));
  const changes = inputs.some(({ routes }) =>
    routes.some(({ cacheKept }) => cacheKept !== undefined),
  );
  if (!changes) return simulateDemand(input, options);
  // Sessions of a scale are the same whichever scales are asked for: they stay comparable.
  const each = inputs.map((at, index) =>
    simulateDemand({ ...at, scales: [input.scales[index]!] }, options),
  );
  return {
    ...each[0]!,
    scales: each.flatMap(({ scales }) => scales),
    calls: each.reduce((sum, { calls }) => sum + calls, 0),
  };
}

function demandAt(input: PlanInput, simulation: DemandSimulation, scale: number): Demand {
  const means = trafficMeans(input.traffic);
  const peaks = simulation.scales.find((entry) => entry.scale === scale)?.total;
  const sent = 1 - (input.answeredFromCache ?? 0);
  const perMinute = callVolume(input.volume, input.traffic).perMinute * scale;
  const asked = perMinute * (sent + extraCallShare(input));
  const known = input.traffic.tokensKnown;
  const extra = extraTokens(input);
  return {
    turnsPerMinute: input.volume.turnsPerMinute * scale,
    rpm: rate(asked, peaks, 'rpm'),
    peakSecond: peaks?.rps ?? null,
    itpm: known
      ? rate(perMinute * (sent * inputTokens(means.tokens) + extra.input), peaks, 'itpm')
      : null,
    otpm: known
      ? rate(perMinute * (sent * means.tokens.output + extra.output), peaks, 'otpm')
      : null,
    cachedShare: planCachedShare(input),
    concurrency: {
      mean: (perMinute / 60) * (sent * means.callSeconds + extra.seconds),
      peak: peaks?.concurrency ?? null,
    },
  };
}

/** What cascades add to the mean call of the workload, in the workload's own tokens. */
function extraTokens(input: PlanInput): { input: number; output: number; seconds: number } {
  const extra = { input: 0, output: 0, seconds: 0 };
  for (const route of input.routes) {
    if (route.escalatedFrom === undefined) continue;
    const call = meanCall(input.traffic, { ...route, tokenFactor: 1 });
    extra.input += route.share * inputTokens(call.tokens);
    extra.output += route.share * call.tokens.output;
    extra.seconds += route.share * call.seconds;
  }
  return extra;
}

function rate(mean: number, peaks: Peaks | undefined, dimension: 'rpm' | 'itpm' | 'otpm'): Rate {
  return { mean, peakMinute: peaks?.[dimension] ?? null };
}
