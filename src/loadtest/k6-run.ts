import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { randomStreams } from '../core/random.ts';
import { realClock } from '../system.ts';
import { followLines } from './follow-lines.ts';
import { RunFold } from './fold.ts';
import { runSample, SAMPLES_FILE } from './job.ts';
import type { LoadJob } from './job.ts';
import { writeK6Script } from './k6-export.ts';
import { endSample, runProgram } from './k6-program.ts';
import type { K6Program } from './k6-program.ts';
import { notInK6 } from './k6-thresholds.ts';
import { progressOf } from './progress.ts';
import type { RunHooks } from './run-builtin.ts';
import type { Sample } from './sample.ts';
import { createSampleWriter, parseSample, unwritable } from './samples-file.ts';
import { openSessions } from './session-source.ts';
import type { LoadSummary } from './summary.ts';

/** How often the samples that k6 has printed are taken over, in ms. */
const FOLLOW_INTERVAL_MS = 500;

/**
 * Runs a job with k6: the script prints our samples, which are folded like those of the built-in
 * engine, so there is one summary and one report. k6's own verdict on its thresholds is added.
 */
export async function runK6(job: LoadJob, k6: K6Program, hooks: RunHooks): Promise<LoadSummary> {
  const { outDir, scenario, targetUrl } = job;
  const workDir = join(outDir, 'k6');
  try {
    await mkdir(workDir, { recursive: true });
    await writeK6Script(scenario, targetUrl, workDir);
  } catch (thrown) {
    throw unwritable(workDir, thrown);
  }
  const consoleFile = join(workDir, 'console.txt');
  const summaryFile = join(workDir, 'summary.json');
  await Promise.all([consoleFile, summaryFile].map((file) => rm(file, { force: true })));

  const fold = new RunFold();
  let stopEarly = (): void => {};
  // Without its samples a run is worth nothing: it ends, and `close` says why.
  const writer = createSampleWriter(join(outDir, SAMPLES_FILE), () => stopEarly());
  const sink = (sample: Sample): void => {
    writer.add(sample);
    fold.add(sample);
  };
  const { notes } = await openSessions(scenario, randomStreams(scenario.seed));
  sink({ ...runSample(job, 'k6', notes), timingNotes: timingNotes(job, k6) });

  const startMs = realClock.now();
  const follow = followLines(consoleFile, (line) => {
    const sample = parseSample(line);
    if (sample !== undefined) sink(sample);
  });
  const takeOver = setInterval(() => follow.read(), FOLLOW_INTERVAL_MS);
  const plan = {
    sessions: scenario.sessions,
    durationMs: scenario.duration,
    thresholds: scenario.thresholds,
  };
  const report = setInterval(() => {
    hooks.onProgress(progressOf(fold, plan, realClock.now() - startMs));
  }, hooks.progressEveryMs);
  try {
    const end = await runProgram(
      job,
      k6,
      { workDir, consoleFile, summaryFile },
      {
        ...hooks,
        onStart: (stop) => {
          stopEarly = () => stop('budget', 0);
          hooks.onStart(stop);
        },
      },
    );
    follow.close();
    sink({ ...endSample(end, summaryFile, fold), at: Math.max(fold.durationMs, 0) });
    await writeFile(join(workDir, 'k6.log'), end.log);
  } finally {
    clearInterval(takeOver);
    clearInterval(report);
    follow.close();
    writer.close();
  }
  return fold.summary();
}

function timingNotes({ scenario }: LoadJob, { version }: K6Program): readonly string[] {
  const unchecked = notInK6(scenario.thresholds).map(({ expr, metric }) => `${metric} ${expr}`);
  return [
    `${version}: it reads whole responses, so time to first token is its http_req_waiting (first byte of the response), and there are no token gaps`,
    'times have a resolution of 1 ms; the condition of the k6 process is not watched',
    ...(unchecked.length === 0 ? [] : [`not checked by k6 itself: ${unchecked.join('; ')}`]),
  ];
}
