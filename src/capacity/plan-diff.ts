import type { Break, Verdict } from './limits.ts';
import type { PlanOutline, ScaleOutline } from './plan-outline.ts';

/** What changes from one plan to another. Null is unknown, or a scale that one of them leaves out. */
export interface PlanDiff {
  readonly before: string;
  readonly after: string;
  readonly breaksAt: Sides<Break>;
  readonly breaksAtPeak: Sides<Break>;
  /** Every scale of either plan, the smallest first. */
  readonly scales: readonly ScaleDiff[];
  readonly noLongerAssumed: readonly string[];
  readonly newlyAssumed: readonly string[];
}

export interface Sides<T> {
  readonly before: T | null;
  readonly after: T | null;
}

export interface Change extends Sides<number> {
  /** After over before, minus one; null when either is unknown or before is 0. */
  readonly change: number | null;
}

export interface ScaleDiff {
  readonly scale: number;
  /** Whether each plan has this scale. */
  readonly planned: { readonly before: boolean; readonly after: boolean };
  readonly verdict: Sides<Verdict>;
  /** LLM calls, mean of the busy period. */
  readonly callsPerMinute: Change;
  /** Use of the fullest limit in the busiest minute; 1 is all of it. */
  readonly fullestLimit: Change;
  readonly usdPerMonth: Change;
  readonly usdPerTurn: Change;
}

/** Compares two plans: headroom and money per scale, and what each assumes. */
export function diffOutlines(before: PlanOutline, after: PlanOutline): PlanDiff {
  const scales = new Set([...before.scales, ...after.scales].map(({ scale }) => scale));
  return {
    before: before.name,
    after: after.name,
    breaksAt: { before: before.breaksAt, after: after.breaksAt },
    breaksAtPeak: { before: before.breaksAtPeak, after: after.breaksAtPeak },
    scales: [...scales]
      .toSorted((a, b) => a - b)
      .map((scale) => scaleDiff(scale, scaleAt(before, scale), scaleAt(after, scale))),
    noLongerAssumed: assumedOnlyBy(before, after),
    newlyAssumed: assumedOnlyBy(after, before),
  };
}

function scaleAt({ scales }: PlanOutline, scale: number): ScaleOutline | undefined {
  return scales.find((each) => each.scale === scale);
}

function scaleDiff(
  scale: number,
  before: ScaleOutline | undefined,
  after: ScaleOutline | undefined,
): ScaleDiff {
  const change = (pick: (at: ScaleOutline) => number | null): Change => {
    const [old, now] = [before, after].map((at) => (at === undefined ? null : pick(at)));
    const known = old != null && now != null && old !== 0;
    return { before: old ?? null, after: now ?? null, change: known ? now / old - 1 : null };
  };
  return {
    scale,
    planned: { before: before !== undefined, after: after !== undefined },
    verdict: { before: before?.verdict ?? null, after: after?.verdict ?? null },
    callsPerMinute: change(({ demand }) => demand.rpm.mean),
    fullestLimit: change(({ limits }) => fullestLimit(limits)),
    usdPerMonth: change(({ cost }) => cost.monthly.total),
    usdPerTurn: change(({ cost }) => cost.perTurn),
  };
}

/** Use of the fullest limit; null when none is known. */
export function fullestLimit(limits: ScaleOutline['limits']): number | null {
  const known = limits.map(({ utilisation }) => utilisation).filter((use) => use !== null);
  return known.length === 0 ? null : Math.max(...known);
}

function assumedOnlyBy(plan: PlanOutline, other: PlanOutline): string[] {
  const known = new Set(other.assumptions.map(({ key, value }) => `${key}: ${value}`));
  return plan.assumptions
    .map(({ key, value }) => `${key}: ${value}`)
    .filter((text) => !known.has(text));
}
