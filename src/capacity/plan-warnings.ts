import { round } from '../core/units.ts';
import type { DemandSimulation } from './demand.ts';
import { callVolume } from './mean-demand.ts';
import type { PlanInput } from './plan-input.ts';

/** What a reader should know before they trust the plan. */
export function planWarnings(input: PlanInput, simulation: DemandSimulation): string[] {
  return [...burstWarning(input, simulation), ...ageWarning(input), ...(input.warnings ?? [])];
}

/** The measured peak is this much above the simulated one before the plan warns. */
const BURST_TOLERANCE = 1.2;

/**
 * Sessions are simulated as independent. When the trace itself had much higher peaks at its own
 * rate (a day's curve, a batch job), the plan's busy period must be chosen by the user.
 */
function burstWarning(input: PlanInput, simulation: DemandSimulation): string[] {
  const measured = input.measuredPeakRatio;
  const [first] = simulation.scales;
  const peak = first?.total.rpm?.value;
  if (measured === undefined || first === undefined || peak === undefined) return [];
  const simulated = peak / (callVolume(input.volume, input.traffic).perMinute * first.scale);
  if (measured < simulated * BURST_TOLERANCE) return [];
  return [
    `the trace's busiest minute had ${round(measured, 1)} times its mean, the simulation has ${round(simulated, 1)} times: make sure the target is the busy period, not a day's mean`,
  ];
}

function ageWarning({ priceAge }: PlanInput): string[] {
  const [oldest] = priceAge?.stale ?? [];
  if (priceAge === undefined || oldest === undefined) return [];
  const prices = priceAge.stale.length === 1 ? '1 price is' : `${priceAge.stale.length} prices are`;
  return [
    `${prices} older than ${round(priceAge.maxDays, 1)} days: ${oldest.of} is of ${oldest.date}, ${oldest.days} days ago`,
  ];
}
