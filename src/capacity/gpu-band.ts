/**
 * How far the uncalibrated step model is off, as factors on its time. Quantiles of measured over
 * predicted from public closed-loop serving runs (SemiAnalysis InferenceX and NVIDIA, 2026; 242
 * dense and 474 mixture-of-experts points on H100 to B200, duplicates and suspect rows removed),
 * predicted with KERNEL_PRIOR. test/capacity/gpu-accuracy.test.ts recomputes them.
 */
export interface Band {
  readonly pessimistic: number;
  readonly median: number;
  readonly optimistic: number;
}

/** Time per output token. Dense models run slower than the kernels promise, by a third on average. */
export const STEP_BAND = {
  dense: { pessimistic: 1.67, median: 1.33, optimistic: 1.05 },
  experts: { pessimistic: 1.34, median: 0.85, optimistic: 0.51 },
} as const satisfies Record<'dense' | 'experts', Band>;

/** Time to first token: unbiased, but it varies far more, above all where a queue may form. */
export const FIRST_TOKEN_BAND = {
  dense: { pessimistic: 1.95, median: 1, optimistic: 0.6 },
  experts: { pessimistic: 2.2, median: 1, optimistic: 0.6 },
} as const satisfies Record<'dense' | 'experts', Band>;

/**
 * A point measured on the user's own system replaces the median; what is left is the spread of the
 * other points of a sweep around a mid-sweep point (median error 7 % dense, 14 % experts).
 */
export const CALIBRATED_BAND = {
  dense: { pessimistic: 1.14, median: 1, optimistic: 0.88 },
  experts: { pessimistic: 1.42, median: 1, optimistic: 0.77 },
} as const satisfies Record<'dense' | 'experts', Band>;
