import { randomStreams } from '../core/random.ts';
import type { Random } from '../core/random.ts';
import { mean, meanInterval } from '../core/statistics.ts';
import { MS_PER_MINUTE } from '../core/units.ts';
import { PoolMeter } from './demand-meters.ts';
import { buildSite, TOTAL_POOL } from './demand-site.ts';
import type { PeakDimension, Site, Watched } from './demand-site.ts';
import type { PlanInput } from './plan-input.ts';
import { trafficMeans } from './traffic.ts';

/**
 * The peak minute, by simulation: whole sessions arrive as a Poisson process for an hour, so each
 * brings its fan-out and its heavy calls with it (a compound process; no closed formula is right
 * for it). Two devices keep it exact and fast:
 *
 * - Time is a ring of one hour: what runs past the end continues at the start. The ring is
 *   stationary from the first event, so there is no warm-up to cut off, even for long sessions.
 * - Scale is a second axis: session k joins at every scale above s_k, where s_k are the points of
 *   a Poisson process. The sessions of 1x are then a subset of those of 3x (common random
 *   numbers), and one pass gives all scales.
 *
 * Where a scale has so many calls that the central limit theorem is all there is to learn, its
 * peak follows from a smaller one: m·s + c·√s, with m the exact mean (see `extrapolate`).
 */
export interface DemandSimulation {
  /** In the order of the input's scales. */
  readonly scales: readonly ScalePeaks[];
  readonly replications: number;
  readonly windowMinutes: number;
  /** Calls simulated, over all replications. */
  readonly calls: number;
}

interface ScalePeaks {
  readonly scale: number;
  /** All calls, counted without any provider's rule. */
  readonly total: Peaks;
  /** By limit pool. */
  readonly pools: ReadonlyMap<string, Peaks>;
}

/** The busiest window of an hour, in the dimension's own unit. */
export type Peaks = { readonly [D in PeakDimension]?: Estimate | undefined };

export interface Estimate {
  /** Mean over the replications. */
  readonly value: number;
  /** 95 % t-interval over the replications. */
  readonly low: number;
  readonly high: number;
}

/** Replications of the hour: the least that is advised for a t-interval over runs. */
const REPLICATIONS = 10;
const WINDOW_MINUTES = 60;
const WINDOW_MS = WINDOW_MINUTES * MS_PER_MINUTE;

/**
 * Calls per replication above which a scale is extrapolated. At so many calls an hour the busiest
 * minute is within a tenth of the mean, and its excess grows as the square root of the scale
 * (tested against the full simulation).
 */
const MOST_CALLS = 400_000;

export interface DemandOptions {
  readonly replications?: number | undefined;
  /** Calls per replication above which a scale is extrapolated. */
  readonly mostCalls?: number | undefined;
}

/** Simulates the busy hour at every scale. Deterministic by the input's seed. */
export function simulateDemand(input: PlanInput, options: DemandOptions = {}): DemandSimulation {
  const replications = options.replications ?? REPLICATIONS;
  const site = buildSite(input);
  const means = trafficMeans(input.traffic);
  const sessionsPerWindow = (input.volume.turnsPerMinute * WINDOW_MINUTES) / means.turnsPerSession;
  const callsPerWindow = input.volume.turnsPerMinute * WINDOW_MINUTES * means.callsPerTurn;
  const mostScale = (options.mostCalls ?? MOST_CALLS) / callsPerWindow;
  // The lowest scale is always simulated, up to the budget, so that there is a peak to grow from.
  const wanted = input.scales.filter((scale) => scale <= mostScale);
  const simulated = wanted.length > 0 ? wanted : [Math.min(mostScale, input.scales[0]!)];
  const meters = site.pools.map((pool) => new PoolMeter(WINDOW_MS, pool.amounts));
  // peaks[scale][watched] holds one value per replication.
  const peaks = simulated.map(() => site.watched.map((): number[] => []));
  const streams = randomStreams(input.seed);
  let calls = 0;
  for (let replication = 0; replication < replications; replication += 1) {
    for (const meter of meters) meter.reset();
    let next = 0;
    calls += runHour(site, meters, {
      sessionsPerWindow,
      scales: simulated,
      arrivals: streams(`plan/demand/${replication}`),
      routing: streams(`plan/routing/${replication}`),
      atScale: () => {
        for (const [index, watched] of site.watched.entries()) {
          peaks[next]![index]!.push(peakOf(meters[watched.pool]!, watched));
        }
        next += 1;
      },
    });
  }
  const known = simulated.map((scale, index) => ({
    scale,
    peaks: peaks[index]!.map(estimate),
  }));
  return {
    replications,
    windowMinutes: WINDOW_MINUTES,
    calls,
    scales: input.scales.map((scale) => {
      const exact = known.find((entry) => entry.scale === scale);
      const values = exact?.peaks ?? extrapolate(site, known.at(-1)!, scale);
      return { scale, ...byPool(site, values) };
    }),
  };
}

interface Hour {
  readonly sessionsPerWindow: number;
  readonly scales: readonly number[];
  readonly arrivals: Random;
  readonly routing: Random;
  /** Called when all sessions of the next scale are in. */
  readonly atScale: () => void;
}

function runHour(site: Site, meters: readonly PoolMeter[], hour: Hour): number {
  const { arrivals, routing, scales } = hour;
  const meanGap = 1 / hour.sessionsPerWindow;
  const sessions = site.sessionStart.length - 1;
  let scale = 0;
  let next = 0;
  let calls = 0;
  for (;;) {
    scale += arrivals.exponential(meanGap);
    while (next < scales.length && scale > scales[next]!) {
      hour.atScale();
      next += 1;
    }
    if (next === scales.length) return calls;
    const startMs = arrivals.uniform() * WINDOW_MS;
    const session = arrivals.integer(sessions);
    const end = site.sessionStart[session + 1]!;
    for (let call = site.sessionStart[session]!; call < end; call += 1) {
      const atMs = (startMs + site.offsetMs[call]!) % WINDOW_MS;
      const route = chooseRoute(site, routing, call);
      addCall(site, meters, route, atMs, call);
      calls += 1;
      for (const { route: next, probability } of site.escalations[route] ?? []) {
        if (routing.uniform() >= probability) continue;
        addCall(site, meters, next, (atMs + site.durationMs[call]!) % WINDOW_MS, call);
        calls += 1;
      }
    }
  }
}

function addCall(
  site: Site,
  meters: readonly PoolMeter[],
  route: number,
  atMs: number,
  call: number,
): void {
  for (const { pool, amounts } of site.feeds[route]!) {
    meters[pool]!.add(atMs, site.durationMs[call]!, amounts, call);
  }
}

/** Index of the route a call takes; the index after the last is "none of them" (batch). */
function chooseRoute({ shares, selections }: Site, random: Random, call: number): number {
  if (shares.length === 1 && shares[0]! >= 1) return 0;
  let left = random.uniform();
  for (let index = 0; index < shares.length; index += 1) {
    left -= shares[index]! * (selections[index]?.[call] ?? 1);
    if (left < 0) return index;
  }
  return shares.length;
}

function peakOf(meter: PoolMeter, { dimension, amount }: Watched): number {
  switch (dimension) {
    case 'rpm':
      return meter.peakRequests(60);
    case 'rps':
      return meter.peakRequests(1);
    case 'concurrency':
      return meter.peakInFlight();
    case 'spendPer10Min':
      return meter.peakAmount(amount, 10);
    case 'tpm':
    case 'itpm':
    case 'otpm':
    case 'uncachedTpm':
      return meter.peakAmount(amount, 1);
  }
}

function estimate(values: readonly number[]): Estimate {
  const { low, high } = meanInterval(values);
  return { value: mean(values), low, high };
}

/**
 * The peak at a larger scale. Demand per window is a sum of independent sessions: its mean grows
 * as the scale and the excess of its largest window as the square root.
 */
function extrapolate(
  site: Site,
  from: { readonly scale: number; readonly peaks: readonly Estimate[] },
  scale: number,
): Estimate[] {
  const growth = Math.sqrt(scale / from.scale);
  return from.peaks.map((peak, index) => {
    const perScale = site.watched[index]!.meanPerScale;
    const grow = (value: number): number =>
      perScale * scale + Math.max(0, value - perScale * from.scale) * growth;
    return { value: grow(peak.value), low: grow(peak.low), high: grow(peak.high) };
  });
}

function byPool(site: Site, values: readonly Estimate[]): Omit<ScalePeaks, 'scale'> {
  const pools = new Map<string, { [D in PeakDimension]?: Estimate }>();
  for (const [index, { key, dimension }] of site.watched.entries()) {
    const peaks = pools.get(key) ?? {};
    peaks[dimension] = values[index]!;
    pools.set(key, peaks);
  }
  const total = pools.get(TOTAL_POOL) ?? {};
  pools.delete(TOTAL_POOL);
  return { total, pools };
}
