/**
 * How much of the datasheet a serving engine reaches. These constants decide every GPU figure.
 *
 * Source of the default column: medians of measured GEMM, attention and all-reduce kernels
 * (ai-dynamo/aiconfigurator kernel tables @095f58a5, A100 to B200), before any fit to serving
 * runs. Fits to serving data age badly (a fit to one engine version is worse on the next than no
 * fit), so none is the default; a measured point of the user's own system is worth more.
 */
export interface GpuEfficiency {
  /** Achieved over dense peak FLOPs of large GEMMs, by width of the weights. */
  readonly mfu16: number;
  readonly mfu8: number;
  readonly mfu4: number;
  /** Achieved over datasheet bandwidth: weights, and KV cache in decode attention. */
  readonly mbuWeights: number;
  readonly mbuKv: number;
  readonly mfuAttention: number;
  /** Share of the link an all-reduce reaches on NVLink; its latency per call in µs. */
  readonly busShare: number;
  readonly allReduceUs: number;
  /** Effective all-reduce bus over PCIe in bytes/s: very dependent on the host's topology. */
  readonly pcieBusBytesPerSecond: number;
  /** Host and launch overhead: per layer, per step, per running sequence. µs. */
  readonly layerUs: number;
  readonly stepUs: number;
  readonly sequenceUs: number;
  /** Experts: efficiency relative to dense GEMM, bandwidth share, overhead per MoE layer. */
  readonly expertMfu: number;
  readonly expertMbu: number;
  readonly expertLayerUs: number;
  /** Rows an expert GEMM is padded to, on average. */
  readonly expertTile: number;
  /** Share of the link an all-to-all reaches. */
  readonly allToAllShare: number;
  /** Decode attention loses bandwidth with few KV heads per GPU: (heads/8)^g. */
  readonly kvHeadExponent: number;
}

export const KERNEL_PRIOR: GpuEfficiency = {
  mfu16: 0.75,
  mfu8: 0.6,
  mfu4: 0.4,
  mbuWeights: 0.75,
  mbuKv: 0.75,
  mfuAttention: 0.45,
  busShare: 0.6,
  allReduceUs: 8,
  pcieBusBytesPerSecond: 12e9,
  layerUs: 10,
  stepUs: 500,
  sequenceUs: 3,
  expertMfu: 0.45,
  expertMbu: 0.6,
  expertLayerUs: 30,
  expertTile: 64,
  allToAllShare: 0.5,
  kvHeadExponent: 0.15,
};

export type EngineFamily = 'vllm' | 'trtllm' | 'sglang';

/**
 * Time to first token beyond the prefill itself: a fixed part (tokenisation, HTTP, scheduling) and
 * the share of other running sequences' prefills a new one waits for. Fitted on public closed-loop
 * sweeps of 2026 (SemiAnalysis InferenceX); the first thing a calibration point replaces.
 */
export const FIRST_TOKEN = {
  vllm: { fixedMs: 27, burst: 0.075 },
  trtllm: { fixedMs: 107, burst: 0.066 },
  sglang: { fixedMs: 258, burst: 0.18 },
} as const satisfies Record<EngineFamily, { fixedMs: number; burst: number }>;
