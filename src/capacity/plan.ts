import { cacheAt } from './caching.ts';
import { stackTraffic } from './cost.ts';
import type { Cost } from './cost.ts';
import { hoursOfDay } from './day-hours.ts';
import type { DayUse } from './day-hours.ts';
import type { DemandOptions, DemandSimulation } from './demand.ts';
import { DIMENSIONS } from './limit.ts';
import { limitPools, missingFor } from './limits.ts';
import type { LimitUse } from './limits.ts';
import type { Goals, PlanInput, PriceAge, Source } from './plan-input.ts';
import { outlineOf, simulateScales } from './plan-outline.ts';
import type { PlanOutline, ScaleOutline } from './plan-outline.ts';
import { queueFor } from './queueing.ts';
import type { Queueing } from './queueing.ts';
import { planWarnings } from './plan-warnings.ts';
import { planProvisioned } from './provisioned-plan.ts';
import type { ProvisionedPlan } from './provisioned-plan.ts';
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
import { turnLatency } from './turn-latency.ts';
import type { TurnLatency } from './turn-latency.ts';
import { waysOut } from './ways-out.ts';
import type { WayOut } from './way-out.ts';

/** The answer: what each scale asks for, what it costs, where it breaks, and what to do then. */
export interface Plan extends PlanOutline {
  readonly scales: readonly ScalePlan[];
  readonly waysOut: readonly WayOut[];
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
  readonly sources: readonly Source[];
  readonly simulation: { readonly replications: number; readonly windowMinutes: number };
}

export interface ScalePlan extends ScaleOutline {
  /** Per limit pool: what is turned away, under documented and pessimistic windows. */
  readonly rejections: readonly Rejections[];
  /** Per limit pool: what calls wait when the client spaces them instead. */
  readonly queueing: readonly Queueing[];
  readonly turnLatency: TurnLatency;
  /** The limits hour by hour; null when the shape of the day is not known. */
  readonly day: DayUse | null;
  /** Value against cost; null when the plan gives no value. */
  readonly margin: Margin | null;
  /** What is not known, in words. */
  readonly unknowns: readonly string[];
}

/** Computes a plan. Pure; the same input gives the same plan. */
export function makePlan(input: PlanInput, options: DemandOptions = {}): Plan {
  const simulation = simulateScales(input, options);
  const outline = outlineOf(input, simulation);
  const scales = outline.scales.map((at) =>
    planScale(cacheAt(input, at.scale), at, simulation, options),
  );
  const queueing = scales.find(({ scale }) => scale === input.goals.fitsAtScale)?.queueing;
  const required = cacheAt(input, input.goals.fitsAtScale);
  return {
    name: outline.name,
    seed: outline.seed,
    scales,
    breaksAt: outline.breaksAt,
    breaksAtPeak: outline.breaksAtPeak,
    waysOut: waysOut(required, { peak: outline.breaksAtPeak ?? undefined, queueing }),
    stages: outline.stages,
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
    assumptions: outline.assumptions,
    sources: input.sources,
    simulation: { replications: simulation.replications, windowMinutes: simulation.windowMinutes },
  };
}

function planScale(
  input: PlanInput,
  { cost, demand, limits, oversize, pool, scale, verdict }: ScaleOutline,
  simulation: DemandSimulation,
  options: DemandOptions,
): ScalePlan {
  const refused = limitPools(input).flatMap((limited) => {
    const { replications } = options;
    const own = simulateRejections(input, limited, scale, { retry: input.retry, replications });
    return own === undefined ? [] : [{ limited, own }];
  });
  const queueing = refused.map(({ own, limited }) => queueFor(input, limited, own, scale, options));
  return {
    scale,
    demand,
    limits,
    oversize,
    rejections: refused.map(({ own }) => own),
    queueing,
    turnLatency: turnLatency(input.traffic, queueing),
    day: hoursOfDay(input, simulation, scale),
    cost,
    pool,
    margin: marginAt(input, cost, scale) ?? null,
    verdict,
    unknowns: unknownsOf(input, limits, cost),
  };
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
