import { expect, test } from 'vitest';

import { countParameters, weightBytesPerGpu, ONE_GPU } from '../../src/capacity/gpu-model.ts';
import { pick, readGpus, readModels } from '../../src/catalog/gpus.ts';

const gpus = await readGpus();
const models = await readModels();

test('every model has the parameters its authors state, from its shape alone', () => {
  for (const model of models.values()) {
    const billions = countParameters(model).total / 1e9;
    // Biases, norms and state matrices are left out: 1.5 % at most.
    expect
      .soft(Math.abs(billions / model.parametersBillion - 1), `${model.name}: ${billions}`)
      .toBeLessThan(0.015);
  }
});

test('layer kinds add up in every model', () => {
  for (const model of models.values()) {
    const special = (model.slidingWindow?.layers ?? 0) + model.linearAttentionLayers;
    expect.soft(special, model.name).toBeLessThanOrEqual(model.layers);
    const dense = model.layers - (model.experts?.layers ?? 0);
    expect.soft(dense > 0 ? model.feedForward : 1, model.name).toBeGreaterThan(0);
  }
});

test('GPU rows are physical: usable below catalogue, FP8 twice BF16, price range in order', () => {
  for (const gpu of gpus.values()) {
    expect.soft(gpu.usableBytes, gpu.name).toBeGreaterThan(20 * 1024 ** 3);
    expect.soft(gpu.priceUsdPerHour.low, gpu.name).toBeLessThanOrEqual(gpu.priceUsdPerHour.high);
    const { bf16, fp8 = 2 * bf16 } = gpu.denseTflops;
    expect.soft(fp8 / bf16, gpu.name).toBeGreaterThan(1.9);
    expect.soft(fp8 / bf16, gpu.name).toBeLessThan(2.1);
  }
});

test('Llama-3.1-8B on one GPU weighs what vLLM logs: 14.99 GiB within 0.3 %', () => {
  const model = pick(models, 'llama-3.1-8b', 'model');
  const bytes = weightBytesPerGpu(model, { ...model.weights, kv: 'bf16' }, ONE_GPU);
  expect(bytes / 1024 ** 3).toBeCloseTo(14.96, 2);
});

test('an unknown name is refused with the nearest one', () => {
  expect(() => pick(gpus, 'H100-SXM-80G', 'GPU')).toThrow(
    /unknown GPU .* did you mean "H100-SXM-80GB"/,
  );
});
