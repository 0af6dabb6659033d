import { join } from 'node:path';

import { randomStreams } from '../core/random.ts';
import { realClock, wallNowMs } from '../system.ts';
import { costUsd } from './target.ts';
import { startEngine } from './engine.ts';
import type { StopReason } from './engine.ts';
import { RunFold } from './fold.ts';
import { watchHost } from './host-monitor.ts';
import { createHttpTransport } from './http-transport.ts';
import { runSample, SAMPLES_FILE } from './job.ts';
import type { LoadJob } from './job.ts';
import { progressOf } from './progress.ts';
import type { Progress } from './progress.ts';
import type { AttemptSample, Sample } from './sample.ts';
import { createSampleWriter } from './samples-file.ts';
import { openSessions } from './session-source.ts';
import type { LoadSummary } from './summary.ts';

/** Samples reach the disk at least this often. */
const FLUSH_INTERVAL_MS = 1000;

export interface RunHooks {
  /** Called at this interval while the run lasts. */
  readonly progressEveryMs: number;
  readonly onProgress: (progress: Progress) => void;
  /** Gets the function that ends the run early. */
  readonly onStart: (stop: (reason: StopReason, graceMs: number) => void) => void;
}

/** Runs a job with the built-in engine in this thread: samples to disk, the summary back. */
export async function runBuiltin(job: LoadJob, hooks: RunHooks): Promise<LoadSummary> {
  const { scenario, targetUrl } = job;
  const { target } = scenario;
  const streams = randomStreams(scenario.seed);
  const source = await openSessions(scenario, streams);
  const fold = new RunFold();
  let stopEarly = (): void => {};
  // Without its samples a run is worth nothing: it ends, and `close` says why.
  const writer = createSampleWriter(join(job.outDir, SAMPLES_FILE), () => stopEarly());
  const sink = (sample: Sample): void => {
    writer.add(sample);
    fold.add(sample);
  };
  const transport = createHttpTransport(
    { url: targetUrl, dialect: target.dialect, apiKey: target.apiKey, timeoutMs: target.timeout },
    realClock,
  );
  const monitor = watchHost(realClock);
  sink(runSample(job, 'builtin', source.notes));
  writer.flush();
  const startMs = realClock.now();
  const spent = spending(job, () => run.stop('budget', 0));
  const run = startEngine(scenario, {
    clock: realClock,
    transport,
    monitor,
    streams,
    script: source.script,
    wallNowMs,
    sink: (sample) => {
      sink(sample);
      if (sample.type === 'attempt') spent(sample);
    },
  });
  const plan = {
    sessions: scenario.sessions,
    durationMs: scenario.duration,
    thresholds: scenario.thresholds,
    callsRunning: () => run.callsRunning(),
  };
  const report = setInterval(() => {
    hooks.onProgress(progressOf(fold, plan, realClock.now() - startMs));
  }, hooks.progressEveryMs);
  const flush = setInterval(() => writer.flush(), FLUSH_INTERVAL_MS);
  stopEarly = () => run.stop('budget', 0);
  hooks.onStart((reason, graceMs) => run.stop(reason, graceMs));
  try {
    await run.done;
  } finally {
    clearInterval(report);
    clearInterval(flush);
    monitor.close();
    await transport.close();
    writer.close();
  }
  return fold.summary();
}

/** Watches the money by the usage the target reports; the planned sizes were checked before. */
function spending(
  { scenario: { budget } }: LoadJob,
  onSpent: () => void,
): (sample: AttemptSample) => void {
  if (budget === undefined) return () => {};
  let usd = 0;
  return ({ input, output }) => {
    usd += costUsd(budget, input ?? 0, output ?? 0);
    if (usd >= budget.total) onSpent();
  };
}
