import { formatDuration, formatShare, formatUsd, round } from '../core/units.ts';
import { formatScale } from './limit.ts';
import type { Plan, ScalePlan } from './plan.ts';

/** One check of `plan check`. Unknown fails: no data is never a pass. */
export interface Gate {
  readonly name: string;
  readonly passed: boolean;
  readonly detail: string;
}

/** The gates that the plan's goals ask for, at the scale they name. */
export function planGates(plan: Plan): Gate[] {
  const { goals } = plan;
  const at = plan.scales.find((scale) => scale.scale === goals.fitsAtScale);
  if (at === undefined) {
    return [{ name: 'fits', passed: false, detail: `${goals.fitsAtScale}x was not planned` }];
  }
  const gates: Gate[] = [fits(plan, at)];
  if (goals.maxMonthlyUsd !== undefined) {
    gates.push(ceiling('monthly cost', at.cost.monthly.total, goals.maxMonthlyUsd, at));
  }
  if (goals.maxPerTurnUsd !== undefined) {
    gates.push(ceiling('cost per turn', at.cost.perTurn, goals.maxPerTurnUsd, at));
  }
  if (goals.maxRejected !== undefined) gates.push(rejected(at, goals.maxRejected));
  if (goals.maxTurnMs !== undefined) gates.push(turnTime(at, goals.maxTurnMs));
  if (plan.priceAge !== null) gates.push(priceAge(plan.priceAge));
  return gates;
}

/** Judged by the upper end of the interval: a guess must not pass by luck. */
function rejected(at: ScalePlan, limit: number): Gate {
  const name = `calls rejected at ${at.scale}x`;
  if (at.rejections.length === 0)
    return { name, passed: false, detail: 'unknown: no limits known' };
  const worst = Math.max(...at.rejections.map((one) => one.documented.firstAttempt.high));
  return {
    name,
    passed: worst <= limit,
    detail: `up to ${formatShare(worst)} get a 429 at first, ceiling ${formatShare(limit)}`,
  };
}

/** Judged with what calls wait for limits: a turn that is refused is no faster. */
function turnTime(at: ScalePlan, limitMs: number): Gate {
  const name = `turn latency at ${at.scale}x`;
  const { p95Ms, p95QueuedMs } = at.turnLatency;
  const ceiling = `ceiling ${formatDuration(limitMs)}`;
  if (p95QueuedMs === null) {
    return {
      name,
      passed: false,
      detail: `without end: more is asked than is granted, ${ceiling}`,
    };
  }
  const waits =
    p95QueuedMs > p95Ms ? `, ${formatDuration(p95QueuedMs)} with waiting for limits` : '';
  return {
    name,
    passed: p95QueuedMs <= limitMs,
    detail: `95 % of the turns take up to ${formatDuration(p95Ms)}${waits}, ${ceiling}`,
  };
}

function fits(plan: Plan, at: ScalePlan): Gate {
  const { goals, breaksAt, breaksAtPeak } = plan;
  const passed = at.verdict === 'fits' || (at.verdict === 'tight' && !goals.headroomRequired);
  const name = `fits at ${at.scale}x`;
  switch (at.verdict) {
    case 'fits':
      return { name, passed, detail: `every limit keeps ${formatShare(goals.headroom)} free` };
    case 'tight':
      return {
        name,
        passed,
        detail: `less than ${formatShare(goals.headroom)} of a limit is free`,
      };
    case 'bursts':
      return {
        name,
        passed,
        detail: `the busiest minute breaks at ${multiple(breaksAtPeak?.scale)}`,
      };
    case 'exceeds':
      return { name, passed, detail: `breaks at ${multiple(breaksAt?.scale)}` };
    case 'unservable':
      return { name, passed, detail: 'some requests are larger than the limit itself' };
    case 'unknown':
      return { name, passed, detail: `unknown: ${at.unknowns.join('; ')}` };
  }
}

function priceAge({ maxDays, stale }: NonNullable<Plan['priceAge']>): Gate {
  const [oldest] = stale;
  const bound = `${round(maxDays, 1)} days`;
  return {
    name: 'age of prices',
    passed: oldest === undefined,
    detail:
      oldest === undefined
        ? `every price is at most ${bound} old`
        : `${stale.length} older than ${bound}: ${oldest.of} of ${oldest.date}`,
  };
}

function multiple(scale: number | undefined): string {
  return scale === undefined ? 'an unknown scale' : formatScale(scale);
}

function ceiling(name: string, actual: number | null, limit: number, at: ScalePlan): Gate {
  const label = `${name} at ${at.scale}x`;
  if (actual === null) {
    return { name: label, passed: false, detail: `unknown: ${at.unknowns.join('; ')}` };
  }
  return {
    name: label,
    passed: actual <= limit,
    detail: `${formatUsd(actual)}, ceiling ${formatUsd(limit)}`,
  };
}
