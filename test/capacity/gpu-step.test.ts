import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { KERNEL_PRIOR } from '../../src/capacity/gpu-efficiency.ts';
import { kvBytesPerGpu, ONE_GPU, weightBytesPerGpu } from '../../src/capacity/gpu-model.ts';
import type { GpuFacts, ModelShape } from '../../src/capacity/gpu-model.ts';
import { stepTerms, stepTimeMs } from '../../src/capacity/gpu-step.ts';
import type { Replica } from '../../src/capacity/gpu-step.ts';

/** Round numbers, so that every term can be checked by hand. */
const TINY: ModelShape = {
  name: 'tiny',
  layers: 10,
  hidden: 1000,
  heads: 8,
  kvHeads: 8,
  headDim: 125,
  vocabulary: 50_000,
  tiedEmbeddings: false,
  feedForward: 2000,
  feedForwardMatrices: 3,
  linearAttentionLayers: 0,
};
const CARD: GpuFacts = {
  name: 'card',
  usableBytes: 80e9,
  bytesPerSecond: 1e12,
  denseTflops: { bf16: 100, fp8: 200 },
  link: { kind: 'nvlink', bytesPerSecond: 100e9 },
  scaleUp: 8,
};
const BF16 = { linear: 'bf16', experts: 'bf16', kv: 'bf16' } as const;
const base: Replica = { model: TINY, gpu: CARD, parallelism: ONE_GPU, quantisation: BF16 };
const cubes = (a: number, b: number): number => Math.cbrt(a ** 3 + b ** 3);

describe('each term by hand', () => {
  // attention 2·1000·1000 + 2·1000·1000 = 4e6, feed-forward 3·1000·2000 = 6e6 per layer: 1e8 in all.
  const linear = 1e8;

  test('1: linear layers are the soft maximum of compute and read', () => {
    const terms = stepTerms(base, { sequences: 100, contextTokens: 0 });
    const compute = (2 * linear * 100) / (0.75 * 100e12);
    const read = (linear * 2) / (0.75 * 1e12);
    expect(terms.linear).toBeCloseTo(cubes(compute, read), 12);
  });

  test('1b: logits for decoding rows and for prompts that finish', () => {
    const terms = stepTerms(base, { sequences: 90, contextTokens: 0, finishing: 10 });
    const compute = (2 * 5e7 * 100) / (0.75 * 100e12);
    const read = (2 * 5e7) / (0.75 * 1e12);
    expect(terms.lmHead).toBeCloseTo(cubes(compute, read), 12);
  });

  test('2: experts read what is hit, plus overhead per layer', () => {
    const experts = { count: 4, active: 1, feedForward: 1000, sharedFeedForward: 0, layers: 10 };
    const model = { ...TINY, feedForward: 0, experts };
    // Ten times the compute, so that the padded multiply stays below the read.
    const gpu = { ...CARD, denseTflops: { bf16: 1000 } };
    const terms = stepTerms({ ...base, gpu, model }, { sequences: 1, contextTokens: 0 });
    // One token hits exactly one expert of 3e6 weights in each of 10 layers.
    expect(terms.experts).toBeCloseTo((1 * 3e7 * 2) / (0.6 * 1e12) + 10 * 30e-6, 12);
  });

  test('2: many tokens per expert become compute, padded to tiles', () => {
    const experts = { count: 4, active: 2, feedForward: 1000, sharedFeedForward: 0, layers: 10 };
    const model = { ...TINY, feedForward: 0, experts };
    const terms = stepTerms(
      { ...base, model },
      { sequences: 0, contextTokens: 0, prefillTokens: 4096 },
    );
    const flops = 2 * 4096 * 2 * 3e7 * (1 + 64 / 2048);
    expect(terms.experts).toBeCloseTo(flops / (0.45 * 0.75 * 100e12) + 300e-6, 10);
  });

  test('2b: all-to-all between two attention-DP ranks', () => {
    const experts = { count: 4, active: 2, feedForward: 1000, sharedFeedForward: 0, layers: 10 };
    const model = { ...TINY, feedForward: 0, experts };
    const parallelism = { tensor: 1, pipeline: 1, attentionData: 2 };
    const terms = stepTerms({ ...base, model, parallelism }, { sequences: 50, contextTokens: 0 });
    expect(terms.allToAll).toBeCloseTo(10 * (16e-6 + (50 * 1 * 1000 * 3) / (0.5 * 100e9)), 12);
  });

  test('3: decode attention reads the cache at full bandwidth with 8 heads', () => {
    const terms = stepTerms(base, { sequences: 16, contextTokens: 1000 });
    // 2 · 8 heads · 125 · 2 bytes · 10 layers = 40,000 bytes per token.
    expect(terms.decodeAttention).toBeCloseTo((16 * 1000 * 40_000) / (0.75 * 1e12), 12);
  });

  test('3: two heads per GPU lose bandwidth by (2/8)^0.15', () => {
    const parallelism = { tensor: 4, pipeline: 1, attentionData: 1 };
    const terms = stepTerms({ ...base, parallelism }, { sequences: 16, contextTokens: 1000 });
    const bytes = (16 * 1000 * 40_000) / 4;
    expect(terms.decodeAttention).toBeCloseTo(bytes / (0.75 * 0.25 ** 0.15 * 1e12), 12);
  });

  test('4: prefill attention is quadratic in the prompt', () => {
    const load = { sequences: 0, contextTokens: 0, prefillTokens: 1000, prefillContextTokens: 500 };
    const flops = 4 * 1000 * 10 * 500 * 8 * 125;
    expect(stepTerms(base, load).prefillAttention).toBeCloseTo(flops / (0.45 * 100e12), 12);
  });

  test.for([
    { why: 'NVLink: two all-reduces per layer', kind: 'nvlink', latency: 8e-6, bus: 60e9 },
    { why: 'PCIe: three times the latency, a fixed bus', kind: 'pcie', latency: 24e-6, bus: 12e9 },
  ] as const)('5: $why', ({ kind, latency, bus }) => {
    const gpu = { ...CARD, link: { kind, bytesPerSecond: 100e9 } };
    const parallelism = { tensor: 2, pipeline: 1, attentionData: 1 };
    const terms = stepTerms({ ...base, gpu, parallelism }, { sequences: 64, contextTokens: 0 });
    expect(terms.allReduce).toBeCloseTo(20 * (latency + (1 * 64 * 1000 * 2) / bus), 12);
  });

  test('6: overhead per layer, step and sequence; stages share the layers only', () => {
    const load = { sequences: 100, contextTokens: 0 };
    expect(stepTerms(base, load).overhead).toBeCloseTo(100e-6 + 500e-6 + 300e-6, 12);
    const parallelism = { tensor: 1, pipeline: 2, attentionData: 1 };
    expect(stepTerms({ ...base, parallelism }, load).overhead).toBeCloseTo(850e-6, 12);
  });

  test('the step is the sum of its terms, times the calibration', () => {
    const load = { sequences: 8, contextTokens: 100, prefillTokens: 10 };
    const sum = Object.values(stepTerms(base, load)).reduce((a, b) => a + b, 0);
    expect(stepTimeMs({ ...base, stepScale: 1.5 }, load)).toBeCloseTo(sum * 1500, 9);
  });
});

describe('formats without hardware', () => {
  const compute = (format: 'fp8' | 'nvfp4' | 'int4'): number =>
    stepTerms(
      { ...base, quantisation: { ...BF16, linear: format } },
      { sequences: 0, contextTokens: 0, prefillTokens: 1e6 },
    ).linear;
  const flops = 2 * 1e8 * 1e6;
  test.for([
    { why: 'FP8 units at their own efficiency', format: 'fp8', rate: 0.6 * 200e12 },
    { why: 'no FP4 units: 16-bit peak', format: 'nvfp4', rate: 0.75 * 100e12 },
    { why: 'int4 is dequantised: 70 % of 16-bit', format: 'int4', rate: 0.7 * 0.75 * 100e12 },
  ] as const)('$why', ({ format, rate }) => {
    expect(compute(format)).toBeCloseTo(flops / rate, 4);
  });
});

describe('KV bytes', () => {
  test.for([
    { why: '8 heads over 4 GPUs: a quarter each', tensor: 4, share: 1 / 4 },
    { why: 'more GPUs than heads: heads are replicated', tensor: 16, share: 1 / 8 },
  ])('$why', ({ tensor, share }) => {
    expect(kvBytesPerGpu(TINY, 1000, 'bf16', tensor)).toBeCloseTo(40e6 * share, 6);
  });

  test('a sliding window stops growing; full layers do not', () => {
    const model = { ...TINY, slidingWindow: { tokens: 100, layers: 5 } };
    expect(kvBytesPerGpu(model, 1000, 'bf16', 1)).toBe((5 * 1000 + 5 * 100) * 4000);
  });

  test('a latent cache is not divided by tensor parallelism', () => {
    const latentAttention = { queryRank: 100, kvRank: 512, rope: 64, nope: 64, value: 64 };
    const model = { ...TINY, latentAttention };
    expect(kvBytesPerGpu(model, 1000, 'fp8', 8)).toBe(10 * 1000 * 576);
  });

  test('experts and dense weights are shared out differently', () => {
    const experts = { count: 4, active: 1, feedForward: 1000, sharedFeedForward: 0, layers: 10 };
    const model = { ...TINY, feedForward: 0, experts };
    const parallelism = { tensor: 2, pipeline: 1, attentionData: 2, expert: 4 };
    const linear = 4e7 + 10 * 4000;
    const ends = 2 * 5e7;
    expect(weightBytesPerGpu(model, BF16, parallelism)).toBeCloseTo(
      (linear * 2) / 2 + (4 * 3e7 * 2) / 4 + (ends * 2) / 2,
      3,
    );
  });
});

test('a step never gets shorter with more sequences, context or prompt tokens', () => {
  const amount = fc.double({ min: 0, max: 4000, noNaN: true });
  fc.assert(
    fc.property(amount, amount, amount, fc.constantFrom(1, 2, 4, 8), (n, c, p, tensor) => {
      const replica = { ...base, parallelism: { tensor, pipeline: 1, attentionData: 1 } };
      const at = (sequences: number, contextTokens: number, prefillTokens: number): number =>
        stepTimeMs(replica, { sequences, contextTokens, prefillTokens, prefillContextTokens: 10 });
      const here = at(n, c, p);
      return at(n + 1, c, p) >= here && at(n, c + 10, p) >= here && at(n, c, p + 10) >= here;
    }),
  );
});

test('better efficiency is never slower', () => {
  const better = { ...KERNEL_PRIOR, mfu16: 0.9, mbuKv: 0.9, stepUs: 100 };
  const load = { sequences: 64, contextTokens: 2000, prefillTokens: 500 };
  expect(stepTimeMs({ ...base, efficiency: better }, load)).toBeLessThan(stepTimeMs(base, load));
});
