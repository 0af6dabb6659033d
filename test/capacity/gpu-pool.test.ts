import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ENGINE_DEFAULTS } from '../../src/capacity/gpu-memory.ts';
import { ONE_GPU } from '../../src/capacity/gpu-model.ts';
import { sizePool } from '../../src/capacity/gpu-pool.ts';
import type { PoolDemand, PoolSpec } from '../../src/capacity/gpu-pool.ts';
import { sloCapacity } from '../../src/capacity/gpu-slo.ts';
import { closedLoop, itlAt, openLoop } from '../../src/capacity/gpu-steady.ts';
import type { ServedReplica } from '../../src/capacity/gpu-steady.ts';
import { pick, readGpus, readModels } from '../../src/catalog/gpus.ts';

const gpus = await readGpus();
const models = await readModels();
const h100 = pick(gpus, 'H100-SXM-80GB', 'GPU');
const llama8 = pick(models, 'Llama-3.1-8B', 'model');
const llama70 = pick(models, 'Llama-3.1-70B', 'model');
const BF16 = { linear: 'bf16', experts: 'bf16', kv: 'bf16' } as const;
const replica: ServedReplica = {
  model: llama8,
  gpu: h100,
  parallelism: ONE_GPU,
  quantisation: BF16,
  engine: ENGINE_DEFAULTS.vllm,
};
const request = { inputTokens: 4000, uncachedTokens: 1500, outputTokens: 300 };
const pool: PoolSpec = { model: llama8, gpu: h100, priceUsdPerGpuHour: 2.5 };
const demand: PoolDemand = {
  requestsPerSecond: 10,
  peakRequestsPerSecond: 20,
  concurrency: 0,
  ...request,
};

describe('steady state', () => {
  test('closed loop obeys Little: users = rate × time per request, decode part', () => {
    const state = closedLoop(replica, request, 32);
    expect(state.requestsPerSecond * request.outputTokens * state.itlMs).toBeCloseTo(32_000, 3);
  });

  test('more users than fit wait, and only TTFT shows it', () => {
    const engine = { ...ENGINE_DEFAULTS.vllm, maxSequences: 8 };
    const full = closedLoop({ ...replica, engine }, request, 8);
    const over = closedLoop({ ...replica, engine }, request, 16);
    expect(over.itlMs).toBe(full.itlMs);
    expect(over.ttftMs - full.ttftMs).toBeCloseTo(request.outputTokens * full.itlMs, 6);
  });

  test('open loop: the batch solves N = rate × (TTFT + output × ITL)', () => {
    const state = openLoop(replica, request, 5)!;
    const stay = state.ttftMs + request.outputTokens * state.itlMs;
    expect(state.sequences).toBeCloseTo((5 * stay) / 1000, 6);
  });

  test('open loop: an unsustainable rate has no steady state', () => {
    expect(openLoop(replica, request, 1e6)).toBeUndefined();
  });

  test('decode slows with the batch and with the engine (property)', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 64, max: 16_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 16, max: 2000 }),
        (n, inputTokens, share, outputTokens) => {
          const shape = { inputTokens, uncachedTokens: inputTokens * share, outputTokens };
          const slow = { ...replica, stepScale: 1.3 };
          return (
            itlAt(replica, shape, n) < itlAt(slow, shape, n) &&
            itlAt(replica, shape, n + 1) >= itlAt(replica, shape, n)
          );
        },
      ),
    );
  });
});

describe('SLO search', () => {
  test('the capacity meets the goals and a little more does not', () => {
    const slo = { itlMs: 15 };
    const found = sloCapacity(replica, request, slo);
    expect(itlAt(replica, request, found.sequences)).toBeLessThanOrEqual(15);
    expect(itlAt(replica, request, found.sequences * 1.001)).toBeGreaterThan(15);
    expect(found.stoppedBy).toBe('itl');
  });

  test('without goals the batch limit decides and is named', () => {
    const engine = { ...ENGINE_DEFAULTS.vllm, maxSequences: 4 };
    const found = sloCapacity({ ...replica, engine }, request, {});
    expect(found).toMatchObject({ sequences: 4, bindingResource: 'max-sequences' });
  });

  test('long prompts with short answers bind on prefill', () => {
    const heavy = { inputTokens: 8000, uncachedTokens: 8000, outputTokens: 20 };
    const found = sloCapacity(replica, heavy, { ttftMs: 700 });
    expect(found.bindingResource).toBe('prefill-compute');
    expect(found.stoppedBy).toBe('ttft');
  });

  test('looser goals never carry less (property)', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 9, max: 100, noNaN: true }),
        fc.double({ min: 1, max: 3, noNaN: true }),
        (itlMs, factor) => {
          const tight = sloCapacity(replica, request, { itlMs }).requestsPerSecond;
          const loose = sloCapacity(replica, request, { itlMs: itlMs * factor }).requestsPerSecond;
          return loose >= tight * (1 - 1e-9);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('pool', () => {
  test('the example in full', () => {
    const plan = sizePool({ ...pool, slo: { ttftMs: 1000, itlMs: 30 } }, demand);
    expect(plan.gpus).toBe(plan.replicas * plan.tensorParallel);
    expect(plan.costUsdPerMonth).toBe(plan.gpus * 2.5 * 730);
    expect(plan.utilisation).toBeLessThanOrEqual(0.85);
    expect(plan.basis).toBe('modelled');
    const [few, many] = plan.intervals.replicas;
    expect(few).toBeLessThanOrEqual(plan.replicas);
    expect(many).toBeGreaterThanOrEqual(plan.replicas);
    expect(plan.intervals.itlMs[0]).toBeLessThan(plan.itlMs);
    expect(plan.intervals.itlMs[1]).toBeGreaterThan(plan.itlMs);
    expect(plan.itlMs).toBeLessThanOrEqual(30);
    expect(plan.ttftMs).toBeLessThanOrEqual(1000);
  });

  test('a measured point narrows the interval and changes the basis', () => {
    const guess = sizePool({ ...pool, tensorParallel: 1, slo: { itlMs: 30 } }, demand);
    const known = sizePool(
      { ...pool, tensorParallel: 1, slo: { itlMs: 30 }, calibration: 1.33 },
      demand,
    );
    expect(known.basis).toBe('calibrated');
    const width = ({
      intervals: {
        throughputPerReplica: [low, high],
      },
    }: typeof known): number => high / low;
    expect(width(known)).toBeLessThan(width(guess));
  });

  test('more load never needs fewer replicas (property)', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 200, noNaN: true }),
        fc.double({ min: 1, max: 5, noNaN: true }),
        (rate, factor) => {
          const at = (peak: number): number =>
            sizePool(
              { ...pool, tensorParallel: 1, slo: { itlMs: 25 } },
              { ...demand, peakRequestsPerSecond: peak },
            ).replicas;
          return at(rate * factor) >= at(rate);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('a prefix cache never needs more replicas', () => {
    const slo = { itlMs: 30 };
    const none = sizePool({ ...pool, slo }, { ...demand, uncachedTokens: 4000 });
    const most = sizePool({ ...pool, slo }, { ...demand, uncachedTokens: 400 });
    expect(most.throughputPerReplica).toBeGreaterThan(none.throughputPerReplica);
  });

  test.for([
    {
      why: 'weights larger than every size of the machine',
      spec: { model: llama70, gpu: pick(gpus, 'L4', 'GPU'), tensorParallel: 4 },
      message: /does not fit 4 × L4/,
    },
    {
      why: 'a goal below the time of a single request',
      spec: { model: llama70, gpu: h100, tensorParallel: 4, slo: { itlMs: 2 } },
      message: /misses the goal for time per output token with a single request/,
    },
  ])('refused: $why', ({ spec, message }) => {
    expect(() => sizePool(spec, demand)).toThrow(message);
  });

  test('a model that fits only several GPUs gets them by itself', () => {
    expect(sizePool({ ...pool, model: llama70 }, demand).tensorParallel).toBeGreaterThanOrEqual(4);
  });

  test('no rate is refused, not sized to zero', () => {
    expect(() => sizePool(pool, { ...demand, peakRequestsPerSecond: 0 })).toThrow(/above 0/);
  });

  test('no price gives no cost, never zero', () => {
    const plan = sizePool({ model: llama8, gpu: h100 }, demand);
    expect(plan.costUsdPerMonth).toBeNull();
    expect(plan.intervals.costUsdPerMonth).toBeNull();
  });
});
