import { formatCount, formatShare, formatUsd } from '../core/units.ts';
import { cacheAt } from './caching.ts';
import { monthlyCost } from './cost.ts';
import type { DemandSimulation } from './demand.ts';
import { limitPools, peakBreak, sustainedBreak } from './limits.ts';
import type { Break, LimitPool } from './limits.ts';
import { DIMENSIONS, dimensionsOf, formatScale, SPEND_DIMENSIONS } from './limit.ts';
import type { Dimension, Limits } from './limit.ts';
import { callVolume } from './mean-demand.ts';
import type { PlanInput } from './plan-input.ts';

/** One step of the rollout: what starts it, what changes, what it then carries and costs. */
export interface Stage {
  readonly name: string;
  /** The multiple of the target this stage is built for. */
  readonly atScale: number;
  /** Null: it starts now. */
  readonly startsWhen: Trigger | null;
  /** What to do; empty when the stage before it already carries the load. */
  readonly changes: readonly string[];
  /** The first limit of the busiest minute after the changes; null when no limit is known. */
  readonly supports: Break | null;
  readonly fits: boolean;
  readonly usdPerMonth: number | null;
}

/** A threshold on a gateway metric; the Prometheus rule file carries the same number. */
export interface Trigger {
  readonly dimension: 'rpm' | 'tpm' | 'itpm' | 'otpm';
  readonly provider: string;
  readonly model: string;
  /** In the dimension's unit per minute, sustained for ten minutes. */
  readonly threshold: number;
  readonly why: string;
}

/** How often to raise the number of limit pools before giving up on a stage. */
const MOST_POOLS = 50;

/** Stages for the plan's scales, each built on the one before. */
export function planStages(
  input: PlanInput,
  simulation: DemandSimulation,
  gpuUsdPerMonth: (scale: number) => number | null,
): Stage[] {
  const stages: Stage[] = [];
  let current = input;
  let before: { readonly input: PlanInput; readonly scale: number } | undefined;
  for (const scale of input.scales) {
    const grown = growTo(cacheAt(current, scale), simulation, scale);
    const supports = peakBreak(grown.input, simulation) ?? null;
    stages.push({
      name: stageName(stages.length),
      atScale: scale,
      startsWhen: before === undefined ? null : triggerFor(before, simulation, scale),
      changes: grown.changes,
      supports,
      fits: grown.fits,
      usdPerMonth: monthlyCost(grown.input, simulation, scale, gpuUsdPerMonth(scale)).monthly.total,
    });
    current = grown.input;
    before = { input: current, scale };
  }
  return stages;
}

function stageName(index: number): string {
  return `stage ${index + 1}`;
}

interface Grown {
  readonly input: PlanInput;
  readonly changes: readonly string[];
  readonly fits: boolean;
}

/** Changes each pool as little as possible until the busiest minute at `scale` fits with headroom. */
function growTo(input: PlanInput, simulation: DemandSimulation, scale: number): Grown {
  let grown: Grown = { input, changes: [], fits: true };
  for (const pool of limitPools(input)) {
    if (dimensionsOf(pool.limits).length === 0) {
      grown = { ...grown, fits: false };
      continue;
    }
    const next = growPool(grown.input, pool, simulation, scale);
    grown = {
      input: next.input,
      changes: [...grown.changes, ...next.changes],
      fits: grown.fits && next.fits,
    };
  }
  return grown;
}

function growPool(
  input: PlanInput,
  pool: LimitPool,
  simulation: DemandSimulation,
  scale: number,
): Grown {
  const only = (limits: Limits, tier: string | null): PlanInput => ({
    ...input,
    routes: input.routes.map((route) =>
      route.limitPool === pool.key ? { ...route, limits, tier: tier ?? route.tier } : route,
    ),
  });
  const carries = (limits: Limits): boolean => {
    const routes = pool.routes.map((route) => ({ ...route, limits }));
    const first = peakBreak({ ...input, routes }, simulation);
    return first === undefined || first.scale >= scale / (1 - input.goals.headroom);
  };
  if (carries(pool.limits)) return { input, changes: [], fits: true };
  const [route] = pool.routes;
  // Limits that nobody has published are unknown, not absent.
  const tiers = route!.higherTiers.filter(({ limits }) => dimensionsOf(limits).length > 0);
  const tier = tiers.find((option) => carries(option.limits));
  if (tier !== undefined) {
    const qualify = tier.qualify === null ? '' : ` (${tier.qualify})`;
    const change = `move ${route!.provider} ${route!.model} to tier ${tier.tier}${qualify}`;
    const raised = only(tier.limits, tier.tier);
    return { input: dropTiersUpTo(raised, pool.key, tier.tier), changes: [change], fits: true };
  }
  const top = tiers.at(-1);
  const base = top?.limits ?? pool.limits;
  const changes = top === undefined ? [] : [`move ${route!.provider} to tier ${top.tier}`];
  for (let pools = 2; pools <= MOST_POOLS; pools += 1) {
    const limits = timesLimits(base, pools);
    if (!carries(limits)) continue;
    const change = `have ${describe(limits)} for ${route!.provider} ${route!.model}, ${pools} times what this stage starts with: more providers, models or regions, or a raised limit`;
    return {
      input: dropTiersUpTo(only(limits, top?.tier ?? null), pool.key, top?.tier),
      changes: [...changes, change],
      fits: true,
    };
  }
  return {
    input,
    changes: [`no number of limits up to ${MOST_POOLS} times today's carries this`],
    fits: false,
  };
}

function dropTiersUpTo(input: PlanInput, pool: string, tier: string | undefined): PlanInput {
  return {
    ...input,
    routes: input.routes.map((route) => {
      if (route.limitPool !== pool || tier === undefined) return route;
      const index = route.higherTiers.findIndex((option) => option.tier === tier);
      return { ...route, higherTiers: route.higherTiers.slice(index + 1) };
    }),
  };
}

function timesLimits(limits: Limits, factor: number): Limits {
  const entries = dimensionsOf(limits).map((name) => [name, limits[name]! * factor] as const);
  return Object.fromEntries(entries) as Limits;
}

function describe(limits: Limits): string {
  return dimensionsOf(limits)
    .map((name) =>
      SPEND_DIMENSIONS.has(name)
        ? `${formatUsd(limits[name]!)} (${DIMENSIONS[name].label})`
        : `${formatCount(limits[name]!)} ${DIMENSIONS[name].label}`,
    )
    .join(', ');
}

/**
 * The next stage starts when mean demand reaches the goal's share of what the stage before it
 * carries in its busiest minute (of the next scale, when that is less), but not before the load
 * the stage was built for.
 */
function triggerFor(
  before: { readonly input: PlanInput; readonly scale: number },
  simulation: DemandSimulation,
  nextScale: number,
): Trigger | null {
  const { input } = before;
  const limit = peakBreak(input, simulation);
  if (limit === undefined) return null;
  const dimension = perMinute(limit.dimension);
  const perScale = meanPerScale(input, limit, dimension);
  if (perScale === null) return null;
  const capacity = Math.min(limit.scale, nextScale);
  const share = input.goals.nextStageAt * capacity;
  const atScale = Math.max(share, before.scale);
  const basis = capacity < limit.scale ? 'the next scale' : 'what the stage before carries';
  const why =
    atScale > share
      ? `${formatScale(atScale)}; ${formatShare(input.goals.nextStageAt)} of ${basis}, ${formatScale(capacity)}, is already less`
      : `${formatShare(input.goals.nextStageAt)} of ${basis}, ${formatScale(capacity)}`;
  return {
    dimension,
    provider: limit.provider,
    model: limit.model,
    threshold: Math.round(perScale * atScale),
    why,
  };
}

const TRIGGER_DIMENSIONS = ['rpm', 'tpm', 'itpm', 'otpm'] as const;

/** Daily, monthly, spend and in-flight limits are watched through the request rate behind them. */
function perMinute(dimension: Dimension): Trigger['dimension'] {
  return TRIGGER_DIMENSIONS.find((name) => name === dimension) ?? 'rpm';
}

/** Mean demand of the limiting pool at 1x, in the trigger's dimension. */
function meanPerScale(
  input: PlanInput,
  limit: Break,
  dimension: Trigger['dimension'],
): number | null {
  const routes = input.routes.filter(
    (route) => route.provider === limit.provider && route.model === limit.model,
  );
  if (dimension === 'rpm') {
    const share = routes.reduce((sum, route) => sum + route.share, 0);
    return callVolume(input.volume, input.traffic).perMinute * share;
  }
  const alone: PlanInput = {
    ...input,
    routes: routes.map((route) => ({ ...route, limits: { [dimension]: 1 } })),
  };
  const first = sustainedBreak(alone);
  return first === undefined ? null : 1 / first.scale;
}
