import type { DemandSimulation, Estimate } from './demand.ts';
import { SELF_HOSTED_POOL } from './demand-site.ts';
import type { PoolDemand } from './gpu-pool.ts';
import { infraCost, opsCost } from './infra.ts';
import type { Activity, InfraCost } from './infra.ts';
import { stackAt } from './stack-plan.ts';
import type { StackTraffic } from './stack-activity.ts';
import { callVolume, meanCall } from './mean-demand.ts';
import type { PlanInput } from './plan-input.ts';
import { meanTokensOf } from './routing.ts';
import { trafficMeans } from './traffic.ts';

/** Monthly cost at one scale. Null means unknown and makes the total unknown; it is never 0. */
export interface Cost {
  readonly monthly: {
    readonly api: number | null;
    readonly gpu: number | null;
    readonly infra: number | null;
    readonly ops: number | null;
    readonly total: number | null;
  };
  readonly perTurn: number | null;
  readonly perSession: number | null;
  /** Per session that completes its task; null when the plan does not say how many do. */
  readonly perTask: number | null;
  /** Per user active at once in the busy period; null when the target is not told in users. */
  readonly perUser: number | null;
  readonly routes: readonly RouteCost[];
  readonly infraLines: readonly InfraCost[];
  /** The operations lines that count at this scale. */
  readonly opsLines: readonly { readonly name: string; readonly usdPerMonth: number }[];
  /** Components of the stack that nothing can serve, each with its reasons. */
  readonly stackGaps: readonly string[];
}

interface RouteCost {
  readonly provider: string;
  readonly model: string;
  readonly callsPerMonth: number;
  readonly usdPerCall: number | null;
  readonly usdPerMonth: number | null;
}

/**
 * Everything recomputed for the scale: volumes, price steps and allowances, machines in whole
 * numbers, operations lines that start at a scale.
 * @param gpuUsdPerMonth of the self-hosted pool at this scale; 0 without one, null when unknown
 */
export function monthlyCost(
  input: PlanInput,
  simulation: DemandSimulation,
  scale: number,
  gpuUsdPerMonth: number | null,
): Cost {
  const calls = callVolume(input.volume, input.traffic).perMonth * scale;
  const routes = input.routes.map((route): RouteCost => {
    const { costUsd } = meanCall(input.traffic, route);
    const callsPerMonth = calls * route.share;
    return {
      provider: route.provider,
      model: route.model,
      callsPerMonth,
      usdPerCall: costUsd,
      usdPerMonth: costUsd === null ? null : costUsd * callsPerMonth,
    };
  });
  const api = sum(routes.map((route) => route.usdPerMonth));
  const activity = activityAt(input, simulation, scale);
  const lines = input.infra.map((line) => infraCost(line, activity));
  const stack =
    input.stack === undefined ? null : stackAt(input.stack, stackTraffic(input, simulation, scale));
  const infra = sum([
    ...lines.map((line) => line?.usdPerMonth ?? null),
    ...(stack === null ? [] : [stack.infraUsdPerMonth]),
  ]);
  const ops = sum([opsCost(input.ops, scale), ...(stack === null ? [] : [stack.opsUsdPerMonth])]);
  const total = sum([api, gpuUsdPerMonth, infra, ops]);
  const turns = activity.turnsPerMonth;
  const users = activity.concurrentUsers;
  const sessions = turns / trafficMeans(input.traffic).turnsPerSession;
  const perSession = total === null || sessions === 0 ? null : total / sessions;
  const success = input.business?.taskSuccess;
  return {
    monthly: { api, gpu: gpuUsdPerMonth, infra, ops, total },
    perSession,
    perTask: perSession === null || success === undefined ? null : perSession / success,
    opsLines: [
      ...input.ops.filter(({ fromScale }) => scale >= fromScale),
      ...(stack?.opsUsdPerMonth == null
        ? []
        : [{ name: 'work on the stack', usdPerMonth: stack.opsUsdPerMonth }]),
    ],
    perTurn: total === null || turns === 0 ? null : total / turns,
    perUser: total === null || users === null || users === 0 ? null : total / users,
    routes,
    stackGaps: (stack?.components ?? []).flatMap((one) => (one.chosen === null ? [one.why] : [])),
    infraLines: [...lines.filter((line) => line !== null), ...(stack?.lines ?? [])],
  };
}

/** What infrastructure is sized for: months for usage, the busiest minute for machines. */
function activityAt(input: PlanInput, simulation: DemandSimulation, scale: number): Activity {
  const { volume, traffic } = input;
  const means = trafficMeans(traffic);
  const turnsPerMonth = volume.turnsPerDay * volume.daysPerMonth * scale;
  const turnsInFlight = ((volume.turnsPerMinute * scale) / 60) * means.turnSeconds;
  return {
    turnsPerMonth,
    callsPerMonth: turnsPerMonth * means.callsPerTurn,
    concurrentTurns: poissonHigh(turnsInFlight),
    concurrentCalls: peakConcurrency(simulation, scale)?.value ?? 0,
    concurrentUsers: volume.concurrentUsers === null ? null : volume.concurrentUsers * scale,
  };
}

/** The same, with the busiest second, for the components of the stack; for any scale. */
export function stackTraffic(
  input: PlanInput,
  simulation: DemandSimulation,
  scale: number,
): StackTraffic {
  const means = trafficMeans(input.traffic);
  const turnsPerSecond = (input.volume.turnsPerMinute * scale) / 60;
  const { turnsPerMonth, callsPerMonth, concurrentTurns, concurrentUsers } = activityAt(
    input,
    simulation,
    scale,
  );
  const callsPerSecond = turnsPerSecond * means.callsPerTurn;
  const peak = (value: 'rps' | 'concurrency', mean: number): number =>
    Math.max(
      mean,
      peakAt(simulation, scale, (peaks) => peaks[value]?.value, mean / scale),
    );
  return {
    turnsPerMonth,
    callsPerMonth,
    turnsPerSecond,
    turnsPerSession: means.turnsPerSession,
    turnSeconds: means.turnSeconds,
    concurrentTurns,
    concurrentCalls: peak('concurrency', callsPerSecond * means.callSeconds),
    callsPerSecond: peak('rps', callsPerSecond),
    callsPerTurn: means.callsPerTurn,
    concurrentUsers,
    scale,
  };
}

/**
 * A simulated peak at any scale. Between two planned scales the excess over the mean is drawn
 * straight from one to the other: it rises with the load and meets the simulation at both.
 */
function peakAt(
  simulation: DemandSimulation,
  scale: number,
  value: (peaks: DemandSimulation['scales'][number]['total']) => number | undefined,
  meanPerScale: number,
): number {
  const known = simulation.scales.flatMap((entry) => {
    const peak = value(entry.total);
    return peak === undefined
      ? []
      : [{ scale: entry.scale, excess: Math.max(0, peak - meanPerScale * entry.scale) }];
  });
  const below = known.findLast((entry) => entry.scale <= scale) ?? known[0];
  const above = known.find((entry) => entry.scale >= scale) ?? known.at(-1);
  if (below === undefined || above === undefined) return meanPerScale * scale;
  const gap = above.scale - below.scale;
  const share = gap <= 0 ? 0 : (scale - below.scale) / gap;
  const excess = below.excess + (above.excess - below.excess) * share;
  return meanPerScale * scale + excess;
}

function peakConcurrency(simulation: DemandSimulation, scale: number): Estimate | undefined {
  return simulation.scales.find((entry) => entry.scale === scale)?.total.concurrency;
}

/** One-sided 99 % of the standard normal. */
const Z99 = 2.326;

/** Level that a Poisson count of this mean exceeds 1 % of the time (normal approximation). */
function poissonHigh(mean: number): number {
  return mean + Z99 * Math.sqrt(mean);
}

/** Sum, unknown as soon as one part is. */
function sum(parts: readonly (number | null)[]): number | null {
  let total = 0;
  for (const part of parts) {
    if (part === null) return null;
    total += part;
  }
  return total;
}

/** Mean and peak load of the self-hosted pool at one scale, in the terms GPU sizing wants. */
export function poolDemand(
  input: PlanInput,
  simulation: DemandSimulation,
  scale: number,
): PoolDemand | undefined {
  if (input.pool === undefined) return undefined;
  const perSecond = (callVolume(input.volume, input.traffic).perMinute / 60) * scale;
  const tokens = meanTokensOf(input.traffic, input.pool.selection);
  const peaks = simulation.scales
    .find((entry) => entry.scale === scale)
    ?.pools.get(SELF_HOSTED_POOL);
  const requestsPerSecond = perSecond * input.pool.share;
  return {
    requestsPerSecond,
    // GPUs queue for seconds, not for a minute; the busiest minute is the load they must carry.
    peakRequestsPerSecond: Math.max(requestsPerSecond, (peaks?.rpm?.value ?? 0) / 60),
    concurrency: peaks?.concurrency?.value ?? 0,
    inputTokens: tokens.uncached + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h,
    uncachedTokens: tokens.uncached + tokens.cacheWrite5m + tokens.cacheWrite1h,
    outputTokens: tokens.output,
  };
}
