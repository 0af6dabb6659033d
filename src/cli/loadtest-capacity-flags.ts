import type { LoadedScenario } from '../config/scenario.ts';
import { formatDuration, parseCount, parseRatePerSecond, parseShare } from '../core/units.ts';
import { AgentInfraError } from '../errors.ts';
import {
  limitsLoad,
  loadDial,
  loadText,
  scenarioAt,
  startsForMs,
} from '../loadtest/capacity-load.ts';
import type { LoadDial } from '../loadtest/capacity-load.ts';
import type { SearchSettings } from '../loadtest/capacity-search.ts';
import type { TrialDisplayKind } from './loadtest-capacity-progress.ts';
import { durationFlag, isBundled } from './loadtest-scenario.ts';
import type { ConsentFlags, ScenarioFlags } from './loadtest-scenario.ts';

export interface CapacityFlags extends Omit<ScenarioFlags, 'sessions'>, ConsentFlags {
  readonly output?: string | undefined;
  readonly start?: string | undefined;
  readonly max?: string | undefined;
  readonly minCapacity?: string | undefined;
  readonly resolution: string;
  readonly maxTrials: number;
  readonly trialDuration?: string | undefined;
  readonly settle?: string | undefined;
  readonly grace: string;
  readonly dashboard: TrialDisplayKind;
  readonly json?: boolean | undefined;
  readonly strict?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

/** The flags of a capacity search, checked against its scenario. */
export interface CapacityOptions {
  readonly dial: LoadDial;
  readonly search: SearchSettings;
  readonly atLeast: number | null;
  readonly trialMs: number | undefined;
  readonly settleMs: number;
  readonly graceMs: number;
}

/** Between trials on a target that runs on, in ms: queues drain, short limits refill. Our choice. */
const SETTLE_MS = 10_000;

/** Finer would ask for differences that no trial of minutes can show. */
const FINEST_RESOLUTION = 0.01;

/** Throws `usage.invalid` or `config.invalid` where flags and scenario give no search. */
export function capacityOptions(scenario: LoadedScenario, flags: CapacityFlags): CapacityOptions {
  const dial = loadDial(scenario);
  const load = (flag: string, text: string | undefined): number | undefined =>
    text === undefined ? undefined : loadFlag(flag, text, dial);
  const atLeast = load('--min-capacity', flags.minCapacity) ?? null;
  const most = load('--max', flags.max) ?? null;
  const given = load('--start', flags.start);
  // A gate's own load is measured, not interpolated.
  const start = given ?? Math.min(atLeast ?? dial.base, most ?? Infinity);
  if (most !== null && (start > most || (atLeast ?? 0) > most)) {
    throw usage(
      `--max: ${loadText(most, dial.unit)} is below the load to ${start > most ? 'start with' : 'reach'}`,
    );
  }
  const resolution = parseShare(flags.resolution);
  if (resolution === undefined || resolution < FINEST_RESOLUTION || resolution > 1) {
    throw usage(`--resolution: expected a share from 1% to 100%, got "${flags.resolution}"`);
  }
  if (!scenario.thresholds.some((each) => each.severity === 'error' && limitsLoad(each))) {
    throw new AgentInfraError(
      'config.invalid',
      `${scenario.file}: no threshold says what the target must hold`,
      { hint: "Add one that more load can break, such as {metric: ttft, expr: 'p95 < 2s'}." },
    );
  }
  const trialMs = trialMsOf(scenario, flags);
  checkWarmUp(scenario, trialMs, start);
  return {
    dial,
    search: { start, most, resolution, maxTrials: flags.maxTrials, whole: dial.whole },
    atLeast,
    trialMs,
    settleMs: settleMsOf(scenario, flags),
    graceMs: durationFlag('--grace', flags.grace),
  };
}

function trialMsOf(
  { budget, arrivals }: LoadedScenario,
  { trialDuration }: CapacityFlags,
): number | undefined {
  if (trialDuration === undefined) return undefined;
  const trialMs = durationFlag('--trial-duration', trialDuration);
  if (trialMs <= 0) throw usage('--trial-duration: expected more than 0s');
  if (budget !== undefined && arrivals.kind === 'users') {
    throw usage(
      '--trial-duration: how many sessions users start is not known beforehand, and the budget needs it',
    );
  }
  return trialMs;
}

/** A trial that ends with its warm-up times no call. */
function checkWarmUp(scenario: LoadedScenario, durationMs: number | undefined, load: number): void {
  const first = scenarioAt(scenario, { load, length: 1, durationMs, seed: '', thresholds: [] });
  const lasts = startsForMs(first);
  if (lasts === null || scenario.warmUp < lasts) return;
  throw usage(
    `sessions start for ${formatDuration(lasts)} in a trial, and the first ${formatDuration(scenario.warmUp)} are its warm-up: give --trial-duration more`,
  );
}

/** Bundled servers are new for each trial: there is nothing that has to settle. */
function settleMsOf(scenario: LoadedScenario, { settle }: CapacityFlags): number {
  if (settle !== undefined) return durationFlag('--settle', settle);
  return isBundled(scenario) ? 0 : SETTLE_MS;
}

/** `10/s` or `600/min` of sessions; a plain number of users. */
function loadFlag(flag: string, text: string, { unit }: LoadDial): number {
  const load = unit === 'users' ? parseCount(text) : parseRatePerSecond(text);
  const isFine = load !== undefined && load > 0 && (unit !== 'users' || Number.isInteger(load));
  if (isFine) return load;
  const expected =
    unit === 'users' ? 'a number of users such as 40' : 'sessions per time such as 10/s or 30/min';
  throw usage(`${flag}: expected ${expected}, got "${text}"`);
}

function usage(message: string): AgentInfraError {
  return new AgentInfraError('usage.invalid', message);
}
