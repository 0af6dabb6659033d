import { simulateDemand } from './demand.ts';
import type { DemandOptions, DemandSimulation, Peaks } from './demand.ts';
import type { Dimension } from './limit.ts';
import { limitUses, oversizeRequests, verdictOf } from './limits.ts';
import type { Verdict } from './limits.ts';
import { callVolume, meanCall } from './mean-demand.ts';
import type { PlanInput, Route } from './plan-input.ts';
import { cheapestSplit } from './split.ts';
import type { Split } from './split.ts';
import { splitClasses, splitOptions } from './split-options.ts';
import type { LeftOut, SplitClass, SplitOption } from './split-options.ts';

/** The cheapest split per scale, held against the plan's own shares and against the simulation. */
export interface SplitPlan {
  readonly options: readonly SplitCandidate[];
  readonly leftOut: readonly LeftOut[];
  readonly scales: readonly ScaleSplit[];
}

interface SplitCandidate {
  readonly provider: string;
  readonly model: string;
  readonly tier: string | null;
  readonly limitPool: string;
}

export interface ScaleSplit extends Split {
  /** The plan's own shares at the same scale. */
  readonly plannedUsdPerMonth: number | null;
  /** Of the split, simulated anew: shares of a load have higher relative peaks than the whole. */
  readonly verdict: Verdict;
}

/** Replications of the check; the verdict needs a peak, not an interval. */
const CHECK_REPLICATIONS = 4;
const CHECK_CALLS = 50_000;

/** Null when the plan offers no choice: one option, or none that can be judged. */
export function planSplit(
  input: PlanInput,
  simulation: DemandSimulation,
  options: DemandOptions = {},
): SplitPlan | null {
  if (input.alternatives.length === 0 && input.routes.length < 2) return null;
  const classes = splitClasses(input);
  const found = splitOptions(input, classes);
  if (found.options.length === 0) return null;
  const scales = input.scales.flatMap((scale) => {
    const split = splitAt(input, simulation, scale, { classes, options: found.options });
    return split === undefined ? [] : [checked(input, split, found.options, classes, options)];
  });
  return {
    options: found.options.map(({ provider, model, limitPool, route }) => ({
      provider,
      model,
      tier: route.tier,
      limitPool,
    })),
    leftOut: found.leftOut,
    scales,
  };
}

/** Rounds in which shares and the peaks of shares settle. */
const ROUNDS = 3;
/** Smallest share whose peak is told from the whole's; smaller ones round to nothing. */
const LEAST_SHARE = 0.001;

function splitAt(
  input: PlanInput,
  simulation: DemandSimulation,
  scale: number,
  found: { readonly classes: readonly SplitClass[]; readonly options: readonly SplitOption[] },
): Split | undefined {
  const volume = callVolume(input.volume, input.traffic);
  const peaks = simulation.scales.find((entry) => entry.scale === scale)?.total;
  let shares = new Map<string, number>();
  let split: Split | undefined;
  for (let round = 0; round < ROUNDS; round += 1) {
    const known = shares;
    split = cheapestSplit(found.classes, found.options, {
      scale,
      callsPerMinute: volume.perMinute * scale,
      callsPerMonth: volume.perMonth * scale,
      headroom: input.goals.headroom,
      peakFactor: (dimension, pool) => {
        const whole = peakFactor(input, peaks, scale, dimension);
        // A part of a random load deviates more: by the square root of its share.
        const part = Math.max(LEAST_SHARE, Math.min(1, known.get(pool) ?? 1));
        return 1 + (whole - 1) / Math.sqrt(part);
      },
    });
    shares = new Map();
    for (const { option, share } of split?.shares ?? []) {
      const { limitPool } = found.options[option]!;
      shares.set(limitPool, (shares.get(limitPool) ?? 0) + share);
    }
  }
  return split;
}

/** Busiest minute of all calls over their mean. */
function peakFactor(
  input: PlanInput,
  peaks: Peaks | undefined,
  scale: number,
  dimension: Dimension,
): number {
  const perMinute = callVolume(input.volume, input.traffic).perMinute * scale;
  const rpm = peaks?.rpm?.value;
  const ratio = rpm === undefined || perMinute === 0 ? 1 : Math.max(1, rpm / perMinute);
  switch (dimension) {
    case 'rps':
      return Math.max(1, (peaks?.rps?.value ?? 0) / (perMinute / 60));
    case 'tpm':
    case 'uncachedTpm':
    case 'rpm':
    case 'spendPer10Min':
      return ratio;
    case 'itpm':
    case 'otpm': {
      const peak = peaks?.[dimension]?.value;
      const mean = perMinute * meanTokens(input, dimension);
      return peak === undefined || mean === 0 ? ratio : Math.max(1, peak / mean);
    }
    case 'concurrency': {
      const mean = (perMinute / 60) * meanCall(input.traffic, input.routes[0]!).seconds;
      return mean === 0 ? 1 : Math.max(1, (peaks?.concurrency?.value ?? 0) / mean);
    }
    case 'rpd':
    case 'tpd':
    case 'spendPerMonth':
    case 'tokensPerMonth':
      return 1;
  }
}

function meanTokens(input: PlanInput, dimension: 'itpm' | 'otpm'): number {
  const generic: Route = {
    ...input.routes[0]!,
    selection: undefined,
    tokenFactor: 1,
    minCacheableTokens: 0,
  };
  const { tokens } = meanCall(input.traffic, generic);
  if (dimension === 'otpm') return tokens.output;
  return tokens.uncached + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h;
}

function checked(
  input: PlanInput,
  split: Split,
  options: readonly SplitOption[],
  classes: readonly SplitClass[],
  simulate: DemandOptions,
): ScaleSplit {
  const routes = splitRoutes(split, options, classes);
  const changed: PlanInput = { ...input, routes, scales: [split.scale] };
  return {
    ...split,
    plannedUsdPerMonth: plannedUsd(input, split.scale),
    verdict: split.unserved > 0 ? 'exceeds' : verdictFor(changed, split.scale, simulate),
  };
}

function verdictFor(input: PlanInput, scale: number, simulate: DemandOptions): Verdict {
  const simulation = simulateDemand(input, {
    replications: Math.min(CHECK_REPLICATIONS, simulate.replications ?? CHECK_REPLICATIONS),
    mostCalls: Math.min(CHECK_CALLS, simulate.mostCalls ?? CHECK_CALLS),
  });
  return verdictOf(input, limitUses(input, simulation, scale), oversizeRequests(input));
}

/** The split as routes of a plan; escalated calls are added as calls of their own. */
function splitRoutes(
  { shares }: Split,
  options: readonly SplitOption[],
  classes: readonly SplitClass[],
): Route[] {
  return shares.map(({ option, callClass, share }): Route => {
    const { selection } = classes.find(({ name }) => name === callClass)!;
    const { escalatedFrom: _from, ...route } = options[option]!.route;
    return { ...route, share, selection, callClass };
  });
}

function plannedUsd(input: PlanInput, scale: number): number | null {
  const { perMonth } = callVolume(input.volume, input.traffic);
  let total = 0;
  for (const route of input.routes) {
    const { costUsd } = meanCall(input.traffic, route);
    if (costUsd === null) return null;
    total += costUsd * route.share * perMonth * scale;
  }
  return total;
}
