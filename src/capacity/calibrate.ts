import { MS_PER_SECOND } from '../core/units.ts';
import { ENGINE_DEFAULTS } from './gpu-memory.ts';
import { sizePool } from './gpu-pool.ts';
import type { PoolSpec } from './gpu-pool.ts';
import { itlAt } from './gpu-steady.ts';
import type { Assumption, PlanInput, SelfHosted, Source } from './plan-input.ts';
import type { Traffic, TrafficSession } from './traffic.ts';

/** What a load test measured about how long answers take. Times in ms from the send. */
export interface MeasuredTimes {
  /** Answered calls that count. */
  readonly calls: number;
  /** Fitted first token: this much ... */
  readonly firstTokenMs: number;
  /** ... and this for each input token that no cache held. */
  readonly perInputTokenMs: number;
  /** Between output tokens. */
  readonly perOutputTokenMs: number;
  /** Means over calls. */
  readonly inputTokens: number;
  readonly uncachedTokens: number;
  readonly outputTokens: number;
  /** Calls in flight, mean over the run. */
  readonly inFlight: number;
}

/** One answered call. */
export interface AnsweredCall {
  readonly sentMs: number;
  readonly firstTokenMs: number;
  readonly endMs: number;
  readonly inputTokens: number;
  readonly uncachedTokens: number;
  readonly outputTokens: number;
}

/** Sums over answered calls; a run of any length fits. */
export class TimesFold {
  #calls = 0;
  #input = 0;
  #uncached = 0;
  #uncachedSquared = 0;
  #firstToken = 0;
  #firstTokenByUncached = 0;
  #output = 0;
  #gaps = 0;
  #decodeMs = 0;
  #busyMs = 0;
  #fromMs = Number.POSITIVE_INFINITY;
  #toMs = Number.NEGATIVE_INFINITY;

  add(call: AnsweredCall): void {
    const { endMs, firstTokenMs, sentMs, uncachedTokens } = call;
    const ttft = firstTokenMs - sentMs;
    this.#calls += 1;
    this.#input += call.inputTokens;
    this.#uncached += uncachedTokens;
    this.#uncachedSquared += uncachedTokens ** 2;
    this.#firstToken += ttft;
    this.#firstTokenByUncached += ttft * uncachedTokens;
    this.#output += call.outputTokens;
    this.#gaps += Math.max(0, call.outputTokens - 1);
    this.#decodeMs += endMs - firstTokenMs;
    this.#busyMs += endMs - sentMs;
    this.#fromMs = Math.min(this.#fromMs, sentMs);
    this.#toMs = Math.max(this.#toMs, endMs);
  }

  /** Undefined before any call was answered. */
  result(): MeasuredTimes | undefined {
    if (this.#calls === 0) return undefined;
    const n = this.#calls;
    const meanUncached = this.#uncached / n;
    const meanFirst = this.#firstToken / n;
    const variance = this.#uncachedSquared / n - meanUncached ** 2;
    const covariance = this.#firstTokenByUncached / n - meanUncached * meanFirst;
    // Least squares, held to what is possible: no negative time per token and none at the start.
    const steepest = meanUncached === 0 ? 0 : meanFirst / meanUncached;
    const slope = variance > 0 ? Math.min(Math.max(0, covariance / variance), steepest) : 0;
    return {
      calls: n,
      firstTokenMs: meanFirst - slope * meanUncached,
      perInputTokenMs: slope,
      perOutputTokenMs: this.#gaps === 0 ? 0 : this.#decodeMs / this.#gaps,
      inputTokens: this.#input / n,
      uncachedTokens: meanUncached,
      outputTokens: this.#output / n,
      inFlight: this.#busyMs / Math.max(1, this.#toMs - this.#fromMs),
    };
  }
}

export interface Calibration {
  readonly times: MeasuredTimes;
  /** Replicas of the pool that answered the load test. */
  readonly replicas: number;
  /** What was run, and when (ISO day). */
  readonly run: string;
  readonly date: string;
}

/**
 * The same plan with measured times: every call takes what the load test says for its tokens, and
 * a self-hosted pool's step model is scaled by the measured time per output token over its own.
 */
export function calibrated(input: PlanInput, calibration: Calibration): PlanInput {
  const { date, run, times } = calibration;
  const source = (of: string): Source => ({ of, page: run, date, basis: 'calibrated' });
  const pool = input.pool === undefined ? undefined : calibratedPool(input.pool, calibration);
  return {
    ...input,
    traffic: retimed(input.traffic, times),
    pool,
    assumptions: input.assumptions.filter((assumption) => !isTiming(assumption)),
    sources: [
      ...input.sources,
      source('call durations'),
      ...(pool === undefined ? [] : [source(`step time of ${pool.modelName} on ${pool.gpuName}`)]),
    ],
  };
}

/** Assumptions about how long a call takes; see `timingAssumption` of the plan's workload. */
function isTiming({ value }: Assumption): boolean {
  return value.includes('to the first token');
}

/** Every call takes as long as measured for its tokens; what waits for it moves. */
export function retimed(traffic: Traffic, times: MeasuredTimes): Traffic {
  return {
    ...traffic,
    sessions: traffic.sessions.map((session) => retimedSession(session, times)),
  };
}

function retimedSession(session: TrafficSession, times: MeasuredTimes): TrafficSession {
  const { graph } = session;
  const durations = session.calls.map(({ tokens }) => {
    const uncached = tokens.uncached + tokens.cacheWrite5m + tokens.cacheWrite1h;
    const decoded = Math.max(0, tokens.output - 1);
    return times.firstTokenMs + uncached * times.perInputTokenMs + decoded * times.perOutputTokenMs;
  });
  const isWhole = graph.calls.length === session.calls.length;
  const calls = session.calls.map((call, index) => ({ ...call, durationMs: durations[index]! }));
  // Sessions that lost calls to another route have no order left to follow.
  if (!isWhole) return { ...session, calls };
  const ends: number[] = [];
  const turnMs: number[] = [];
  let startMs = 0;
  for (const turn of graph.turns) {
    startMs += turn.thinkMs;
    for (let call = turn.firstCall; call < turn.endCall; call += 1) {
      const node = graph.calls[call]!;
      let atMs = startMs + node.leastMs;
      for (const { call: other, gapMs } of node.after) atMs = Math.max(atMs, ends[other]! + gapMs);
      ends[call] = atMs + durations[call]!;
      calls[call] = { ...calls[call]!, offsetMs: atMs };
    }
    let endMs = startMs + turn.leastMs;
    for (const { call, gapMs } of turn.ends) endMs = Math.max(endMs, ends[call]! + gapMs);
    turnMs.push(endMs - startMs);
    startMs = endMs;
  }
  const busyMs = turnMs.reduce((sum, ms) => sum + ms, 0);
  return { ...session, busyMs, turnMs, calls };
}

/** Measured over predicted time per output token at the load test's own concurrency. */
function calibratedPool(pool: SelfHosted, { replicas, times }: Calibration): SelfHosted {
  const { spec } = pool;
  const inFlight = Math.max(1, times.inFlight / replicas);
  const predicted = itlAt(
    {
      model: spec.model,
      gpu: spec.gpu,
      parallelism: { tensor: tensorOf(spec, times, inFlight), pipeline: 1, attentionData: 1 },
      quantisation: spec.quantisation ?? { linear: 'bf16', experts: 'bf16', kv: 'bf16' },
      engine: spec.engine ?? ENGINE_DEFAULTS.vllm,
    },
    times,
    inFlight,
  );
  const factor = times.perOutputTokenMs / predicted;
  if (!Number.isFinite(factor) || factor <= 0) return pool;
  return { ...pool, spec: { ...spec, calibration: factor } };
}

/** GPUs per replica: the plan's, or what it would choose for the load that a replica had. */
function tensorOf(spec: PoolSpec, times: MeasuredTimes, inFlight: number): number {
  if (spec.tensorParallel !== undefined) return spec.tensorParallel;
  const { inputTokens, outputTokens, uncachedTokens } = times;
  const callMs =
    times.firstTokenMs +
    uncachedTokens * times.perInputTokenMs +
    Math.max(0, outputTokens - 1) * times.perOutputTokenMs;
  const requestsPerSecond = (inFlight * MS_PER_SECOND) / Math.max(1, callMs);
  return sizePool(spec, {
    requestsPerSecond,
    peakRequestsPerSecond: requestsPerSecond,
    concurrency: inFlight,
    inputTokens,
    uncachedTokens,
    outputTokens,
  }).tensorParallel;
}
