import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import { bundledNames, namedDocument } from '../config/bundled.ts';
import { loadScenario } from '../config/scenario.ts';
import type { LoadedScenario } from '../config/scenario.ts';
import { parseDurationMs } from '../core/units.ts';
import { AgentInfraError, EXIT } from '../errors.ts';
import type { StopReason } from '../loadtest/engine.ts';
import type { LoadJob } from '../loadtest/job.ts';
import { plannedLoad, renderPlannedLoad } from '../loadtest/planned-load.ts';
import type { RunHooks } from '../loadtest/run-builtin.ts';
import { runInWorker } from '../loadtest/run-in-worker.ts';
import { startServers } from '../loadtest/servers.ts';
import type { LoadSummary } from '../loadtest/summary.ts';
import { checkBudget, checkTarget, reachTarget } from '../loadtest/target.ts';
import { verdictExit } from '../loadtest/verdict.ts';
import { environment, onInterrupt } from '../system.ts';
import { createFolder, createRunFolder, displayPath, writeReports } from './loadtest-output.ts';
import { showProgress } from './loadtest-progress.ts';
import type { DashboardKind } from './loadtest-progress.ts';
import { toolVersion } from './tool-version.ts';

export interface LoadtestFlags {
  readonly output?: string | undefined;
  readonly engine: 'builtin' | 'k6';
  readonly dashboard: DashboardKind;
  readonly format: 'text' | 'json' | 'markdown';
  readonly target?: string | undefined;
  readonly sessions?: number | undefined;
  readonly seed?: string | undefined;
  readonly strict?: boolean | undefined;
  readonly grace: string;
  readonly junit?: string | undefined;
  readonly dryRun?: boolean | undefined;
  readonly allowTarget: readonly string[];
  readonly iAcceptProviderCost?: boolean | undefined;
}

/** Runs a scenario to its report. @returns the exit code */
export async function runLoadtest(name: string, flags: LoadtestFlags): Promise<number> {
  const graceMs = graceOf(flags.grace);
  const scenario = overridden(await scenarioNamed(name), flags);
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
  const bundled = scenario.target.url === 'gateway' || scenario.target.url === 'provider';
  const consent = {
    allowTargets: flags.allowTarget,
    acceptsProviderCost: flags.iAcceptProviderCost === true,
  };
  if (!bundled) checkTarget(scenario.target.url, consent, scenario.budget);
  const stopping = interrupts(graceMs);
  const servers = await startServers(scenario, new URL('./child-server.js', import.meta.url));
  try {
    const targetUrl = targetOf(scenario, servers);
    await reachTarget(targetUrl);
    const outDir = await createRunFolder(flags.output, scenario.name);
    stopping.leaves(outDir);
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
  const scenario = await scenarioNamed(name);
  const outDir = resolve(options.output ?? '.');
  await createFolder(outDir);
  const bundled = scenario.target.url === 'gateway' || scenario.target.url === 'provider';
  const targetUrl = bundled ? undefined : scenario.target.url;
  const written = await writeK6Script(scenario, targetUrl, outDir);
  for (const path of written) process.stdout.write(`${path}\n`);
}

/** A file, or a bundled scenario. */
async function scenarioNamed(name: string): Promise<LoadedScenario> {
  const file = namedDocument('scenario', name);
  if (!existsSync(file)) {
    throw new AgentInfraError('config.unreadable', `${name}: no such file or folder`, {
      hint: `Give a scenario's file, or a bundled one: ${bundledNames('scenario').join(', ')}.`,
    });
  }
  return loadScenario(file, { env: environment() });
}

function graceOf(text: string): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined) return ms;
  throw new AgentInfraError(
    'usage.invalid',
    `--grace: expected a duration such as 10s, got "${text}"`,
  );
}

function overridden(scenario: LoadedScenario, flags: LoadtestFlags): LoadedScenario {
  const { seed, sessions, target } = flags;
  if (target !== undefined && !/^https?:\/\//.test(target)) {
    throw new AgentInfraError(
      'usage.invalid',
      `--target: expected http:// or https://, got "${target}"`,
    );
  }
  return {
    ...scenario,
    ...(seed === undefined ? {} : { seed }),
    ...(sessions === undefined ? {} : { sessions }),
    ...(target === undefined ? {} : { servers: {}, target: { ...scenario.target, url: target } }),
  };
}

interface Interrupts extends Pick<RunHooks, 'onStart'> {
  /** The folder that a second signal leaves behind. */
  readonly leaves: (outDir: string) => void;
  /** Where the notice goes: a mounted dashboard must not be written over. */
  readonly saysThrough: (say: (text: string) => void) => void;
  readonly off: () => void;
}

/** Signals may come before the run has started: they are kept for it. */
function interrupts(graceMs: number): Interrupts {
  let stop: ((reason: StopReason, graceMs: number) => void) | undefined;
  let pending: StopReason | undefined;
  let note = (text: string): void => void process.stderr.write(`\n${text}\n`);
  let left: string | undefined;
  const off = onInterrupt(
    (signal) => {
      note(`${signal}: running sessions have ${graceMs / 1000} s; again to quit at once`);
      pending = signal;
      stop?.(signal, graceMs);
    },
    () => {
      if (left === undefined) return;
      process.stderr.write(`\nStopped at once. What was measured: agent-infra report ${left}\n`);
    },
  );
  return {
    off,
    leaves: (outDir) => {
      left = displayPath(outDir);
    },
    saysThrough: (say) => {
      note = say;
    },
    onStart: (stopRun) => {
      stop = stopRun;
      if (pending !== undefined) stopRun(pending, graceMs);
    },
  };
}

function targetOf(
  scenario: LoadedScenario,
  servers: { readonly gatewayUrl?: string | undefined; readonly providerUrl?: string | undefined },
): string {
  const { url } = scenario.target;
  if (url === 'gateway') return servers.gatewayUrl!;
  if (url === 'provider') return servers.providerUrl!;
  return url;
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
