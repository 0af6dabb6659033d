import { breakWithCache, cacheAt, planCachedShare } from './caching.ts';
import { monthlyCost, poolDemand, stackTraffic } from './cost.ts';
import type { Cost } from './cost.ts';
import { hoursOfDay } from './day-hours.ts';
import type { DayUse } from './day-hours.ts';
import { simulateDemand } from './demand.ts';
import type { DemandOptions, DemandSimulation, Estimate, Peaks } from './demand.ts';
import { sizePool } from './gpu-pool.ts';
import type { PoolPlan } from './gpu-pool.ts';
import { DIMENSIONS } from './limit.ts';
import {
  limitPools,
  limitUses,
  missingFor,
  oversizeRequests,
  peakBreak,
  sustainedBreak,
  verdictOf,
} from './limits.ts';
import type { Break, LimitUse, Oversize, Verdict } from './limits.ts';
import { callVolume, meanCall } from './mean-demand.ts';
import type { Assumption, Goals, PlanInput, PriceAge, Source } from './plan-input.ts';
import { queueFor } from './queueing.ts';
import type { Queueing } from './queueing.ts';
import { planWarnings } from './plan-warnings.ts';
import { planProvisioned } from './provisioned-plan.ts';
import type { ProvisionedPlan } from './provisioned-plan.ts';
import { extraCallShare } from './routing.ts';
import { simulateRejections } from './rejections.ts';
import type { Rejections } from './rejections.ts';
import { planStack } from './stack-plan.ts';
import type { StackPlan } from './stack-plan.ts';
import { planSensitivity } from './sensitivity.ts';
import type { Sensitivity } from './sensitivity.ts';
import { marginAt } from './sensitivity-margin.ts';
import type { Margin } from './sensitivity-margin.ts';
import { planSplit } from './split-plan.ts';
import type { SplitPlan } from './split-plan.ts';
import { planStages } from './stages.ts';
import type { Stage } from './stages.ts';
import { inputTokens } from '../core/tokens.ts';
import { trafficMeans } from './traffic.ts';
import { turnLatency } from './turn-latency.ts';
import type { TurnLatency } from './turn-latency.ts';
import { waysOut } from './ways-out.ts';
import type { WayOut } from './way-out.ts';

/** The answer: what each scale asks for, what it costs, where it breaks, and what to do then. */
export interface Plan {
  readonly name: string;
  readonly seed: string | number;
  readonly scales: readonly ScalePlan[];
  /** On mean demand of the busy period; nothing a client does helps above it. */
  readonly breaksAt: Break | null;
  /** On the simulated busiest minute; above it some calls are rejected or wait. */
  readonly breaksAtPeak: Break | null;
  readonly waysOut: readonly WayOut[];
  readonly stages: readonly Stage[];
  /** The cheapest sharing of calls over routes and alternatives; null when there is no choice. */
  readonly split: SplitPlan | null;
  readonly provisioned: readonly ProvisionedPlan[];
  readonly sensitivity: Sensitivity;
  /** Null unless the user bounds the age of prices. */
  readonly priceAge: PriceAge | null;
  /** Null when the plan has no stack. */
  readonly stack: StackPlan | null;
  readonly goals: Goals;
  readonly warnings: readonly string[];
  /** What the plan leaves out, in words. */
  readonly notCounted: readonly string[];
  readonly assumptions: readonly Assumption[];
  readonly sources: readonly Source[];
  readonly simulation: { readonly replications: number; readonly windowMinutes: number };
}

export interface ScalePlan {
  readonly scale: number;
  readonly demand: Demand;
  readonly limits: readonly LimitUse[];
  readonly oversize: readonly Oversize[];
  /** Per limit pool: what is turned away, under documented and pessimistic windows. */
  readonly rejections: readonly Rejections[];
  /** Per limit pool: what calls wait when the client spaces them instead. */
  readonly queueing: readonly Queueing[];
  readonly turnLatency: TurnLatency;
  /** The limits hour by hour; null when the shape of the day is not known. */
  readonly day: DayUse | null;
  readonly cost: Cost;
  readonly pool: PoolPlan | null;
  /** Value against cost; null when the plan gives no value. */
  readonly margin: Margin | null;
  readonly verdict: Verdict;
  /** What is not known, in words. */
  readonly unknowns: readonly string[];
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

/** Computes a plan. Pure; the same input gives the same plan. */
export function makePlan(input: PlanInput, options: DemandOptions = {}): Plan {
  const simulation = simulateScales(input, options);
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
  const breaksAtPeak = breakWithCache(input, (at) => peakBreak(at, simulation));
  const scales = input.scales.map((scale) =>
    planScale(cacheAt(input, scale), simulation, options, {
      scale,
      pool: pools.get(scale) ?? null,
      gpuUsdPerMonth: gpuUsd(scale),
    }),
  );
  const queueing = scales.find(({ scale }) => scale === input.goals.fitsAtScale)?.queueing;
  const required = cacheAt(input, input.goals.fitsAtScale);
  return {
    name: input.name,
    seed: input.seed,
    scales,
    breaksAt: breakWithCache(input, sustainedBreak) ?? null,
    breaksAtPeak: breaksAtPeak ?? null,
    waysOut: waysOut(required, { peak: breaksAtPeak, queueing }),
    stages: planStages(input, simulation, gpuUsd),
    stack:
      input.stack === undefined
        ? null
        : planStack(input.stack, input.scales, (scale) => stackTraffic(input, simulation, scale)),
    split: planSplit(required, simulation, options),
    provisioned: planProvisioned(input),
    sensitivity: planSensitivity(input, simulation),
    priceAge: input.priceAge ?? null,
    goals: input.goals,
    warnings: planWarnings(input, simulation),
    notCounted: input.notCounted ?? [],
    assumptions: input.assumptions,
    sources: input.sources,
    simulation: { replications: simulation.replications, windowMinutes: simulation.windowMinutes },
  };
}

/** One pass for all scales, unless caching changes the calls from one to the next. */
function simulateScales(input: PlanInput, options: DemandOptions): DemandSimulation {
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

interface SizedScale {
  readonly scale: number;
  readonly pool: PoolPlan | null;
  readonly gpuUsdPerMonth: number | null;
}

function planScale(
  input: PlanInput,
  simulation: DemandSimulation,
  options: DemandOptions,
  { scale, pool, gpuUsdPerMonth }: SizedScale,
): ScalePlan {
  const limits = limitUses(input, simulation, scale);
  const oversize = oversizeRequests(input);
  const cost = monthlyCost(input, simulation, scale, gpuUsdPerMonth);
  const refused = limitPools(input).flatMap((pool) => {
    const { replications } = options;
    const own = simulateRejections(input, pool, scale, { retry: input.retry, replications });
    return own === undefined ? [] : [{ pool, own }];
  });
  const queueing = refused.map(({ own, pool: limited }) =>
    queueFor(input, limited, own, scale, options),
  );
  return {
    scale,
    demand: demandAt(input, simulation, scale),
    limits,
    oversize,
    rejections: refused.map(({ own }) => own),
    queueing,
    turnLatency: turnLatency(input.traffic, queueing),
    day: hoursOfDay(input, simulation, scale),
    cost,
    pool,
    margin: marginAt(input, cost, scale) ?? null,
    verdict: verdictOf(input, limits, oversize),
    unknowns: unknownsOf(input, limits, cost),
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

function unknownsOf(input: PlanInput, limits: readonly LimitUse[], cost: Cost): string[] {
  const unknowns = new Set<string>();
  for (const use of limits) {
    const missing = missingFor(input, use);
    if (missing !== null)
      unknowns.add(`${use.provider} ${DIMENSIONS[use.dimension].label}: ${missing}`);
  }
  for (const route of input.routes) {
    if (Object.keys(route.limits).length === 0) {
      unknowns.add(`${route.provider} ${route.model}: no limits are known; give them in the plan`);
    }
  }
  for (const [index, route] of cost.routes.entries()) {
    if (route.usdPerMonth !== null) continue;
    const from = input.routes[index]?.escalatedFrom;
    const key = from === undefined ? `routes.${index}` : `routes.${from}.escalate`;
    const why = input.traffic.tokensKnown
      ? `no price is known; give ${key}.prices, or a list with --prices`
      : 'the workload gives no token counts';
    unknowns.add(`API cost of ${route.provider} ${route.model}: ${why}`);
  }
  for (const gap of cost.stackGaps) unknowns.add(gap);
  return [...unknowns];
}
