import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { LoadedScenario } from '../config/scenario.ts';
import { formatDuration } from '../core/units.ts';
import { AgentInfraError, asError, EXIT } from '../errors.ts';
import { findCapacity } from '../loadtest/capacity.ts';
import type {
  CapacityContext,
  CapacityQuestion,
  CapacityReport,
  SearchStop,
  TrialRequest,
} from '../loadtest/capacity.ts';
import { limitsLoad, loadText, scenarioAt, startsForMs } from '../loadtest/capacity-load.ts';
import { judgeTrial } from '../loadtest/capacity-trial.ts';
import type { CapacityTrial } from '../loadtest/capacity-trial.ts';
import { configHash } from '../loadtest/job.ts';
import { plannedLoad, renderPlannedLoad } from '../loadtest/planned-load.ts';
import { runInWorker } from '../loadtest/run-in-worker.ts';
import { startServers } from '../loadtest/servers.ts';
import type { LoadSummary } from '../loadtest/summary.ts';
import { chargedUsd, checkBudget, reachTarget } from '../loadtest/target.ts';
import { thresholdName } from '../loadtest/threshold-text.ts';
import { capacityVerdict, renderCapacityText, renderTrialLine } from '../report/capacity-text.ts';
import { renderLoadText } from '../report/loadtest-text.ts';
import { columnsOf, hostFacts, nowIso, wantsColour } from '../system.ts';
import { interrupts } from './interrupts.ts';
import type { Interrupts } from './interrupts.ts';
import { capacityOptions } from './loadtest-capacity-flags.ts';
import type { CapacityFlags, CapacityOptions } from './loadtest-capacity-flags.ts';
import { trialDisplay } from './loadtest-capacity-progress.ts';
import type { TrialDisplay } from './loadtest-capacity-progress.ts';
import {
  asMarkdown,
  createFolder,
  createRunFolder,
  displayPath,
  write,
  writeStepSummary,
  writeWhole,
} from './loadtest-output.ts';
import { checkConsent, isBundled, scenarioFor, targetOf } from './loadtest-scenario.ts';
import { CAPACITY_FILE } from './report-capacity.ts';
import { toolVersion } from './tool-version.ts';

/** Finds the highest load at which a scenario's thresholds hold. @returns the exit code */
export async function runFindCapacity(name: string, flags: CapacityFlags): Promise<number> {
  const scenario = await scenarioFor(name, flags);
  const options = capacityOptions(scenario, flags);
  const search = new Search(scenario, options);
  if (flags.dryRun === true) {
    process.stdout.write(await search.planned());
    return EXIT.pass;
  }
  checkConsent(scenario, flags);
  await search.checkBudget(search.scenarioOf({ number: 1, load: options.search.start, length: 1 }));
  const stopping = interrupts(options.graceMs);
  const display = trialDisplay(flags.dashboard, process.stderr);
  stopping.saysThrough(display.note);
  try {
    const outDir = await createRunFolder(flags.output, `${scenario.name}-capacity`);
    const json = join(outDir, CAPACITY_FILE);
    stopping.leaves(`What was found so far is in ${displayPath(json)}.`);
    const report = await findCapacity(
      search.question(),
      (request) => search.trial(request, { outDir, stopping, display }),
      async (soFar) => {
        // A disk that is full by now ends nothing: the answer is still to come, and is printed.
        await writeWhole(json, jsonText(soFar)).catch((thrown: unknown) => {
          display.note(`WARNING: ${asError(thrown).message}`);
        });
        const trial = soFar.trials.at(-1)!;
        display.result(renderTrialLine(trial, soFar.unit, { colour: wantsColour(process.stderr) }));
      },
    );
    display.close();
    try {
      await writeWhole(json, jsonText(report));
      await write(join(outDir, 'capacity.txt'), renderCapacityText(report));
      await writeStepSummary(asMarkdown(renderCapacityText(report)));
    } finally {
      // A disk that is full by now must not cost the result, too.
      print(report, flags, displayPath(outDir));
    }
    return exitCode(report, flags);
  } finally {
    display.close();
    stopping.off();
  }
}

interface TrialSurroundings {
  readonly outDir: string;
  readonly stopping: Interrupts;
  readonly display: TrialDisplay;
}

/** A scenario and how its trials are run. */
class Search {
  readonly #scenario: LoadedScenario;
  readonly #options: CapacityOptions;
  readonly #thresholds: LoadedScenario['thresholds'];
  #spentUsd = 0;

  constructor(scenario: LoadedScenario, options: CapacityOptions) {
    this.#scenario = scenario;
    this.#options = options;
    this.#thresholds = scenario.thresholds.filter(limitsLoad);
  }

  question(): CapacityQuestion {
    const { atLeast, dial, search, settleMs } = this.#options;
    const { name, seed, target, thresholds, warmUp } = this.#scenario;
    const first = this.scenarioOf({ number: 1, load: search.start, length: 1 });
    const context: CapacityContext = {
      tool: { name: 'agent-infra', version: toolVersion() },
      scenario: name,
      startedAt: nowIso(),
      seed,
      configHash: configHash(this.#scenario),
      host: hostFacts(),
      target: target.url,
      unit: dial.unit,
      trialMs: startsForMs(first),
      warmUpMs: warmUp,
      search: { ...search, settleMs, freshServers: isBundled(this.#scenario) },
      judgedBy: this.#thresholds
        .filter(({ severity }) => severity === 'error')
        .map((each) => `${thresholdName(each)} ${each.expr}`),
      leftOut: thresholds
        .filter((each) => !limitsLoad(each))
        .map((each) => `${thresholdName(each)} ${each.expr}`),
    };
    return { context, atLeast };
  }

  /** A trial's own scenario, with what is left of the budget. */
  scenarioOf({ length, load, number }: Omit<TrialRequest, 'step'>): LoadedScenario {
    const { budget } = this.#scenario;
    const left = budget && { ...budget, total: budget.total - this.#spentUsd };
    return scenarioAt(
      { ...this.#scenario, budget: left },
      {
        load,
        length,
        durationMs: this.#options.trialMs,
        // Its own sessions: the same ones again would find every cache of the target warm.
        seed: `${this.#scenario.seed}/trial-${number}`,
        thresholds: this.#thresholds,
      },
    );
  }

  /** What the first trial would send, and how the search goes on. */
  async planned(): Promise<string> {
    const { dial, search } = this.#options;
    const first = this.scenarioOf({ number: 1, load: search.start, length: 1 });
    return [
      `first trial, ${loadText(search.start, dial.unit)}:`,
      renderPlannedLoad(await plannedLoad(first)).trimEnd(),
      `then at most ${search.maxTrials - 1} more, each at most twice the load of one that held\n`,
    ].join('\n');
  }

  /**
   * Throws `target.refused` when the trial would cost more than the search may still spend.
   * @returns its planned cost in US dollars; 0 without a budget
   */
  async checkBudget(trial: LoadedScenario): Promise<number> {
    const { budget } = this.#scenario;
    if (budget === undefined) return 0;
    const { tokens } = await plannedLoad(trial);
    return checkBudget(trial.budget ?? budget, tokens);
  }

  async trial(
    request: TrialRequest,
    surroundings: TrialSurroundings,
  ): Promise<CapacityTrial | SearchStop> {
    const { display, outDir, stopping } = surroundings;
    const { dial, settleMs } = this.#options;
    if (request.number > 1 && settleMs > 0) {
      display.wait(`trial ${request.number} in ${formatDuration(settleMs)}: the target settles`);
      await settle(settleMs, stopping.signal);
    }
    const signal = stopping.seen();
    if (signal !== undefined) return interrupted(signal, `before trial ${request.number}`);
    const scenario = this.scenarioOf(request);
    const folder = `trial-${String(request.number).padStart(2, '0')}`;
    display.begin(`trial ${request.number}, ${request.step}: ${loadText(request.load, dial.unit)}`);
    try {
      const plannedUsd = await this.checkBudget(scenario);
      const run = await this.#run(scenario, join(outDir, folder), surroundings);
      this.#spent(run, plannedUsd);
      if (run.stopped === 'budget') return stopped('budget', 'the budget is spent');
      if (run.stopped !== null) return interrupted(run.stopped, `in trial ${request.number}`);
      if (run.silence !== null && run.silence.fromMs === null) {
        return stopped('target', `the target answered nothing in trial ${request.number}`);
      }
      const { load, number, step } = request;
      return judgeTrial(run, {
        number,
        step,
        load,
        folder,
        seed: String(scenario.seed),
        startsForMs: startsForMs(scenario),
      });
    } catch (thrown) {
      const stop = request.number > 1 ? stopFor(thrown) : undefined;
      if (stop === undefined) throw thrown;
      return stop;
    }
  }

  async #run(
    scenario: LoadedScenario,
    outDir: string,
    { display, stopping }: TrialSurroundings,
  ): Promise<LoadSummary> {
    const servers = await startServers(scenario, new URL('./child-server.js', import.meta.url));
    try {
      const targetUrl = targetOf(scenario, servers);
      await reachTarget(targetUrl);
      await createFolder(outDir);
      const summary = await runInWorker(
        { scenario, targetUrl, toolVersion: toolVersion(), outDir },
        {
          progressEveryMs: display.everyMs,
          onProgress: display.show,
          onStart: stopping.onStart,
        },
      );
      await write(join(outDir, 'summary.json'), jsonText(summary));
      await write(join(outDir, 'report.txt'), renderLoadText(summary, { colour: false }));
      return summary;
    } finally {
      await servers.stop();
    }
  }

  #spent({ counters: { tokens } }: LoadSummary, plannedUsd: number): void {
    const { budget } = this.#scenario;
    if (budget === undefined) return;
    this.#spentUsd += chargedUsd(budget, plannedUsd, tokens);
  }
}

/** A target that is gone and a budget that is used up end the search with what it has. */
function stopFor(thrown: unknown): SearchStop | undefined {
  if (!(thrown instanceof AgentInfraError)) return undefined;
  if (thrown.code === 'target.unreachable') return stopped('target', thrown.message);
  if (thrown.code === 'target.refused') return stopped('budget', thrown.message);
  return undefined;
}

function interrupted(signal: 'SIGINT' | 'SIGTERM', where: string): SearchStop {
  return stopped(signal, `stopped by ${signal} ${where}`);
}

function stopped(why: SearchStop['why'], reason: string): SearchStop {
  return { why, reason };
}

async function settle(ms: number, signal: AbortSignal): Promise<void> {
  // An interrupt ends the wait; the caller sees it.
  await delay(ms, undefined, { signal }).catch(() => {});
}

function jsonText(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function print(report: CapacityReport, flags: CapacityFlags, outDir: string): void {
  const style = { colour: wantsColour(process.stdout), columns: columnsOf(process.stdout) };
  process.stdout.write(flags.json === true ? jsonText(report) : renderCapacityText(report, style));
  const { scenario, status } = report;
  const lines = [
    `${scenario}: ${capacityVerdict(report)}`,
    `capacity.json, capacity.txt and a folder per trial are in ${outDir} (agent-infra report ${outDir}, or ${outDir}/trial-01)`,
  ];
  if (status === 'inconclusive') {
    lines.unshift('WARNING: this search is inconclusive, it has found no capacity');
  }
  process.stderr.write(`\n${lines.join('\n')}\n`);
}

/** An interrupt outranks the gate, and a gate that was shown outranks an open search. */
function exitCode(report: CapacityReport, flags: CapacityFlags): number {
  switch (report.stopped) {
    case 'SIGINT':
      return EXIT.interrupted;
    case 'SIGTERM':
      return EXIT.terminated;
    case 'budget':
    case 'target':
      return EXIT.refused;
    case null:
      break;
  }
  const { gate, status } = report;
  // No load held, but the one that the gate asks for may never have been run.
  if (gate === null ? status === 'none' : gate.status === 'fail') return EXIT.gateFailed;
  const isOpen = gate === null ? status === 'inconclusive' : gate.status === 'inconclusive';
  return isOpen && flags.strict === true ? EXIT.inconclusive : EXIT.pass;
}
