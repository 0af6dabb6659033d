import { join } from 'node:path';

import { limitPools } from '../capacity/limits.ts';
import type { LimitPool } from '../capacity/limits.ts';
import { forecastRun } from '../capacity/rejections-run.ts';
import { trafficMeans } from '../capacity/traffic.ts';
import { AgentInfraError } from '../errors.ts';
import { SAMPLES_FILE } from '../loadtest/job.ts';
import { readSamples } from '../loadtest/samples-file.ts';
import { liesWithin, predictionText } from '../report/plan-predict.ts';
import type { MeasuredRun, Prediction } from '../report/plan-predict.ts';
import { wantsColour } from '../system.ts';
import { readPlanInput } from './plan-read.ts';
import { toolVersion } from './tool-version.ts';

export interface PredictOptions {
  readonly duration: number;
  readonly warmUp: number;
  readonly scale: number;
  readonly against?: string | undefined;
  readonly set?: readonly string[] | undefined;
  readonly json?: boolean | undefined;
}

/** `agent-infra plan predict [file]`. @returns false when a run differs from its forecast */
export async function predictRun(file: string, options: PredictOptions): Promise<boolean> {
  const { duration: durationMs, scale, warmUp: warmUpMs } = options;
  if (warmUpMs >= durationMs) {
    throw new AgentInfraError('usage.invalid', '--warm-up must be shorter than --duration');
  }
  const { input } = await readPlanInput(file, { set: options.set });
  const pool = onlyPool(limitPools(input), file);
  const planned = { durationMs, scale, warmUpMs };
  const forecast = forecastRun(input, pool, planned, { retry: input.retry });
  if (forecast === undefined) {
    throw new AgentInfraError('workload.insufficient', `${file}: no limit can refuse a call`, {
      hint: 'Give limits per minute, per second or of calls in flight.',
    });
  }
  const measured =
    options.against === undefined
      ? null
      : await measuredRun(options.against, { fromMs: warmUpMs, toMs: durationMs });
  const { turnsPerSession } = trafficMeans(input.traffic);
  const prediction: Prediction = {
    schema: 'agent-infra/plan-predict',
    schemaVersion: '1.0',
    tool: toolVersion(),
    plan: input.name,
    ...planned,
    sessionsPerSecond: (input.volume.turnsPerMinute * scale) / turnsPerSession / 60,
    forecast,
    measured,
    agrees: measured === null ? null : liesWithin(forecast, measured),
  };
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(prediction, null, 2)}\n`
      : predictionText(prediction, { colour: wantsColour(process.stdout) }),
  );
  return prediction.agrees !== false;
}

function onlyPool(pools: readonly LimitPool[], file: string): LimitPool {
  const [pool, ...others] = pools;
  if (pool !== undefined && others.length === 0) return pool;
  throw new AgentInfraError(
    'usage.invalid',
    `${file}: a run is predicted for one provider and model, this plan has ${pools.length}`,
    { hint: 'Give a plan with the one route that the load test uses.' },
  );
}

async function measuredRun(
  folder: string,
  window: { readonly fromMs: number; readonly toMs: number },
): Promise<MeasuredRun> {
  const counts = { calls: 0, first: 0, attempts: 0, rejected: 0, failed: 0 };
  await readSamples(join(folder, SAMPLES_FILE), (sample) => {
    if (sample.type !== 'attempt' || sample.sent === undefined) return;
    if (sample.sent < window.fromMs || sample.sent >= window.toMs) return;
    const isRefused = sample.status === 429;
    counts.attempts += 1;
    if (sample.attempt === 1) counts.calls += 1;
    if (!isRefused) return;
    counts.rejected += 1;
    if (sample.attempt === 1) counts.first += 1;
    if (sample.last) counts.failed += 1;
  });
  const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
  return {
    calls: counts.calls,
    firstAttempt: share(counts.first, counts.calls),
    rejected: share(counts.rejected, counts.attempts),
    failed: share(counts.failed, counts.calls),
  };
}
