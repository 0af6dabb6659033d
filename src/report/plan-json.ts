import { planGates } from '../capacity/gates.ts';
import type { Gate } from '../capacity/gates.ts';
import type { Estimate } from '../capacity/demand.ts';
import type { LimitUse } from '../capacity/limits.ts';
import type { Plan, ScalePlan } from '../capacity/plan.ts';
import type { Rate } from '../capacity/plan-outline.ts';
import { spendCaps } from '../capacity/spend.ts';
import type { SpendCap } from '../capacity/spend.ts';

/** `plan --json`. Fields may be added; unknown is null, never 0. */
export interface PlanJson {
  readonly schema: 'agent-infra/plan';
  readonly schemaVersion: '1.0';
  readonly tool: string;
  readonly name: string;
  readonly seed: string | number;
  readonly scales: readonly unknown[];
  readonly breaksAt: Plan['breaksAt'];
  readonly breaksAtPeak: Plan['breaksAtPeak'];
  readonly waysOut: Plan['waysOut'];
  readonly stages: Plan['stages'];
  readonly stack: Plan['stack'];
  readonly split: Plan['split'];
  readonly provisioned: Plan['provisioned'];
  readonly sensitivity: Plan['sensitivity'];
  readonly priceAge: Plan['priceAge'];
  readonly spendCaps: readonly SpendCap[];
  readonly gates: readonly Gate[];
  readonly goals: Plan['goals'];
  readonly warnings: Plan['warnings'];
  readonly notCounted: Plan['notCounted'];
  readonly assumptions: Plan['assumptions'];
  readonly sources: Plan['sources'];
  readonly simulation: Plan['simulation'];
}

export function planJson(plan: Plan, tool: string): PlanJson {
  return {
    schema: 'agent-infra/plan',
    schemaVersion: '1.0',
    tool,
    name: plan.name,
    seed: plan.seed,
    scales: plan.scales.map(scaleJson),
    breaksAt: plan.breaksAt,
    breaksAtPeak: plan.breaksAtPeak,
    waysOut: plan.waysOut,
    stages: plan.stages,
    stack: plan.stack,
    split: plan.split,
    provisioned: plan.provisioned,
    sensitivity: plan.sensitivity,
    priceAge: plan.priceAge,
    spendCaps: spendCaps(plan),
    gates: planGates(plan),
    goals: plan.goals,
    warnings: plan.warnings,
    notCounted: plan.notCounted,
    assumptions: plan.assumptions,
    sources: plan.sources,
    simulation: plan.simulation,
  };
}

function scaleJson({ scale, demand, limits, cost, verdict, ...rest }: ScalePlan): unknown {
  return {
    scale,
    demand: {
      turnsPerMinute: demand.turnsPerMinute,
      rpm: rateJson(demand.rpm),
      itpm: demand.itpm === null ? null : rateJson(demand.itpm),
      otpm: demand.otpm === null ? null : rateJson(demand.otpm),
      cachedShare: demand.cachedShare,
      peakSecond: demand.peakSecond?.value ?? null,
      concurrency: {
        mean: demand.concurrency.mean,
        peak: demand.concurrency.peak?.value ?? null,
        peakInterval: interval(demand.concurrency.peak),
      },
    },
    limits: limits.map(limitJson),
    oversize: rest.oversize,
    rejections: rest.rejections,
    queueing: rest.queueing,
    turnLatency: rest.turnLatency,
    day: rest.day,
    cost: {
      monthly: cost.monthly,
      perTurn: cost.perTurn,
      perSession: cost.perSession,
      perTask: cost.perTask,
      perUser: cost.perUser,
      routes: cost.routes,
      infraLines: cost.infraLines,
      opsLines: cost.opsLines,
    },
    pool: rest.pool,
    margin: rest.margin,
    verdict,
    unknowns: rest.unknowns,
  };
}

function rateJson(rate: Rate): unknown {
  return {
    mean: rate.mean,
    peakMinute: rate.peakMinute?.value ?? null,
    peakMinuteInterval: interval(rate.peakMinute),
  };
}

function limitJson(use: LimitUse): unknown {
  return {
    provider: use.provider,
    model: use.model,
    tier: use.tier,
    dimension: use.dimension,
    limit: use.limit,
    demandMean: use.demandMean,
    demandPeak: use.demandPeak?.value ?? null,
    demandPeakInterval: interval(use.demandPeak),
    utilisation: use.utilisation,
    utilisationMean: use.utilisationMean,
    binding: use.binding,
  };
}

function interval(estimate: Estimate | null | undefined): readonly [number, number] | null {
  return estimate === null || estimate === undefined ? null : [estimate.low, estimate.high];
}
