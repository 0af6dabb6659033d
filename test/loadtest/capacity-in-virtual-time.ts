import { findCapacity } from '../../src/loadtest/capacity.ts';
import type { CapacityContext, CapacityReport, RunTrial } from '../../src/loadtest/capacity.ts';
import { limitsLoad, loadDial, scenarioAt, startsForMs } from '../../src/loadtest/capacity-load.ts';
import type { SearchSettings } from '../../src/loadtest/capacity-search.ts';
import { judgeTrial } from '../../src/loadtest/capacity-trial.ts';
import { runVirtual, scenarioOf } from './virtual-run.ts';
import type { VirtualOptions } from './virtual-run.ts';

export interface VirtualSearch {
  /** A fresh target for each trial. */
  readonly target: () => Pick<VirtualOptions, 'reply' | 'monitor' | 'stallMs'>;
  readonly search?: Partial<SearchSettings>;
  readonly atLeast?: number;
  /** Replaces trials, by number. */
  readonly instead?: Readonly<Record<number, Awaited<ReturnType<RunTrial>>>>;
}

/** A whole capacity search in virtual time: the real engine, fold, verdicts and search. */
export async function searchVirtually(
  body: string,
  { atLeast, instead = {}, search, target }: VirtualSearch,
): Promise<CapacityReport> {
  const scenario = { ...scenarioOf(body), file: 'test.yaml' };
  const { base, unit, whole } = loadDial(scenario);
  const context: CapacityContext = {
    tool: { name: 'agent-infra', version: '0.0.0' },
    scenario: scenario.name,
    startedAt: '2026-01-01T00:00:00.000Z',
    seed: scenario.seed,
    configHash: 'test',
    host: { cores: 1, node: 'v20', os: 'test' },
    target: 'http://127.0.0.1:1',
    unit,
    trialMs: startsForMs(scenario),
    warmUpMs: scenario.warmUp,
    search: {
      start: base,
      most: null,
      resolution: 0.1,
      maxTrials: 20,
      whole,
      ...search,
      settleMs: 0,
      freshServers: true,
    },
    judgedBy: scenario.thresholds.map(({ expr, metric }) => `${metric} ${expr}`),
    leftOut: [],
  };
  const runTrial: RunTrial = async ({ length, load, number, step }) => {
    const other = instead[number];
    if (other !== undefined) return other;
    const trial = scenarioAt(scenario, {
      load,
      length,
      seed: `trial-${number}`,
      thresholds: scenario.thresholds.filter(limitsLoad),
    });
    const { summary } = await runVirtual(trial, target());
    const place = { number, step, load, folder: `trial-${number}`, seed: String(trial.seed) };
    return judgeTrial(summary, { ...place, startsForMs: startsForMs(trial) });
  };
  return findCapacity({ context, atLeast: atLeast ?? null }, runTrial, () => Promise.resolve());
}
