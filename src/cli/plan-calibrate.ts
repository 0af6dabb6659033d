import { join } from 'node:path';

import { calibrated, TimesFold } from '../capacity/calibrate.ts';
import type { PlanInput } from '../capacity/plan-input.ts';
import { AgentInfraError } from '../errors.ts';
import { SAMPLES_FILE } from '../loadtest/job.ts';
import type { AttemptSample, RunSample } from '../loadtest/sample.ts';
import { readSamples } from '../loadtest/samples-file.ts';

/** Fewer answers than this say nothing about a mean. */
const FEWEST_CALLS = 20;

/** The same plan with the times that a load test measured (`plan --calibrate <run>`). */
export async function calibrateFromRun(
  input: PlanInput,
  run: { readonly folder: string; readonly replicas: number },
): Promise<PlanInput> {
  const file = join(run.folder, SAMPLES_FILE);
  const fold = new TimesFold();
  let head: RunSample | undefined;
  await readSamples(file, (sample) => {
    if (sample.type === 'run') head = sample;
    else if (sample.type === 'attempt' && sample.intended >= (head?.warmUpMs ?? 0)) {
      addAnswer(fold, sample);
    }
  });
  const times = fold.result();
  if (times === undefined || times.calls < FEWEST_CALLS) {
    throw new AgentInfraError(
      'workload.insufficient',
      `${file}: ${times?.calls ?? 0} answered calls with tokens and times, a calibration needs ${FEWEST_CALLS}`,
      { hint: 'Run the load test longer, against a target that reports usage.' },
    );
  }
  return calibrated(input, {
    times,
    replicas: run.replicas,
    run: `load test ${head?.scenario ?? run.folder} (${times.calls} calls)`,
    date: head?.startedAt.slice(0, 10) ?? '',
  });
}

function addAnswer(fold: TimesFold, sample: AttemptSample): void {
  const { cacheRead = 0, end, firstToken, input, outcome, output, sent } = sample;
  if (outcome !== 'ok' || sent === undefined || firstToken === undefined) return;
  if (input === undefined || output === undefined) return;
  fold.add({
    sentMs: sent,
    firstTokenMs: firstToken,
    endMs: end,
    inputTokens: input,
    uncachedTokens: Math.max(0, input - cacheRead),
    outputTokens: output,
  });
}
