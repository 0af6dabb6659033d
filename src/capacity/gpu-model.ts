/**
 * Shapes of models and facts of GPUs, and what follows from them alone: parameters, bytes of
 * weights, bytes of KV cache. Symbols as in docs: L layers, h hidden width, H heads, V vocabulary.
 */

/** From a model's config.json. Token widths in elements; counts of layers add up to `layers`. */
export interface ModelShape {
  readonly name: string;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabulary: number;
  readonly tiedEmbeddings: boolean;
  /** Width of the dense feed-forward block; 0 when every layer is a mixture of experts. */
  readonly feedForward: number;
  /** Matrices per feed-forward block: 3 for SwiGLU, 2 for the older form (GPT-J, Falcon). */
  readonly feedForwardMatrices: number;
  readonly experts?: ExpertShape | undefined;
  readonly slidingWindow?: { readonly tokens: number; readonly layers: number } | undefined;
  /** Layers with a fixed-size state instead of a KV cache. */
  readonly linearAttentionLayers: number;
  readonly latentAttention?: LatentAttentionShape | undefined;
}

interface ExpertShape {
  readonly count: number;
  readonly active: number;
  readonly feedForward: number;
  /** Width of the shared expert that every token passes; 0 when there is none. */
  readonly sharedFeedForward: number;
  readonly layers: number;
}

/** Multi-head latent attention (DeepSeek): ranks and head parts. */
interface LatentAttentionShape {
  readonly queryRank: number;
  readonly kvRank: number;
  readonly rope: number;
  readonly nope: number;
  readonly value: number;
}

export interface GpuFacts {
  readonly name: string;
  /** What the driver reports, below the catalogue figure (H100 80 GB: 79.19 GiB). */
  readonly usableBytes: number;
  readonly bytesPerSecond: number;
  /** Dense, never the 2:4-sparse figure. Absent: no hardware for this width. */
  readonly denseTflops: {
    readonly bf16: number;
    readonly fp8?: number | undefined;
    readonly fp4?: number | undefined;
  };
  readonly link: {
    readonly kind: 'nvlink' | 'pcie';
    /** One direction, per GPU. */
    readonly bytesPerSecond: number;
  };
  /** GPUs in one fast domain: the largest useful tensor-parallel size. */
  readonly scaleUp: number;
}

export type WeightFormat = 'bf16' | 'fp8' | 'nvfp4' | 'mxfp4' | 'int4';
export type KvFormat = 'bf16' | 'fp8';

/** Bytes per weight with block scales: NVFP4 4 bit + 1 scale byte per 16; MXFP4 and int4 per 32 or more. */
export const WEIGHT_BYTES = {
  bf16: 2,
  fp8: 1,
  nvfp4: 0.5625,
  mxfp4: 0.53,
  int4: 0.53,
} as const satisfies Record<WeightFormat, number>;

const KV_BYTES = { bf16: 2, fp8: 1 } as const satisfies Record<KvFormat, number>;

/** How a checkpoint is stored: gpt-oss keeps attention in bf16 and experts in MXFP4, for example. */
export interface Quantisation {
  /** Attention, dense feed-forward, shared experts, router. */
  readonly linear: WeightFormat;
  readonly experts: WeightFormat;
  /** The engine's setting, not the checkpoint's: vLLM keeps 16-bit KV unless told. */
  readonly kv: KvFormat;
}

export interface Parallelism {
  /** Tensor-parallel GPUs t. */
  readonly tensor: number;
  readonly pipeline: number;
  /** Attention data-parallel ranks d; every rank has its own KV pool. */
  readonly attentionData: number;
  /** GPUs the experts are spread over; t·d when absent. */
  readonly expert?: number | undefined;
}

export const ONE_GPU: Parallelism = { tensor: 1, pipeline: 1, attentionData: 1 };

/** GPUs of one replica. */
export function gpusOf({ tensor, pipeline, attentionData }: Parallelism): number {
  return tensor * pipeline * attentionData;
}

export interface ParameterCounts {
  /** Attention, dense feed-forward, shared experts and router: read in full by every step. */
  readonly linear: number;
  readonly experts: number;
  /** One embedding matrix V·h; stored twice unless tied. */
  readonly embedding: number;
  readonly total: number;
}

/** Counts without norms and biases (below 0.1 % of any model). */
export function countParameters(model: ModelShape): ParameterCounts {
  const { layers, hidden, experts } = model;
  const moeLayers = experts?.layers ?? 0;
  const dense = (layers - moeLayers) * model.feedForwardMatrices * hidden * model.feedForward;
  const shared = moeLayers * 3 * hidden * (experts?.sharedFeedForward ?? 0);
  const router = moeLayers * hidden * (experts?.count ?? 0);
  const linear = layers * attentionParameters(model) + dense + shared + router;
  const routed = moeLayers * (experts?.count ?? 0) * 3 * hidden * (experts?.feedForward ?? 0);
  const embedding = model.vocabulary * hidden;
  const total = linear + routed + embedding * (model.tiedEmbeddings ? 1 : 2);
  return { linear, experts: routed, embedding, total };
}

function attentionParameters({
  hidden,
  heads,
  kvHeads,
  headDim,
  latentAttention,
}: ModelShape): number {
  if (latentAttention === undefined) {
    return 2 * hidden * heads * headDim + 2 * hidden * kvHeads * headDim;
  }
  const { queryRank, kvRank, rope, nope, value } = latentAttention;
  const query = hidden * queryRank + queryRank * heads * (nope + rope);
  const keyValue = hidden * (kvRank + rope) + kvRank * heads * (nope + value);
  return query + keyValue + heads * value * hidden;
}

/** Bytes of weights on one GPU (gpu-capacity §2). Embedding and LM head stay in 16 bit. */
export function weightBytesPerGpu(
  model: ModelShape,
  quantisation: Quantisation,
  parallelism: Parallelism,
): number {
  const { tensor, pipeline } = parallelism;
  const { linear, experts, embedding } = countParameters(model);
  const ends = embedding * (model.tiedEmbeddings ? 1 : 2) * WEIGHT_BYTES.bf16;
  return (
    ((linear * WEIGHT_BYTES[quantisation.linear]) / tensor +
      (experts * WEIGHT_BYTES[quantisation.experts]) / expertGpus(parallelism) +
      ends / tensor) /
    pipeline
  );
}

/** GPUs that share one copy of the experts. */
export function expertGpus({ tensor, attentionData, expert }: Parallelism): number {
  return expert ?? tensor * attentionData;
}

/**
 * Bytes of KV cache on one GPU of a sequence with `contextTokens` tokens, over all layers of the
 * model. Not linear in the context when layers slide; heads are replicated when t > kvHeads; a
 * latent cache is not divided by t at all.
 */
export function kvBytesPerGpu(
  model: ModelShape,
  contextTokens: number,
  kv: KvFormat,
  tensor: number,
): number {
  const cells = cachedTokenLayers(model, contextTokens);
  if (model.latentAttention !== undefined) {
    const { kvRank, rope } = model.latentAttention;
    return cells * (kvRank + rope) * KV_BYTES[kv];
  }
  const perToken = 2 * model.kvHeads * model.headDim * KV_BYTES[kv];
  return (cells * perToken) / Math.min(tensor, model.kvHeads);
}

/** Σ over layers of the tokens a layer attends to (and keeps) at this context. */
export function cachedTokenLayers(model: ModelShape, contextTokens: number): number {
  const sliding = model.slidingWindow;
  const full = model.layers - model.linearAttentionLayers - (sliding?.layers ?? 0);
  const slid = sliding === undefined ? 0 : sliding.layers * Math.min(contextTokens, sliding.tokens);
  return full * contextTokens + slid;
}
