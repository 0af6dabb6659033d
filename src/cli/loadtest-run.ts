import { dirname, resolve } from 'node:path';

import { EXIT } from '../errors.ts';
import type { LoadJob } from '../loadtest/job.ts';
import { plannedLoad, renderPlannedLoad } from '../loadtest/planned-load.ts';
import type { RunHooks } from '../loadtest/run-builtin.ts';
import { runInWorker } from '../loadtest/run-in-worker.ts';
import { startServers } from '../loadtest/servers.ts';
import type { LoadSummary } from '../loadtest/summary.ts';
import { checkBudget, reachTarget } from '../loadtest/target.ts';
import { verdictExit } from '../loadtest/verdict.ts';
import { environment } from '../system.ts';
import { interrupts } from './interrupts.ts';
import { createFolder, createRunFolder, displayPath, writeReports } from './loadtest-output.ts';
import { showProgress } from './loadtest-progress.ts';
import type { DashboardKind } from './loadtest-progress.ts';
import {
  checkConsent,
  durationFlag,
  isBundled,
  scenarioFor,
  targetOf,
} from './loadtest-scenario.ts';
import type { ConsentFlags, ScenarioFlags } from './loadtest-scenario.ts';
import { toolVersion } from './tool-version.ts';

export interface LoadtestFlags extends ScenarioFlags, ConsentFlags {
  readonly output?: string | undefined;
  readonly engine: 'builtin' | 'k6';
  readonly dashboard: DashboardKind;
  readonly format: 'text' | 'json' | 'markdown';
  readonly strict?: boolean | undefined;
  readonly grace: string;
  readonly junit?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** Runs a scenario to its report. @returns the exit code */
export async function runLoadtest(name: string, flags: LoadtestFlags): Promise<number> {
  const graceMs = durationFlag('--grace', flags.grace);
  const scenario = await scenarioFor(name, flags);
  if (flags.dryRun === true || scenario.budget !== undefined) {
    const planned = await plannedLoad(scenario);
    if (scenario.budget !== undefined) checkBudget(scenario.budget, planned.tokens);
    if (flags.dryRun === true) {
      process.stdout.write(renderPlannedLoad(planned));
      return EXIT.pass;
    }
  }
  const findK6 =
    flags.engine === 'k6' ? (await import('../loadtest/k6-program.ts')).findK6 : undefined;
  const k6 = await findK6?.(environment());
  checkConsent(scenario, flags);
  const stopping = interrupts(graceMs);
  const servers = await startServers(scenario, new URL('./child-server.js', import.meta.url));
  try {
    const targetUrl = targetOf(scenario, servers);
    await reachTarget(targetUrl);
    const outDir = await createRunFolder(flags.output, scenario.name);
    stopping.leaves(`What was measured: agent-infra report ${displayPath(outDir)}`);
    // Before the load, not after it.
    if (flags.junit !== undefined) await createFolder(dirname(resolve(flags.junit)));
    const job: LoadJob = { scenario, targetUrl, toolVersion: toolVersion(), outDir };
    const progress = await showProgress(flags.dashboard, scenario.name);
    stopping.saysThrough(progress.note);
    const hooks: RunHooks = {
      progressEveryMs: progress.everyMs,
      onProgress: progress.show,
      onStart: stopping.onStart,
    };
    let summary: LoadSummary;
    try {
      summary =
        k6 === undefined
          ? await runInWorker(job, hooks)
          : await (await import('../loadtest/k6-run.ts')).runK6(job, k6, hooks);
    } finally {
      progress.close();
    }
    await writeReports(summary, outDir, flags);
    return exitCode(summary, flags);
  } finally {
    stopping.off();
    await servers.stop();
  }
}

/** Writes a scenario as a k6 script with its sessions. */
export async function exportScenario(
  name: string,
  options: { readonly output?: string | undefined },
): Promise<void> {
  const { writeK6Script } = await import('../loadtest/k6-export.ts');
  const scenario = await scenarioFor(name);
  const outDir = resolve(options.output ?? '.');
  await createFolder(outDir);
  const targetUrl = isBundled(scenario) ? undefined : scenario.target.url;
  const written = await writeK6Script(scenario, targetUrl, outDir);
  for (const path of written) process.stdout.write(`${path}\n`);
}

/** An interrupt outranks the verdict: the caller must not read a part as the whole. */
function exitCode(summary: LoadSummary, flags: LoadtestFlags): number {
  switch (summary.stopped) {
    case 'SIGINT':
      return EXIT.interrupted;
    case 'SIGTERM':
      return EXIT.terminated;
    case 'budget':
      return EXIT.refused;
    case null:
      return verdictExit(summary, flags.strict === true ? 'strict' : 'lenient');
  }
}
