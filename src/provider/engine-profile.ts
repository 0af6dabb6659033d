import { FIRST_TOKEN } from '../capacity/gpu-efficiency.ts';
import { ENGINE_DEFAULTS, gpuMemory, kvPoolTokens } from '../capacity/gpu-memory.ts';
import { kvBytesPerGpu } from '../capacity/gpu-model.ts';
import { stepTimeMs } from '../capacity/gpu-step.ts';
import { pick, readGpus, readModels } from '../catalog/gpus.ts';
import type { BatchingSettings, HardwareSettings, ProviderConfig } from '../config/provider.ts';
import { AgentInfraError } from '../errors.ts';
import { linearTiming } from '../mechanisms/step-timing.ts';
import type { StepTimeMs } from '../mechanisms/step-timing.ts';

/** What a batching engine needs to know, from given constants or from hardware. */
export interface EngineProfile {
  readonly maxSeqs: number;
  readonly maxBatchedTokens: number;
  readonly kvBlocks: number;
  readonly blockTokens: number;
  readonly maxWaiting: number | undefined;
  readonly stepTimeMs: StepTimeMs;
  /** Outside the engine, before a request is queued. */
  readonly overheadMs: number;
}

/** vLLM's KV block. */
const BLOCK_TOKENS = 16;

const CONTEXT_UNIT_TOKENS = 1000;

/** The engines of a configuration's models, by model id; models with fixed times have none. */
export async function readEngines(
  config: ProviderConfig,
): Promise<ReadonlyMap<string, EngineProfile>> {
  const engines = new Map<string, EngineProfile>();
  for (const { id, timing } of config.models) {
    if (timing.kind === 'batching') engines.set(id, constantEngine(timing));
    else if (timing.kind === 'hardware') engines.set(id, await hardwareEngine(timing));
  }
  return engines;
}

/** An engine whose step time is linear in its work. */
export function constantEngine(settings: BatchingSettings): EngineProfile {
  const { stepBase, stepPerSequence, stepPerThousandContextTokens, prefillTokensPerSecond } =
    settings;
  return {
    maxSeqs: settings.maxSeqs,
    maxBatchedTokens: settings.maxBatchedTokens,
    kvBlocks: settings.kvBlocks,
    blockTokens: settings.blockTokens,
    maxWaiting: settings.maxWaiting,
    overheadMs: settings.overhead,
    stepTimeMs: linearTiming({
      stepMs: stepBase,
      decodeMsPerSeq: stepPerSequence,
      decodeMsPerContextToken: stepPerThousandContextTokens / CONTEXT_UNIT_TOKENS,
      prefillTokensPerSecond,
    }),
  };
}

/**
 * One replica of a catalog model on catalog GPUs: steps take what the capacity model says, the KV
 * cache is what its memory model leaves. The plan and the simulated provider share both.
 * @throws catalog.unknown, usage.invalid when the model does not fit
 */
async function hardwareEngine(settings: HardwareSettings): Promise<EngineProfile> {
  const [gpus, models] = await Promise.all([readGpus(), readModels()]);
  const model = pick(models, settings.model, 'model');
  const gpu = pick(gpus, settings.gpu, 'GPU');
  const { engine: family, weights, kv, tensorParallel: tensor } = settings;
  const parallelism = { tensor, pipeline: 1, attentionData: 1 };
  const quantisation = {
    linear: weights ?? model.weights.linear,
    experts: weights ?? model.weights.experts,
    kv,
  };
  const engine = {
    ...ENGINE_DEFAULTS[family],
    maxSequences: settings.maxSeqs ?? ENGINE_DEFAULTS[family].maxSequences,
    maxBatchedTokens: settings.maxBatchedTokens ?? ENGINE_DEFAULTS[family].maxBatchedTokens,
  };
  const { kvBytes } = gpuMemory(model, gpu, quantisation, parallelism, engine);
  const perToken = kvBytesPerGpu(model, 1, kv, tensor);
  const kvTokens = settings.kvTokens ?? kvPoolTokens(Math.max(0, kvBytes), perToken);
  if (kvTokens < BLOCK_TOKENS) {
    const what = `${model.name} does not fit ${tensor} × ${gpu.name}`;
    throw new AgentInfraError('usage.invalid', what, {
      hint: 'Give more GPUs (tensorParallel), a larger GPU, or smaller weights (weights: fp8).',
    });
  }
  const replica = { model, gpu, parallelism, quantisation, stepScale: settings.stepScale };
  return {
    maxSeqs: engine.maxSequences,
    maxBatchedTokens: engine.maxBatchedTokens,
    kvBlocks: Math.floor(kvTokens / BLOCK_TOKENS),
    blockTokens: BLOCK_TOKENS,
    maxWaiting: settings.maxWaiting,
    overheadMs: FIRST_TOKEN[family].fixedMs,
    stepTimeMs: (step) =>
      stepTimeMs(replica, {
        sequences: step.decodeSeqs,
        contextTokens: step.meanContext,
        prefillTokens: step.prefillTokens,
        prefillContextTokens: step.prefillContext,
        finishing: step.prefillSeqs,
      }),
  };
}
