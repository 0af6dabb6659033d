import { inputTokens } from '../core/tokens.ts';
import type { Break } from './limits.ts';
import { meanDemand } from './mean-demand.ts';
import type { PlanInput } from './plan-input.ts';
import type { PlanOutline } from './plan-outline.ts';
import type { Trigger } from './stages.ts';
import { trafficMeans } from './traffic.ts';

/** A plan held against what was measured since. */
export interface Review {
  readonly assumptions: readonly Assumed[];
  /** Measured turns per minute over the plan's target; null when the profile has no rate. */
  readonly scaleNow: number | null;
  readonly triggers: readonly TriggerReview[];
  readonly breaksAt: Changed<Break | null>;
  readonly breaksAtPeak: Changed<Break | null>;
  /** Per scale of the plan, at the plan's own target with the measured sessions. */
  readonly cost: readonly ({ readonly scale: number } & Changed<number | null>)[];
  readonly perTurn: readonly ({ readonly scale: number } & Changed<number | null>)[];
}

interface Changed<T> {
  readonly planned: T;
  readonly actual: T;
}

/** One number that the plan rests on. Null is unknown. */
export interface Assumed {
  readonly name: AssumedName;
  readonly planned: number | null;
  readonly actual: number | null;
  /** Actual over planned, minus one; null when either is unknown or the plan says 0. */
  readonly change: number | null;
  /** Off by more than OFF_BY. */
  readonly isOff: boolean;
}

/** Assumptions about the traffic itself, which every profile can be asked for. */
type TrafficAssumption =
  | 'inputTokensPerCall'
  | 'outputTokensPerCall'
  | 'cachedShare'
  | 'callsPerTurn'
  | 'turnsPerSession'
  | 'secondsPerCall';

export type AssumedName = TrafficAssumption | 'turnsPerMinute' | 'peakFactor';

export interface TriggerReview {
  readonly stage: string;
  readonly trigger: Trigger;
  /** Mean demand now, in the trigger's unit. */
  readonly now: number | null;
  /** Demand now over the threshold. */
  readonly share: number | null;
  readonly state: 'passed' | 'near' | 'ahead' | 'unknown';
}

/** What was measured about the rate of calls. */
export interface MeasuredRate {
  readonly callsPerMinute: number;
  /** Busiest minute over mean minute. */
  readonly peakFactor: number | null;
}

/** An assumption is off when reality differs by more than this share: costs follow in proportion. */
const OFF_BY = 0.1;
/** A trigger is near from this share of its threshold on: a stage takes weeks to build. */
const NEAR = 0.8;

export interface ReviewInput {
  readonly planned: { readonly input: PlanInput; readonly plan: PlanOutline };
  /** The same plan and target with the measured sessions. */
  readonly actual: { readonly input: PlanInput; readonly plan: PlanOutline };
  readonly rate: MeasuredRate | undefined;
}

/** Compares a plan with its own recomputation on what was measured. */
export function reviewPlan({ actual, planned, rate }: ReviewInput): Review {
  const means = trafficMeans(actual.input.traffic);
  const turnsPerMinute = rate === undefined ? null : rate.callsPerMinute / means.callsPerTurn;
  const target = planned.input.volume.turnsPerMinute;
  const scaleNow = turnsPerMinute === null ? null : turnsPerMinute / target;
  return {
    assumptions: assumptionsOf(planned, actual, turnsPerMinute, rate?.peakFactor ?? null),
    scaleNow,
    triggers: planned.plan.stages.flatMap(({ name, startsWhen }) =>
      startsWhen === null ? [] : [reviewTrigger(name, startsWhen, actual.input, scaleNow)],
    ),
    breaksAt: { planned: planned.plan.breaksAt, actual: actual.plan.breaksAt },
    breaksAtPeak: { planned: planned.plan.breaksAtPeak, actual: actual.plan.breaksAtPeak },
    cost: changes(planned.plan, actual.plan, (scale) => scale.cost.monthly.total),
    perTurn: changes(planned.plan, actual.plan, (scale) => scale.cost.perTurn),
  };
}

type Side = ReviewInput['planned'];

function assumptionsOf(
  planned: Side,
  actual: Side,
  turnsPerMinute: number | null,
  peakFactor: number | null,
): Assumed[] {
  const [before, now] = [planned, actual].map((side): Record<TrafficAssumption, number | null> => {
    const means = trafficMeans(side.input.traffic);
    const known = side.input.traffic.tokensKnown;
    const input = inputTokens(means.tokens);
    return {
      inputTokensPerCall: known ? input : null,
      outputTokensPerCall: known ? means.tokens.output : null,
      cachedShare: known && input > 0 ? means.tokens.cacheRead / input : null,
      callsPerTurn: means.callsPerTurn,
      turnsPerSession: means.turnsPerSession,
      secondsPerCall: means.callSeconds,
    };
  });
  const names = Object.keys(before!) as TrafficAssumption[];
  return [
    ...names.map((name) => assumed(name, before![name], now![name])),
    assumed('turnsPerMinute', planned.input.volume.turnsPerMinute, turnsPerMinute),
    assumed('peakFactor', simulatedPeakFactor(planned.plan), peakFactor),
  ];
}

function simulatedPeakFactor({ scales }: PlanOutline): number | null {
  const rpm = scales[0]?.demand.rpm;
  if (rpm === undefined || rpm.peakMinute === null || rpm.mean === 0) return null;
  return rpm.peakMinute.value / rpm.mean;
}

function assumed(name: AssumedName, planned: number | null, actual: number | null): Assumed {
  const known = planned !== null && actual !== null && planned !== 0;
  const change = known ? actual / planned - 1 : null;
  const appeared = planned === 0 && actual !== null && actual !== 0;
  return {
    name,
    planned,
    actual,
    change,
    isOff: appeared || (change !== null && Math.abs(change) > OFF_BY),
  };
}

function reviewTrigger(
  stage: string,
  trigger: Trigger,
  input: PlanInput,
  scaleNow: number | null,
): TriggerReview {
  const now = scaleNow === null ? null : demandOf(input, trigger, scaleNow);
  const share = now === null ? null : now / trigger.threshold;
  const state =
    share === null ? 'unknown' : share >= 1 ? 'passed' : share >= NEAR ? 'near' : 'ahead';
  return { stage, trigger, now, share, state };
}

/** Routes of the trigger's provider and model; null when one of them cannot be judged. */
function demandOf(input: PlanInput, trigger: Trigger, scale: number): number | null {
  const routes = input.routes.filter(
    ({ model, provider }) => provider === trigger.provider && model === trigger.model,
  );
  if (routes.length === 0) return null;
  let total = 0;
  for (const route of routes) {
    const demand = meanDemand(input, route, trigger.dimension);
    if (demand === null) return null;
    total += demand * scale;
  }
  return total;
}

function changes(
  planned: PlanOutline,
  actual: PlanOutline,
  pick: (scale: PlanOutline['scales'][number]) => number | null,
): ({ readonly scale: number } & Changed<number | null>)[] {
  return planned.scales.map((scale) => {
    const same = actual.scales.find((other) => other.scale === scale.scale);
    return {
      scale: scale.scale,
      planned: pick(scale),
      actual: same === undefined ? null : pick(same),
    };
  });
}
