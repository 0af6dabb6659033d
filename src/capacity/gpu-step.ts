import { KERNEL_PRIOR } from './gpu-efficiency.ts';
import type { GpuEfficiency } from './gpu-efficiency.ts';
import {
  cachedTokenLayers,
  countParameters,
  expertGpus,
  kvBytesPerGpu,
  WEIGHT_BYTES,
} from './gpu-model.ts';
import type { GpuFacts, ModelShape, Parallelism, Quantisation, WeightFormat } from './gpu-model.ts';

/** One replica as the step model sees it. */
export interface Replica {
  readonly model: ModelShape;
  readonly gpu: GpuFacts;
  readonly parallelism: Parallelism;
  readonly quantisation: Quantisation;
  /** Default: KERNEL_PRIOR. */
  readonly efficiency?: GpuEfficiency | undefined;
  /** Factor on the whole step: a calibration point (measured / predicted) or an interval's edge. */
  readonly stepScale?: number | undefined;
}

/** What one engine step computes, per attention-DP rank. */
export interface StepLoad {
  /** Sequences that decode one token each: N. */
  readonly sequences: number;
  /** Their mean context: c. */
  readonly contextTokens: number;
  /** Prompt tokens computed in this step: p. */
  readonly prefillTokens?: number | undefined;
  /** Mean context of those prompt tokens: c_p. */
  readonly prefillContextTokens?: number | undefined;
  /** Prompts that finish in this step and need logits; fractions are averages over steps. */
  readonly finishing?: number | undefined;
}

/** Seconds of each term of a step; see docs for the formulas. The names are what can bind. */
export interface StepTerms {
  readonly linear: number;
  readonly lmHead: number;
  readonly experts: number;
  readonly allToAll: number;
  readonly decodeAttention: number;
  readonly prefillAttention: number;
  readonly allReduce: number;
  readonly overhead: number;
}

/**
 * Time of one engine step in milliseconds: the sum of the terms over the pipeline's stages. With
 * pipeline parallelism this is one stage of one micro-batch; a token takes `pipeline` of them.
 */
export function stepTimeMs(replica: Replica, load: StepLoad): number {
  const terms = stepTerms(replica, load);
  let seconds = 0;
  for (const value of Object.values(terms)) seconds += value;
  return seconds * 1000 * (replica.stepScale ?? 1);
}

/** The terms of one step in seconds, before `stepScale`. */
export function stepTerms(replica: Replica, load: StepLoad): StepTerms {
  const { model, gpu, parallelism } = replica;
  const e = replica.efficiency ?? KERNEL_PRIOR;
  const { pipeline } = parallelism;
  const prefill = load.prefillTokens ?? 0;
  const tokens = load.sequences + prefill;
  const scope: Scope = { ...replica, e, load, tokens, prefill };
  const linear = linearSeconds(scope);
  const layers = model.layers * e.layerUs * MICROSECOND;
  const steps = (e.stepUs + load.sequences * e.sequenceUs) * MICROSECOND;
  return {
    linear: linear / pipeline,
    lmHead: lmHeadSeconds(scope) / pipeline,
    experts: expertSeconds(scope) / pipeline,
    allToAll: allToAllSeconds(scope) / pipeline,
    decodeAttention: decodeAttentionSeconds(scope) / pipeline,
    prefillAttention: prefillAttentionSeconds(scope) / pipeline,
    allReduce: allReduceSeconds(model, gpu, parallelism, e, tokens) / pipeline,
    overhead: layers / pipeline + steps,
  };
}

interface Scope extends Replica {
  readonly e: GpuEfficiency;
  readonly load: StepLoad;
  /** M = N + p. */
  readonly tokens: number;
  readonly prefill: number;
}

const MICROSECOND = 1e-6;
const TERA = 1e12;
/** Activations are exchanged in 16 bit. */
const ACTIVATION_BYTES = 2;
/** Latency of a PCIe all-reduce against NVLink (kernel tables: 90-120 µs against 20-60 eager). */
const PCIE_LATENCY_FACTOR = 3;
/** All-to-all: dispatch in 8 bit, combine in 16 bit. */
const ALL_TO_ALL_BYTES = 3;
/** KV heads per GPU from which decode attention reaches its full bandwidth. */
const KV_HEADS_FOR_FULL_BANDWIDTH = 8;
/** int4 weights are dequantised before a 16-bit multiply. */
const DEQUANTISED_SHARE = 0.7;

/** Soft maximum with exponent 3: between the two limits neither is reached. */
function softMax(a: number, b: number): number {
  return Math.cbrt(a ** 3 + b ** 3);
}

/** Achieved FLOPs/s: mfu × peak; widths without hardware run at the 16-bit peak. */
function flopsPerSecond(format: WeightFormat, gpu: GpuFacts, e: GpuEfficiency): number {
  const { bf16, fp8, fp4 } = gpu.denseTflops;
  const wide = e.mfu16 * bf16 * TERA;
  switch (format) {
    case 'bf16':
      return wide;
    case 'fp8':
      return fp8 === undefined ? wide : e.mfu8 * fp8 * TERA;
    case 'nvfp4':
    case 'mxfp4':
      return fp4 === undefined ? wide : e.mfu4 * fp4 * TERA;
    case 'int4':
      return DEQUANTISED_SHARE * wide;
  }
}

/** Term 1: 2·P·M FLOPs against one read of the weights. */
function linearSeconds({ model, gpu, parallelism, quantisation, e, tokens }: Scope): number {
  const { linear } = countParameters(model);
  const format = quantisation.linear;
  const compute = (2 * linear * tokens) / (parallelism.tensor * flopsPerSecond(format, gpu, e));
  const read =
    (linear * WEIGHT_BYTES[format]) / (parallelism.tensor * e.mbuWeights * gpu.bytesPerSecond);
  return softMax(compute, read);
}

/** Term 1b: logits for decoding rows and for prompts that finish, in bf16. */
function lmHeadSeconds({ model, gpu, parallelism, e, load }: Scope): number {
  const rows = load.sequences + (load.finishing ?? 0);
  const { embedding } = countParameters(model);
  const compute = (2 * embedding * rows) / (parallelism.tensor * flopsPerSecond('bf16', gpu, e));
  const read = (embedding * 2) / (parallelism.tensor * e.mbuWeights * gpu.bytesPerSecond);
  return softMax(compute, read);
}

/** Term 2: reads of the experts that are hit at all, or their padded FLOPs, whichever is longer. */
function expertSeconds({ model, gpu, parallelism, quantisation, e, tokens }: Scope): number {
  const { experts, hidden } = model;
  if (experts === undefined) return 0;
  const gpus = expertGpus(parallelism);
  const groupTokens = tokens * parallelism.attentionData;
  const perExpert = 3 * hidden * experts.feedForward * experts.layers;
  const hit = experts.count * (1 - (1 - experts.active / experts.count) ** groupTokens);
  const bytes = (hit * perExpert * WEIGHT_BYTES[quantisation.experts]) / gpus;
  const rowsPerExpert = (groupTokens * experts.active) / experts.count;
  const padding = 1 + e.expertTile / Math.max(rowsPerExpert, 1);
  const flops = ((2 * groupTokens * experts.active * perExpert) / gpus) * padding;
  const rate = e.expertMfu * flopsPerSecond(quantisation.experts, gpu, e);
  return (
    Math.max(bytes / (e.expertMbu * gpu.bytesPerSecond), flops / rate) +
    experts.layers * e.expertLayerUs * MICROSECOND
  );
}

/** Term 2b: dispatch and combine between attention-DP ranks. */
function allToAllSeconds({ model, gpu, parallelism, e, tokens }: Scope): number {
  const { experts, hidden } = model;
  const ranks = parallelism.attentionData;
  if (experts === undefined || ranks <= 1) return 0;
  const bytes = tokens * Math.min(experts.active, ranks - 1) * hidden * ALL_TO_ALL_BYTES;
  const transfer = bytes / (e.allToAllShare * gpu.link.bytesPerSecond);
  return experts.layers * (2 * e.allReduceUs * MICROSECOND + transfer);
}

/** Terms 3 and 3b: read of the KV cache; latent attention computes on it as well. */
function decodeAttentionSeconds(scope: Scope): number {
  const { model, gpu, parallelism, quantisation, e, load } = scope;
  const { sequences, contextTokens } = load;
  if (sequences === 0) return 0;
  const { tensor } = parallelism;
  const bytes = sequences * kvBytesPerGpu(model, contextTokens, quantisation.kv, tensor);
  if (model.latentAttention === undefined) {
    const heads = Math.max(1, model.kvHeads / tensor);
    const share = Math.min(1, heads / KV_HEADS_FOR_FULL_BANDWIDTH) ** e.kvHeadExponent;
    return bytes / (e.mbuKv * share * gpu.bytesPerSecond);
  }
  const { kvRank, rope } = model.latentAttention;
  const flops =
    2 * sequences * contextTokens * (model.heads / tensor) * (2 * kvRank + rope) * model.layers;
  return softMax(
    bytes / (e.mbuKv * gpu.bytesPerSecond),
    flops / (e.mfuAttention * gpu.denseTflops.bf16 * TERA),
  );
}

/** Term 4: causal attention of the prompt tokens over their context. */
function prefillAttentionSeconds({ model, gpu, parallelism, e, load, prefill }: Scope): number {
  if (prefill === 0) return 0;
  const context = load.prefillContextTokens ?? prefill / 2;
  const latent = model.latentAttention;
  const width =
    latent === undefined ? model.headDim : (latent.nope + latent.rope + latent.value) / 2;
  const flops = 4 * prefill * cachedTokenLayers(model, context) * model.heads * width;
  return flops / (parallelism.tensor * e.mfuAttention * gpu.denseTflops.bf16 * TERA);
}

/** Term 5: two all-reduces of the activations per layer. */
function allReduceSeconds(
  model: ModelShape,
  gpu: GpuFacts,
  { tensor }: Parallelism,
  e: GpuEfficiency,
  tokens: number,
): number {
  if (tensor <= 1) return 0;
  const onPcie = gpu.link.kind === 'pcie';
  const latency = e.allReduceUs * MICROSECOND * (onPcie ? PCIE_LATENCY_FACTOR : 1);
  const bus = onPcie ? e.pcieBusBytesPerSecond : e.busShare * gpu.link.bytesPerSecond;
  const bytes = ((2 * (tensor - 1)) / tensor) * tokens * model.hidden * ACTIVATION_BYTES;
  return 2 * model.layers * (latency + bytes / bus);
}
