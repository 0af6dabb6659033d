import { FIRST_TOKEN } from './gpu-efficiency.ts';
import { sequencesThatFit } from './gpu-memory.ts';
import type { EngineSettings } from './gpu-memory.ts';
import { stepTimeMs } from './gpu-step.ts';
import type { Replica, StepLoad } from './gpu-step.ts';

/** Mean request: tokens. `uncachedTokens` are computed, `inputTokens` are attended to and kept. */
export interface RequestShape {
  readonly inputTokens: number;
  readonly uncachedTokens: number;
  readonly outputTokens: number;
}

/** A replica with its engine: everything the steady state depends on. */
export interface ServedReplica extends Replica {
  readonly engine: EngineSettings;
}

/** Means of one replica in steady state. */
export interface SteadyState {
  /** Sequences running at once, whole replica. */
  readonly sequences: number;
  readonly ttftMs: number;
  /** Time per output token after the first: (last − first) / (n − 1). */
  readonly itlMs: number;
  readonly requestsPerSecond: number;
  readonly outputTokensPerSecond: number;
}

/** What bounds the batch, smallest first. */
export interface BatchLimit {
  readonly sequences: number;
  readonly resource: 'kv-memory' | 'max-sequences' | 'token-budget';
}

/** Load on the prefill queue is cut here: beyond it the wait formula means "unstable". */
const MAX_RHO = 0.95;
/** Halvings of every bisection: 2^-60 of the starting interval. */
const HALVINGS = 60;

/** Largest batch of one attention-DP rank. @throws usage.invalid when the model does not fit */
export function batchLimit(replica: ServedReplica, request: RequestShape): BatchLimit {
  const { model, gpu, quantisation, parallelism, engine } = replica;
  const { inputTokens, uncachedTokens, outputTokens } = request;
  const kept = inputTokens + (engine.reservesOutput ? outputTokens : outputTokens / 2);
  const kv = sequencesThatFit(model, gpu, quantisation, parallelism, engine, kept);
  const budget = engine.maxBatchedTokens / (1 + uncachedTokens / outputTokens);
  const limits: BatchLimit[] = [
    { sequences: kv, resource: 'kv-memory' },
    { sequences: engine.maxSequences, resource: 'max-sequences' },
    { sequences: budget, resource: 'token-budget' },
  ];
  return limits.toSorted((a, b) => a.sequences - b.sequences)[0]!;
}

/** Mean step of a rank that keeps `sequences` running: decode plus the prefills of new ones. */
export function steadyLoad(request: RequestShape, sequences: number): StepLoad {
  const { inputTokens, uncachedTokens, outputTokens } = request;
  // A sequence never prefills beside its own decode: no prefill in the step of a single one.
  const starts = Math.max(0, sequences - 1) / outputTokens;
  return {
    sequences,
    contextTokens: inputTokens + outputTokens / 2,
    prefillTokens: starts * uncachedTokens,
    prefillContextTokens: inputTokens - uncachedTokens / 2,
    finishing: starts,
  };
}

/** Mean time per output token in ms when a rank keeps `sequences` running (pipeline included). */
export function itlAt(replica: ServedReplica, request: RequestShape, sequences: number): number {
  const { pipeline } = replica.parallelism;
  return pipeline * stepTimeMs(replica, steadyLoad(request, sequences / pipeline));
}

/**
 * Time in ms to compute a request's prompt alone, in chunks of the step's token budget. Without
 * `stepScale`: public runs show decode a third slower than the kernels promise, prefill not.
 */
function prefillMs(replica: ServedReplica, request: RequestShape): number {
  const cached = request.inputTokens - request.uncachedTokens;
  const unscaled: Replica = { ...replica, stepScale: undefined };
  let total = 0;
  for (let done = 0; done < request.uncachedTokens;) {
    const chunk = Math.min(replica.engine.maxBatchedTokens, request.uncachedTokens - done);
    const isLast = done + chunk >= request.uncachedTokens;
    total += stepTimeMs(unscaled, {
      sequences: 0,
      contextTokens: 0,
      prefillTokens: chunk,
      prefillContextTokens: cached + done + chunk / 2,
      finishing: isLast ? 1 : 0,
    });
    done += chunk;
  }
  return total * replica.parallelism.pipeline;
}

/** Mean time to first token of a rank that keeps `sequences` running, without a KV queue. */
export function ttftAt(replica: ServedReplica, request: RequestShape, sequences: number): number {
  const { fixedMs, burst } = FIRST_TOKEN[replica.engine.family];
  const prefill = prefillMs(replica, request);
  const itl = itlAt(replica, request, sequences);
  const busy = (sequences * prefill) / (prefill + request.outputTokens * itl);
  const rho = Math.min(MAX_RHO, busy);
  return fixedMs + prefill * (1 + rho / (2 * (1 - rho))) + burst * sequences * prefill + itl / 2;
}

/** Closed loop: `users` requests in flight, each followed at once by the next. */
export function closedLoop(
  replica: ServedReplica,
  request: RequestShape,
  users: number,
): SteadyState {
  const ranks = replica.parallelism.attentionData;
  const perRank = users / ranks;
  const limit = batchLimit(replica, request).sequences;
  const running = Math.min(perRank, limit);
  const itlMs = itlAt(replica, request, running);
  // The surplus waits for a place: in rounds of a whole request.
  const queued = ((perRank - running) / running) * request.outputTokens * itlMs;
  const outputTokensPerSecond = (ranks * running * 1000) / itlMs;
  return {
    sequences: running * ranks,
    ttftMs: ttftAt(replica, request, running) + queued,
    itlMs,
    requestsPerSecond: outputTokensPerSecond / request.outputTokens,
    outputTokensPerSecond,
  };
}

/**
 * Open loop at a rate: the batch N that solves N = rate · (TTFT + output · ITL(N)).
 * @returns undefined when no batch up to the limit keeps up: the queue grows without bound
 */
export function openLoop(
  replica: ServedReplica,
  request: RequestShape,
  requestsPerSecond: number,
): SteadyState | undefined {
  const ranks = replica.parallelism.attentionData;
  const perRank = requestsPerSecond / ranks;
  const limit = batchLimit(replica, request).sequences;
  const upper = BRACKETS.map((share) => share * limit).find(
    (n) => sustainedRate(replica, request, n) >= perRank,
  );
  if (upper === undefined) return undefined;
  const sequences = bisect(
    0,
    upper,
    (n) => n === 0 || sustainedRate(replica, request, n) < perRank,
  );
  const itlMs = itlAt(replica, request, sequences);
  return {
    sequences: sequences * ranks,
    ttftMs: ttftAt(replica, request, sequences),
    itlMs,
    requestsPerSecond,
    outputTokensPerSecond: requestsPerSecond * request.outputTokens,
  };
}

/** Shares of the batch limit at which the rate is tried; the smallest batch that keeps up wins. */
const BRACKETS = [0.125, 0.25, 0.5, 0.75, 0.9, 1] as const;

/** Requests/s that a rank with `sequences` in flight completes (Little's law). */
export function sustainedRate(
  replica: ServedReplica,
  request: RequestShape,
  sequences: number,
): number {
  const stayMs =
    ttftAt(replica, request, sequences) + request.outputTokens * itlAt(replica, request, sequences);
  return (sequences * 1000) / stayMs;
}

/**
 * Output tokens/s of an offline batch: all `requests` queued at once (how TensorRT-LLM's tables are
 * measured). With few waves the tail matters: the mean of a synchronous and a staggered schedule.
 */
export function offlineThroughput(
  replica: ServedReplica,
  request: RequestShape,
  requests: number,
): number {
  const ranks = replica.parallelism.attentionData;
  const perRank = requests / ranks;
  const batch = Math.min(perRank, batchLimit(replica, request).sequences);
  const lasting = (n: number): number =>
    n <= 0 ? 0 : request.outputTokens * itlAt(replica, request, n);
  const waves = perRank / batch;
  const full = lasting(batch);
  let totalMs = waves * full;
  if (waves < FEW_WAVES) {
    const whole = Math.floor(waves);
    const synchronous = whole * full + lasting((waves - whole) * batch);
    const staggered = waves * full + lasting(batch / 2) / 2;
    totalMs = (synchronous + staggered) / 2;
  }
  return (requests * request.outputTokens * 1000) / totalMs;
}

/** From here on the last, partly filled wave no longer matters. */
const FEW_WAVES = 6;

/** The largest value in [low, high] for which `holds`, for a predicate that turns false once. */
export function bisect(low: number, high: number, holds: (value: number) => boolean): number {
  if (holds(high)) return high;
  let good = low;
  let bad = high;
  for (let step = 0; step < HALVINGS; step += 1) {
    const middle = (good + bad) / 2;
    if (holds(middle)) good = middle;
    else bad = middle;
  }
  return good;
}
