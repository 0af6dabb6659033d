import { describe, expect, test } from 'vitest';

import {
  activationBytes,
  ENGINE_DEFAULTS,
  GIB,
  gpuMemory,
  kvPoolBytes,
  kvPoolTokens,
  sequencesThatFit,
} from '../../src/capacity/gpu-memory.ts';
import { kvBytesPerGpu, ONE_GPU } from '../../src/capacity/gpu-model.ts';
import { pick, readGpus, readModels } from '../../src/catalog/gpus.ts';

const gpus = await readGpus();
const models = await readModels();
const h100 = pick(gpus, 'H100-SXM-80GB', 'GPU');
const BF16 = { linear: 'bf16', experts: 'bf16', kv: 'bf16' } as const;

// vLLM 0.19 start-up logs on H100 80 GB with gpu_memory_utilization 0.95, in GiB per GPU.
const LOGS = [
  {
    why: 'Llama-3.1-8B',
    name: 'Llama-3.1-8B',
    weights: 14.99,
    activation: 1.89,
    nonTorch: 0.25,
    printed: '58.10',
    loggedGib: 58.11,
    loggedTokens: 476_016,
  },
  {
    why: 'Qwen2.5-7B',
    name: 'Qwen2.5-7B',
    weights: 14.25,
    activation: 2.21,
    nonTorch: 0.24,
    printed: '58.53',
    loggedGib: 58.53,
    loggedTokens: 1_096_000,
  },
];

describe('the KV pool of the logs', () => {
  test.for(LOGS)('$why: the parts add up to the printed digits', (log) => {
    const kv = kvPoolBytes({
      budgetBytes: 0.95 * h100.usableBytes,
      weightBytes: log.weights * GIB,
      activationBytes: log.activation * GIB,
      nonTorchBytes: log.nonTorch * GIB,
    });
    expect((kv / GIB).toFixed(2)).toBe(log.printed);
    const perToken = kvBytesPerGpu(pick(models, log.name, 'model'), 1, 'bf16', 1);
    const tokens = kvPoolTokens(kv, perToken);
    expect(tokens % 16).toBe(0);
    // The log rounds GiB to two digits: ±0.005 GiB is ±0.01 %.
    expect(Math.abs(tokens / log.loggedTokens - 1)).toBeLessThan(0.0002);
  });

  test.for(LOGS)('$why: predicted without the log, within half a GiB', (log) => {
    const model = pick(models, log.name, 'model');
    const engine = { ...ENGINE_DEFAULTS.vllm, memoryShare: 0.95 };
    const memory = gpuMemory(model, h100, BF16, ONE_GPU, engine);
    expect(Math.abs(memory.kvBytes / GIB - log.loggedGib)).toBeLessThan(0.5);
    expect(Math.abs(memory.activationBytes / GIB / log.activation - 1)).toBeLessThan(0.13);
  });
});

test('fewer sequences buy KV: the logits are most of the activation', () => {
  const model = pick(models, 'Llama-3.1-8B', 'model');
  const many = activationBytes(model, { maxSequences: 1024, maxBatchedTokens: 8192 });
  const few = activationBytes(model, { maxSequences: 128, maxBatchedTokens: 8192 });
  expect((many - few) / GIB).toBeCloseTo((3.3 * 896 * 128_256 * 4) / GIB, 6);
});

test("the engine's own token count replaces the formula", () => {
  const model = pick(models, 'Llama-3.1-8B', 'model');
  const engine = { ...ENGINE_DEFAULTS.vllm, kvTokens: 476_016 };
  expect(sequencesThatFit(model, h100, BF16, ONE_GPU, engine, 4000)).toBeCloseTo(119.004, 6);
});

test('a model that does not fit is refused with its sizes and a way out', () => {
  const model = pick(models, 'Llama-3.1-70B', 'model');
  expect(() => sequencesThatFit(model, h100, BF16, ONE_GPU, ENGINE_DEFAULTS.vllm, 4000)).toThrow(
    /Llama-3.1-70B does not fit 1 × H100-SXM-80GB: 131\.\d GiB of weights per GPU leave 0\.0 GiB of 71\.3 GiB/,
  );
});
