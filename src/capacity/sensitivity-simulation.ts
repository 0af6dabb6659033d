import type { DemandSimulation, Estimate, Peaks } from './demand.ts';
import { callVolume } from './mean-demand.ts';
import type { PlanInput } from './plan-input.ts';
import { SELF_HOSTED_POOL } from './demand-site.ts';
import { trafficMeans } from './traffic.ts';

/**
 * The simulated peaks of a scale for a plan whose traffic was multiplied: means grow as the
 * factor, what is above them as its square root. Only requests and calls in flight are moved; they
 * size machines, and nothing else of a bill depends on a peak.
 * @param input the plan with the traffic already multiplied
 */
export function extrapolated(
  input: PlanInput,
  simulation: DemandSimulation,
  scale: number,
  factor: number,
): DemandSimulation {
  const nearest = simulation.scales.find((entry) => entry.scale === scale);
  if (factor === 1 || nearest === undefined) return simulation;
  const perMinute = callVolume(input.volume, input.traffic).perMinute * scale;
  const inFlight = (perMinute / 60) * trafficMeans(input.traffic).callSeconds;
  const move = (peaks: Peaks, share: number): Peaks => ({
    ...peaks,
    rpm: grown(peaks.rpm, perMinute * share, factor),
    rps: grown(peaks.rps, (perMinute * share) / 60, factor),
    concurrency: grown(peaks.concurrency, inFlight * share, factor),
  });
  const shares = new Map<string, number>([[SELF_HOSTED_POOL, input.pool?.share ?? 0]]);
  for (const route of input.routes) {
    shares.set(route.limitPool, (shares.get(route.limitPool) ?? 0) + route.share);
  }
  const total = input.routes.reduce((sum, route) => sum + route.share, input.pool?.share ?? 0);
  const pools = new Map(
    [...nearest.pools].map(([key, peaks]) => [key, move(peaks, shares.get(key) ?? 0)] as const),
  );
  const moved = { scale, total: move(nearest.total, total), pools };
  return {
    ...simulation,
    scales: simulation.scales.map((entry) => (entry === nearest ? moved : entry)),
  };
}

/** @param mean after the factor */
function grown(peak: Estimate | undefined, mean: number, factor: number): Estimate | undefined {
  if (peak === undefined) return undefined;
  const before = mean / factor;
  const grow = (value: number): number => mean + Math.max(0, value - before) * Math.sqrt(factor);
  return { value: grow(peak.value), low: grow(peak.low), high: grow(peak.high) };
}
