import { AgentInfraError } from '../errors.ts';
import type { EngineFamily } from './gpu-efficiency.ts';
import { kvBytesPerGpu, weightBytesPerGpu } from './gpu-model.ts';
import type { GpuFacts, ModelShape, Parallelism, Quantisation } from './gpu-model.ts';

/** Settings of the serving engine that decide memory and batch. */
export interface EngineSettings {
  readonly family: EngineFamily;
  /** `gpu_memory_utilization` (vLLM), `free_gpu_memory_fraction` (TensorRT-LLM). */
  readonly memoryShare: number;
  /** `max_num_seqs`. */
  readonly maxSequences: number;
  /** `max_num_batched_tokens`: decode and prefill tokens of one step. */
  readonly maxBatchedTokens: number;
  /** Reserve a sequence's whole length on admission (TensorRT-LLM "no evict"); paged otherwise. */
  readonly reservesOutput: boolean;
  /** The engine's own "GPU KV cache size: N tokens", when known: better than any formula. */
  readonly kvTokens?: number | undefined;
}

/** vLLM's defaults on an 80 GB GPU (1024 sequences, 8192 tokens), TensorRT-LLM's bench settings. */
export const ENGINE_DEFAULTS = {
  vllm: {
    family: 'vllm',
    memoryShare: 0.9,
    maxSequences: 1024,
    maxBatchedTokens: 8192,
    reservesOutput: false,
  },
  trtllm: {
    family: 'trtllm',
    memoryShare: 0.9,
    maxSequences: 2048,
    maxBatchedTokens: 8192,
    reservesOutput: true,
  },
  sglang: {
    family: 'sglang',
    memoryShare: 0.88,
    maxSequences: 1024,
    maxBatchedTokens: 8192,
    reservesOutput: false,
  },
} as const satisfies Record<EngineFamily, EngineSettings>;

export const GIB = 1024 ** 3;

/** vLLM allocates KV in blocks of this many tokens. */
const BLOCK_TOKENS = 16;
/** TensorRT-LLM: workspace and driver, and 1 % of the memory, before the KV fraction applies. */
const TRTLLM_RESERVED_BYTES = 1.5 * GIB;
const TRTLLM_RESERVED_SHARE = 0.01;
/** Non-torch memory of vLLM ≥ 0.18 (CUDA context, NCCL), from start-up logs on H100. */
const NON_TORCH_BYTES = { alone: 0.25 * GIB, tensorParallel: 2.1 * GIB, pipelineOnly: 0.07 * GIB };

/** The parts of one GPU's memory; `kv` is what is left. */
export interface GpuMemory {
  readonly budgetBytes: number;
  readonly weightBytes: number;
  readonly activationBytes: number;
  readonly nonTorchBytes: number;
  readonly kvBytes: number;
}

/** What is left for the KV cache: share × usable − weights − activation − non-torch. */
export function kvPoolBytes(parts: Omit<GpuMemory, 'kvBytes'>): number {
  return parts.budgetBytes - parts.weightBytes - parts.activationBytes - parts.nonTorchBytes;
}

/** Tokens of a KV pool, rounded down to whole blocks. */
export function kvPoolTokens(kvBytes: number, bytesPerToken: number): number {
  return Math.floor(kvBytes / bytesPerToken / BLOCK_TOKENS) * BLOCK_TOKENS;
}

/**
 * vLLM ≥ 0.17: mostly the sampler's logits, which is why fewer `max_num_seqs` buy KV. Constants
 * fitted on start-up logs of 12 models on H100 (5.7 % mean error); does not shrink with t.
 */
export function activationBytes(
  model: ModelShape,
  engine: Pick<EngineSettings, 'maxSequences' | 'maxBatchedTokens'>,
): number {
  const logits = 3.3 * engine.maxSequences * model.vocabulary * 4;
  const hidden = 4.7 * engine.maxBatchedTokens * model.hidden * 2;
  return logits + hidden + (model.experts === undefined ? 0 : 0.4 * GIB);
}

/** One GPU's memory under this engine. `kvBytes` may be negative: the model does not fit. */
export function gpuMemory(
  model: ModelShape,
  gpu: GpuFacts,
  quantisation: Quantisation,
  parallelism: Parallelism,
  engine: EngineSettings,
): GpuMemory {
  const weightBytes = weightBytesPerGpu(model, quantisation, parallelism);
  if (engine.family === 'trtllm') {
    const reserved = TRTLLM_RESERVED_BYTES + TRTLLM_RESERVED_SHARE * gpu.usableBytes;
    const free = gpu.usableBytes - weightBytes - reserved;
    return {
      budgetBytes: gpu.usableBytes,
      weightBytes,
      activationBytes: reserved,
      nonTorchBytes: 0,
      kvBytes: free * engine.memoryShare,
    };
  }
  const parts = {
    budgetBytes: engine.memoryShare * gpu.usableBytes,
    weightBytes,
    activationBytes: activationBytes(model, engine),
    nonTorchBytes: nonTorchBytes(parallelism),
  };
  return { ...parts, kvBytes: kvPoolBytes(parts) };
}

function nonTorchBytes({ tensor, pipeline }: Parallelism): number {
  if (tensor > 1) return NON_TORCH_BYTES.tensorParallel;
  return pipeline > 1 ? NON_TORCH_BYTES.pipelineOnly : NON_TORCH_BYTES.alone;
}

/**
 * Sequences of `contextTokens` that fit the KV pool of one attention-DP rank at once (a fraction).
 * @throws usage.invalid when the weights leave no room at all
 */
export function sequencesThatFit(
  model: ModelShape,
  gpu: GpuFacts,
  quantisation: Quantisation,
  parallelism: Parallelism,
  engine: EngineSettings,
  contextTokens: number,
): number {
  if (engine.kvTokens !== undefined) return engine.kvTokens / contextTokens;
  const memory = gpuMemory(model, gpu, quantisation, parallelism, engine);
  const perSequence =
    kvBytesPerGpu(model, contextTokens, quantisation.kv, parallelism.tensor) / parallelism.pipeline;
  if (memory.kvBytes < perSequence)
    throw doesNotFit(model, gpu, parallelism, memory, contextTokens);
  return memory.kvBytes / perSequence;
}

function doesNotFit(
  model: ModelShape,
  gpu: GpuFacts,
  parallelism: Parallelism,
  memory: GpuMemory,
  contextTokens: number,
): AgentInfraError {
  const gib = (bytes: number): string => (bytes / GIB).toFixed(1);
  const place = `${parallelism.tensor * parallelism.pipeline} × ${gpu.name}`;
  const left = Math.max(0, memory.kvBytes);
  return new AgentInfraError(
    'usage.invalid',
    `${model.name} does not fit ${place}: ${gib(memory.weightBytes)} GiB of weights per GPU leave ` +
      `${gib(left)} GiB of ${gib(memory.budgetBytes)} GiB for the KV cache, too little for one ` +
      `sequence of ${Math.round(contextTokens)} tokens`,
    {
      hint: 'Use more GPUs per replica, a smaller weight format (fp8), or a GPU with more memory.',
    },
  );
}
