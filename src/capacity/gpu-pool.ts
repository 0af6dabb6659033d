import { AgentInfraError } from '../errors.ts';
import { HOURS_PER_MONTH } from '../core/units.ts';
import { CALIBRATED_BAND, FIRST_TOKEN_BAND, STEP_BAND } from './gpu-band.ts';
import type { Band } from './gpu-band.ts';
import { ENGINE_DEFAULTS } from './gpu-memory.ts';
import type { EngineSettings } from './gpu-memory.ts';
import { gpusOf } from './gpu-model.ts';
import type { GpuFacts, ModelShape, Parallelism, Quantisation } from './gpu-model.ts';
import { sloCapacity } from './gpu-slo.ts';
import type { BindingResource, MeanSlo, SloCapacity } from './gpu-slo.ts';
import { openLoop } from './gpu-steady.ts';
import type { RequestShape, ServedReplica, SteadyState } from './gpu-steady.ts';

/** What the pool is made of. */
export interface PoolSpec {
  readonly model: ModelShape;
  readonly gpu: GpuFacts;
  /** GPUs per replica; absent: the size that needs the fewest GPUs in all. */
  readonly tensorParallel?: number | undefined;
  /** Default: vLLM with its defaults. */
  readonly engine?: EngineSettings | undefined;
  /** Default: 16 bit throughout. */
  readonly quantisation?: Quantisation | undefined;
  readonly priceUsdPerGpuHour?: number | undefined;
  readonly slo?: MeanSlo | undefined;
  /** Measured over predicted time per output token at one point of the user's own system. */
  readonly calibration?: number | undefined;
  /** Share of a replica's capacity that stays free. Default 0.15. */
  readonly headroom?: number | undefined;
}

/** What it must carry. Tokens are means per request. */
export interface PoolDemand {
  readonly requestsPerSecond: number;
  readonly inputTokens: number;
  /** Input that no prefix cache saves: all of it when unknown. */
  readonly uncachedTokens: number;
  readonly outputTokens: number;
  readonly peakRequestsPerSecond: number;
  /** Requests in flight at the peak as measured elsewhere; 0 when unknown. Only compared. */
  readonly concurrency: number;
}

export interface PoolPlan {
  readonly tensorParallel: number;
  readonly replicas: number;
  readonly gpus: number;
  /** Null without a price. */
  readonly costUsdPerMonth: number | null;
  /** Means at the peak rate, spread evenly over the replicas. */
  readonly ttftMs: number;
  readonly itlMs: number;
  /** Requests/s that one replica carries within the SLO, without headroom. */
  readonly throughputPerReplica: number;
  readonly outputTokensPerSecondPerReplica: number;
  /** Requests in flight in the whole pool at the peak. */
  readonly inFlight: number;
  readonly bindingResource: BindingResource;
  /** Share of the pool's capacity that the peak uses. */
  readonly utilisation: number;
  readonly basis: 'modelled' | 'calibrated';
  readonly intervals: PoolIntervals;
  readonly notes: readonly string[];
}

/** About 80 % intervals: [good end, bad end] by size of the number. */
interface PoolIntervals {
  readonly replicas: readonly [number, number];
  readonly gpus: readonly [number, number];
  readonly costUsdPerMonth: readonly [number, number] | null;
  readonly ttftMs: readonly [number, number];
  readonly itlMs: readonly [number, number];
  readonly throughputPerReplica: readonly [number, number];
}

/** Never plan a replica fuller than this leaves free, whatever the interval says. */
const LEAST_HEADROOM = 0.15;
/** Tensor-parallel sizes that engines support for every head count in the catalog. */
const TENSOR_SIZES = [1, 2, 4, 8, 16] as const;

/**
 * Replicas of a model on a GPU for a demand, with headroom for the peak and the model's own error.
 * @throws usage.invalid when the model does not fit, or no batch meets the SLO
 */
export function sizePool(pool: PoolSpec, demand: PoolDemand): PoolPlan {
  checkDemand(demand);
  if (pool.tensorParallel !== undefined) return sizeAt(pool, demand, pool.tensorParallel);
  const plans: PoolPlan[] = [];
  let failure: unknown;
  for (const tensor of TENSOR_SIZES) {
    if (tensor > pool.gpu.scaleUp || pool.model.heads % tensor !== 0) continue;
    try {
      plans.push(sizeAt(pool, demand, tensor));
    } catch (thrown) {
      if (!(thrown instanceof AgentInfraError)) throw thrown;
      failure = thrown;
    }
  }
  const best = plans.toSorted((a, b) => a.gpus - b.gpus || a.tensorParallel - b.tensorParallel)[0];
  if (best === undefined) throw failure;
  return best;
}

function sizeAt(pool: PoolSpec, demand: PoolDemand, tensor: number): PoolPlan {
  const kind = pool.model.experts === undefined ? 'dense' : 'experts';
  const isCalibrated = pool.calibration !== undefined;
  const steps: Band = isCalibrated ? CALIBRATED_BAND[kind] : STEP_BAND[kind];
  const first = FIRST_TOKEN_BAND[kind];
  const edge = (name: keyof Band): Edge => {
    const scale = steps[name] * (pool.calibration ?? 1);
    return edgePlan(pool, demand, tensor, { stepScale: scale, ttftScale: first[name] });
  };
  const { request, parallelism } = scene(pool, demand, tensor);
  const median = edge('median');
  const optimistic = edge('optimistic');
  // When the bad edge misses the SLO at any size, more replicas do not help: say so instead.
  const pessimistic = attempt(() => edge('pessimistic'));
  const perReplica = gpusOf(parallelism);
  const replicas = median.replicas;
  const worst = pessimistic?.replicas ?? replicas;
  const cost = (count: number): number =>
    count * perReplica * (pool.priceUsdPerGpuHour ?? 0) * HOURS_PER_MONTH;
  const high = atReplicas(pool, demand, tensor, replicas, {
    stepScale: steps.pessimistic * (pool.calibration ?? 1),
    ttftScale: first.pessimistic,
  });
  const low = atReplicas(pool, demand, tensor, replicas, {
    stepScale: steps.optimistic * (pool.calibration ?? 1),
    ttftScale: first.optimistic,
  });
  return {
    tensorParallel: tensor,
    replicas,
    gpus: replicas * perReplica,
    costUsdPerMonth: pool.priceUsdPerGpuHour === undefined ? null : cost(replicas),
    ttftMs: median.state.ttftMs,
    itlMs: median.state.itlMs,
    throughputPerReplica: median.capacity.requestsPerSecond,
    outputTokensPerSecondPerReplica: median.capacity.requestsPerSecond * request.outputTokens,
    inFlight: median.state.sequences * replicas,
    bindingResource: median.capacity.bindingResource,
    utilisation: demand.peakRequestsPerSecond / (replicas * median.capacity.requestsPerSecond),
    basis: isCalibrated ? 'calibrated' : 'modelled',
    intervals: {
      replicas: [optimistic.replicas, worst],
      gpus: [optimistic.replicas * perReplica, worst * perReplica],
      costUsdPerMonth:
        pool.priceUsdPerGpuHour === undefined ? null : [cost(optimistic.replicas), cost(worst)],
      ttftMs: [low?.ttftMs ?? median.state.ttftMs, high?.ttftMs ?? Number.POSITIVE_INFINITY],
      itlMs: [low?.itlMs ?? median.state.itlMs, high?.itlMs ?? Number.POSITIVE_INFINITY],
      throughputPerReplica: [
        pessimistic?.capacity.requestsPerSecond ?? 0,
        optimistic.capacity.requestsPerSecond,
      ],
    },
    notes: notesOf(pool, demand, median, pessimistic),
  };
}

interface Scales {
  readonly stepScale: number;
  readonly ttftScale: number;
}

interface Edge {
  readonly replicas: number;
  readonly capacity: SloCapacity;
  readonly state: SteadyState;
}

function edgePlan(pool: PoolSpec, demand: PoolDemand, tensor: number, scales: Scales): Edge {
  const { replica, request } = scene(pool, demand, tensor, scales.stepScale);
  const capacity = sloCapacity(replica, request, shrink(pool.slo, scales.ttftScale));
  const usable = capacity.requestsPerSecond * (1 - (pool.headroom ?? LEAST_HEADROOM));
  const replicas = Math.max(1, Math.ceil(demand.peakRequestsPerSecond / usable));
  const state = openLoop(replica, request, demand.peakRequestsPerSecond / replicas);
  if (state === undefined) throw unstable(replica, demand);
  return { replicas, capacity, state: { ...state, ttftMs: state.ttftMs * scales.ttftScale } };
}

/** Latencies of a given number of replicas at another edge; undefined: unstable there. */
function atReplicas(
  pool: PoolSpec,
  demand: PoolDemand,
  tensor: number,
  replicas: number,
  scales: Scales,
): SteadyState | undefined {
  const { replica, request } = scene(pool, demand, tensor, scales.stepScale);
  const state = openLoop(replica, request, demand.peakRequestsPerSecond / replicas);
  return state === undefined ? undefined : { ...state, ttftMs: state.ttftMs * scales.ttftScale };
}

/** A TTFT that turns out longer by a factor must be predicted shorter by it. */
function shrink(slo: MeanSlo | undefined, ttftScale: number): MeanSlo {
  const ttftMs = slo?.ttftMs;
  return { ttftMs: ttftMs === undefined ? undefined : ttftMs / ttftScale, itlMs: slo?.itlMs };
}

function scene(
  pool: PoolSpec,
  demand: PoolDemand,
  tensor: number,
  stepScale = 1,
): { replica: ServedReplica; request: RequestShape; parallelism: Parallelism } {
  const parallelism: Parallelism = { tensor, pipeline: 1, attentionData: 1 };
  const replica: ServedReplica = {
    model: pool.model,
    gpu: pool.gpu,
    parallelism,
    quantisation: pool.quantisation ?? { linear: 'bf16', experts: 'bf16', kv: 'bf16' },
    engine: pool.engine ?? ENGINE_DEFAULTS.vllm,
    stepScale,
  };
  const { inputTokens, uncachedTokens, outputTokens } = demand;
  return { replica, request: { inputTokens, uncachedTokens, outputTokens }, parallelism };
}

function notesOf(
  pool: PoolSpec,
  demand: PoolDemand,
  median: Edge,
  pessimistic: Edge | undefined,
): string[] {
  const notes: string[] = [];
  if (pool.calibration === undefined) {
    notes.push(
      'Uncalibrated: kernel constants scaled by the median of public runs. One load-test point of your own engine narrows the interval several times.',
    );
  }
  if (pool.slo?.ttftMs === undefined && pool.slo?.itlMs === undefined) {
    notes.push('No latency goal given: sized for throughput alone.');
  }
  if (pessimistic === undefined) {
    notes.push('At the pessimistic edge no number of replicas meets the latency goals.');
  }
  const places = median.replicas * median.capacity.batchLimit;
  if (demand.concurrency > places) {
    notes.push(
      `${Math.round(demand.concurrency)} requests in flight were measured elsewhere; this pool runs ${Math.floor(places)} at once and queues the rest.`,
    );
  }
  return notes;
}

function unstable({ model, gpu }: ServedReplica, demand: PoolDemand): AgentInfraError {
  return new AgentInfraError(
    'usage.invalid',
    `${model.name} on ${gpu.name} has no steady state at ${demand.peakRequestsPerSecond} requests/s`,
    { hint: 'Leave more headroom, or give more GPUs per replica.' },
  );
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (thrown) {
    if (thrown instanceof AgentInfraError) return undefined;
    throw thrown;
  }
}

function checkDemand(demand: PoolDemand): void {
  const { inputTokens, uncachedTokens, outputTokens, peakRequestsPerSecond: peak } = demand;
  const isUsable =
    peak > 0 && outputTokens > 0 && uncachedTokens >= 0 && uncachedTokens <= inputTokens;
  if (isUsable && [inputTokens, peak, outputTokens].every((value) => Number.isFinite(value)))
    return;
  throw new AgentInfraError(
    'usage.invalid',
    'a GPU pool needs a peak rate and output tokens above 0, and uncached tokens within the input',
  );
}
