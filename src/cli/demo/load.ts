import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { LoadedScenario } from '../../config/scenario.ts';
import { formatCount, formatDuration } from '../../core/units.ts';
import { RunFold } from '../../loadtest/fold.ts';
import { SAMPLES_FILE } from '../../loadtest/job.ts';
import type { Progress } from '../../loadtest/progress.ts';
import { runInWorker } from '../../loadtest/run-in-worker.ts';
import type { Sample } from '../../loadtest/sample.ts';
import { readSamples } from '../../loadtest/samples-file.ts';
import type { LoadSummary } from '../../loadtest/summary.ts';
import { RunChartFold } from '../../report/charts-run.ts';
import type { RunCharts } from '../../report/charts-run.ts';
import { toolVersion } from '../tool-version.ts';
import { figuresOf } from './figures.ts';
import type { Figures, Window } from './figures.ts';

export interface MeasuredLoad {
  readonly summary: LoadSummary;
  readonly charts: RunCharts;
  readonly figures: Figures;
}

/** Lines about the running test come this often. */
const PROGRESS_MS = 6000;

/** Runs the load test in its own thread and folds its samples, from disk, into figures. */
export async function runLoad(options: {
  readonly folder: string;
  readonly scenario: LoadedScenario;
  readonly targetUrl: string;
  readonly window: Window;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}): Promise<MeasuredLoad> {
  const { folder, scenario, targetUrl, window, signal, say } = options;
  const job = { scenario, targetUrl, toolVersion: toolVersion(), outDir: folder };
  await runInWorker(job, {
    progressEveryMs: PROGRESS_MS,
    onProgress: (progress) => say(`  ${progressLine(progress)}`),
    onStart: (stop) => {
      if (signal.aborted) stop('SIGINT', 0);
      else signal.addEventListener('abort', () => stop('SIGINT', 0), { once: true });
    },
  });
  signal.throwIfAborted();
  const samples: Sample[] = [];
  const fold = new RunFold();
  const chartFold = new RunChartFold();
  await readSamples(join(folder, SAMPLES_FILE), (sample) => {
    samples.push(sample);
    fold.add(sample);
    chartFold.add(sample);
  });
  const summary = fold.summary();
  const file = join(folder, 'loadtest-summary.json');
  await writeFile(file, `${JSON.stringify(summary, undefined, 2)}\n`);
  return { summary, charts: chartFold.view(), figures: figuresOf(samples, window) };
}

function progressLine({ callsRunning, counters, elapsedMs }: Progress): string {
  const { attempts, calls, sessions } = counters;
  return [
    formatDuration(elapsedMs),
    `${sessions.started} sessions started`,
    `${formatCount(calls.completed)} calls answered`,
    ...(callsRunning === null ? [] : [`${callsRunning} in flight`]),
    `${attempts.rateLimited} refused`,
  ].join(', ');
}
