import { describe, expect, test } from 'vitest';

import { calibrated, retimed, TimesFold } from '../../src/capacity/calibrate.ts';
import type { AnsweredCall, MeasuredTimes } from '../../src/capacity/calibrate.ts';
import { trafficMeans } from '../../src/capacity/traffic.ts';
import { Random } from '../../src/core/random.ts';
import { ENGINE_DEFAULTS } from '../../src/capacity/gpu-memory.ts';
import { ONE_GPU } from '../../src/capacity/gpu-model.ts';
import { itlAt } from '../../src/capacity/gpu-steady.ts';
import type { ServedReplica } from '../../src/capacity/gpu-steady.ts';
import { makePlan } from '../../src/capacity/plan.ts';
import type { PlanInput, SelfHosted } from '../../src/capacity/plan-input.ts';
import { pick, readGpus, readModels } from '../../src/catalog/gpus.ts';
import { planOf, trafficOf } from './example-plan.ts';

const [gpus, models] = await Promise.all([readGpus(), readModels()]);

/** Calls of a server with known times: 200 ms, 0.05 ms per uncached token, 12 ms per token. */
function answers(count: number): AnsweredCall[] {
  const random = new Random('answers');
  return Array.from({ length: count }, (_, index) => {
    const uncachedTokens = random.integer(8000);
    const outputTokens = 1 + random.integer(400);
    const sentMs = index * 500;
    const firstTokenMs = sentMs + 200 + 0.05 * uncachedTokens;
    return {
      sentMs,
      firstTokenMs,
      endMs: firstTokenMs + 12 * (outputTokens - 1),
      inputTokens: uncachedTokens + 1000,
      uncachedTokens,
      outputTokens,
    };
  });
}

function fitted(calls: readonly AnsweredCall[]): MeasuredTimes | undefined {
  const fold = new TimesFold();
  for (const call of calls) fold.add(call);
  return fold.result();
}

describe('times fitted to answers', () => {
  test('a linear server is recovered exactly', () => {
    const times = fitted(answers(500))!;
    expect(times.firstTokenMs).toBeCloseTo(200, 6);
    expect(times.perInputTokenMs).toBeCloseTo(0.05, 9);
    expect(times.perOutputTokenMs).toBeCloseTo(12, 9);
    // Little: one call every 500 ms, each as long as the mean call.
    const meanMs = 200 + 0.05 * times.uncachedTokens + 12 * (times.outputTokens - 1);
    // Short of it by the idle half second at the end.
    expect(Math.abs(times.inFlight / (meanMs / 500) - 1)).toBeLessThan(0.03);
  });

  test('no answers, no times', () => {
    expect(fitted([])).toBeUndefined();
  });

  test('answers of one size: all of the first token is fixed time', () => {
    const one = { sentMs: 0, firstTokenMs: 300, endMs: 300, inputTokens: 100, outputTokens: 1 };
    const times = fitted([
      { ...one, uncachedTokens: 100 },
      { ...one, uncachedTokens: 100 },
    ])!;
    expect(times).toMatchObject({ firstTokenMs: 300, perInputTokenMs: 0, perOutputTokenMs: 0 });
  });

  test('no negative time: a slope below 0 is noise', () => {
    const one = { sentMs: 0, endMs: 500, inputTokens: 100, outputTokens: 1 };
    const times = fitted([
      { ...one, firstTokenMs: 400, uncachedTokens: 10 },
      { ...one, firstTokenMs: 100, uncachedTokens: 5000 },
    ])!;
    expect(times.perInputTokenMs).toBe(0);
    expect(times.firstTokenMs).toBe(250);
  });
});

describe('a calibrated plan', () => {
  const tokens = { input: 4000, output: 301, cachedShare: 0.5, variation: 0 };
  const times: MeasuredTimes = {
    calls: 100,
    firstTokenMs: 100,
    perInputTokenMs: 0.1,
    perOutputTokenMs: 10,
    inputTokens: 4000,
    uncachedTokens: 2000,
    outputTokens: 301,
    inFlight: 10,
  };

  test('every call takes what was measured for its tokens, and what waits for it moves', () => {
    const traffic = trafficOf({ callsPerTurn: 3, toolMs: 500, tokens });
    const { calls, turnMs } = retimed(traffic, times).sessions[0]!;
    // 100 + 2,000 x 0.1 + 300 x 10 ms.
    expect(calls.map(({ durationMs }) => durationMs)).toEqual([3300, 3300, 3300]);
    expect(calls.map(({ offsetMs }) => offsetMs)).toEqual([0, 3800, 7600]);
    expect(turnMs).toEqual([10_900]);
  });

  test('it says so: the source is the run, and nothing is assumed about times', () => {
    const input = planOf({
      traffic: trafficOf({ tokens }),
      assumptions: [
        { key: 'workload.profile', value: '800 ms to the first token, then 60 tokens/s', why: '' },
        { key: 'retry', value: 'python', why: '' },
      ],
    });
    const calibration = { times, replicas: 1, run: 'load test x (100 calls)', date: '2026-11-21' };
    const after = calibrated(input, calibration);
    expect(trafficMeans(after.traffic).callSeconds).toBeCloseTo(3.3, 9);
    expect(after.assumptions.map(({ key }) => key)).toEqual(['retry']);
    expect(after.sources).toContainEqual({
      of: 'call durations',
      page: 'load test x (100 calls)',
      date: '2026-11-21',
      basis: 'calibrated',
    });
  });
});

describe('a pool calibrated by a load test', () => {
  const shape = { inputTokens: 4000, uncachedTokens: 2000, outputTokens: 301 };
  const quantisation = { linear: 'bf16', experts: 'bf16', kv: 'bf16' } as const;
  const h100 = pick(gpus, 'H100-SXM-80GB', 'GPU');

  /** What a server measures that takes `factor` times the model's time per output token. */
  function measured(model: string, tensor: number, factor: number, inFlight = 16): MeasuredTimes {
    const replica: ServedReplica = {
      model: pick(models, model, 'model'),
      gpu: h100,
      parallelism: { ...ONE_GPU, tensor },
      quantisation,
      engine: ENGINE_DEFAULTS.vllm,
    };
    const perOutputTokenMs = factor * itlAt(replica, shape, inFlight);
    return {
      calls: 500,
      firstTokenMs: 80,
      perInputTokenMs: 0.05,
      perOutputTokenMs,
      inFlight,
      ...shape,
    };
  }

  function poolOf(model: string, tensorParallel?: number): SelfHosted {
    const spec = {
      model: pick(models, model, 'model'),
      gpu: h100,
      tensorParallel,
      priceUsdPerGpuHour: 2.5,
    };
    return { share: 1, modelName: model, gpuName: 'H100-SXM-80GB', spec };
  }

  const planWith = (pool: SelfHosted): PlanInput =>
    planOf({
      traffic: trafficOf({ tokens: { input: 4000, output: 301, cachedShare: 0.5, variation: 0 } }),
      routes: [],
      pool,
      scales: [1],
    });

  test.for([
    {
      why: 'a server a third slower than the model',
      model: 'Llama-3.1-8B',
      tensor: 1,
      factor: 1.33,
    },
    { why: 'a faster one', model: 'Llama-3.1-8B', tensor: 1, factor: 0.8 },
    {
      why: 'four GPUs per replica, as the plan says',
      model: 'Llama-3.1-70B',
      tensor: 4,
      factor: 1.2,
    },
  ])('$why: the factor is found', ({ factor, model, tensor }) => {
    const times = measured(model, tensor, factor);
    const calibration = { times, replicas: 1, run: 'load test x', date: '2026-11-21' };
    const after = calibrated(planWith(poolOf(model, tensor)), calibration);
    expect(after.pool!.spec.calibration).toBeCloseTo(factor, 9);
    expect(after.sources).toContainEqual({
      of: `step time of ${model} on H100-SXM-80GB`,
      page: 'load test x',
      date: '2026-11-21',
      basis: 'calibrated',
    });
  });

  test('without a number of GPUs, that of the plan’s own choice: 70B does not fit on one', () => {
    const times = measured('Llama-3.1-70B', 2, 1);
    const calibration = { times, replicas: 1, run: 'x', date: '2026-11-21' };
    const { pool } = calibrated(planWith(poolOf('Llama-3.1-70B')), calibration);
    // One GPU would have been predicted about twice as slow, and the factor halved.
    expect(pool!.spec.calibration).toBeGreaterThan(0.9);
  });

  test('replicas share the load: the time is compared at the calls of one of them', () => {
    const one = measured('Llama-3.1-8B', 1, 1.1, 16);
    const four = { ...one, inFlight: 64 };
    const calibration = { times: four, replicas: 4, run: 'x', date: '2026-11-21' };
    const { pool } = calibrated(planWith(poolOf('Llama-3.1-8B', 1)), calibration);
    expect(pool!.spec.calibration).toBeCloseTo(1.1, 9);
  });

  test('the plan needs more GPUs on a slower server, says calibrated, and is surer', () => {
    const options = { replications: 2, mostCalls: 5000 };
    const input = planWith(poolOf('Llama-3.1-8B', 1));
    // The uncalibrated prior is a third slower than the kernels already.
    const times = measured('Llama-3.1-8B', 1, 2.5);
    const calibration = { times, replicas: 1, run: 'x', date: '2026-11-21' };
    const before = makePlan(input, options).scales[0]!.pool!;
    const after = makePlan(calibrated(input, calibration), options).scales[0]!.pool!;
    expect(after.gpus).toBeGreaterThan(before.gpus);
    expect({ before: before.basis, after: after.basis }).toEqual({
      before: 'modelled',
      after: 'calibrated',
    });
    const width = ({ gpus: middle, intervals }: typeof after): number =>
      (intervals.gpus[1] - intervals.gpus[0]) / middle;
    expect(width(after)).toBeLessThan(width(before));
  });
});
