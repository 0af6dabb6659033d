import { MS_PER_MINUTE } from '../core/units.ts';
import type { HostFacts } from '../system.ts';
import { nextTrial, searchResult } from './capacity-search.ts';
import type { SearchEnding, SearchResult, SearchSettings, TrialStep } from './capacity-search.ts';
import { loadText } from './capacity-load.ts';
import type { LoadUnit } from './capacity-load.ts';
import type { BrokenThreshold, CapacityTrial } from './capacity-trial.ts';

/** capacity.json: what a capacity search found. Consumers ignore fields they do not know. */
export interface CapacityReport extends CapacityContext {
  readonly schema: 'agent-infra/loadtest-capacity';
  readonly schemaVersion: '1.0';
  /**
   * `found`: a confirmed capacity and a load above it that broke. `at-least`: everything held up to
   * the highest load allowed. `none`: no load held. `inconclusive`: see reasons.
   */
  readonly status: 'found' | 'at-least' | 'none' | 'inconclusive';
  /** Highest load that held every time it was run, twice at least. */
  readonly capacity: {
    readonly load: number;
    readonly callsPerMinute: number | null;
    readonly runs: number;
  } | null;
  /** [highest load that held, lowest above it that broke], confirmed or not. */
  readonly interval: { readonly held: number | null; readonly broken: number | null };
  /** What breaks first above the capacity. */
  readonly breaks: {
    readonly load: number;
    readonly thresholds: readonly BrokenThreshold[];
    readonly reasons: readonly string[];
  } | null;
  /** False until the search has ended by itself. */
  readonly complete: boolean;
  readonly stopped: 'SIGINT' | 'SIGTERM' | 'budget' | 'target' | null;
  /** Why it is inconclusive. */
  readonly reasons: readonly string[];
  /** What makes the answer less certain. */
  readonly notes: readonly string[];
  readonly gate: {
    readonly atLeast: number;
    readonly status: 'pass' | 'fail' | 'inconclusive';
  } | null;
  readonly trials: readonly CapacityTrial[];
}

/** Known before the first trial. */
export interface CapacityContext {
  readonly tool: { readonly name: string; readonly version: string };
  readonly scenario: string;
  readonly startedAt: string;
  readonly seed: string | number;
  readonly configHash: string;
  readonly host: HostFacts;
  readonly target: string;
  readonly unit: LoadUnit;
  /** How long sessions start in a trial, in ms; null where the target's speed decides it. */
  readonly trialMs: number | null;
  readonly warmUpMs: number;
  readonly search: SearchSettings & {
    /** Wait between trials, in ms; bundled servers are started anew instead. */
    readonly settleMs: number;
    readonly freshServers: boolean;
  };
  /** Thresholds that a load must hold. */
  readonly judgedBy: readonly string[];
  /** Thresholds that ask for more load instead of less. */
  readonly leftOut: readonly string[];
}

/** What a search stopped for before it had its answer. */
export interface SearchStop {
  readonly why: NonNullable<CapacityReport['stopped']>;
  readonly reason: string;
}

export interface TrialRequest {
  readonly number: number;
  readonly load: number;
  readonly step: TrialStep;
  /** Times the usual length. */
  readonly length: 1 | 2;
}

/** Runs one trial; a stop when it could not be run to its end. */
export type RunTrial = (request: TrialRequest) => Promise<CapacityTrial | SearchStop>;

export interface CapacityQuestion {
  readonly context: CapacityContext;
  /** Gate: the capacity must be this load at least. */
  readonly atLeast: number | null;
}

/**
 * Runs trials until the search has its answer or was stopped.
 * @param onTrial gets the report so far after every trial, so that a killed search leaves it
 */
export async function findCapacity(
  question: CapacityQuestion,
  runTrial: RunTrial,
  onTrial: (report: CapacityReport) => Promise<void>,
): Promise<CapacityReport> {
  const trials: CapacityTrial[] = [];
  for (;;) {
    const next = nextTrial(question.context.search, trials);
    if (next.kind === 'done') return capacityReport(question, trials, next.ending);
    const { length, load, step } = next;
    const trial = await runTrial({ number: trials.length + 1, load, step, length });
    if ('why' in trial) return capacityReport(question, trials, trial);
    trials.push(trial);
    await onTrial(capacityReport(question, trials, null));
  }
}

/** @param ending null while the search goes on */
function capacityReport(
  { atLeast, context }: CapacityQuestion,
  trials: readonly CapacityTrial[],
  ending: SearchEnding | SearchStop | null,
): CapacityReport {
  const result = searchResult(trials);
  const { capacity, interval, runs } = result;
  const stop = ending !== null && typeof ending === 'object' ? ending : null;
  const status = statusOf(trials, ending);
  return {
    schema: 'agent-infra/loadtest-capacity',
    schemaVersion: '1.0',
    ...context,
    status,
    capacity:
      capacity === null
        ? null
        : { load: capacity, callsPerMinute: meanCalls(trials, capacity), runs },
    interval,
    breaks: interval.broken === null ? null : breaksAt(trials, interval.broken),
    complete: ending !== null && stop === null,
    stopped: stop?.why ?? null,
    reasons: status === 'inconclusive' ? reasonsOf(trials, ending) : [],
    notes: notesOf(trials, context, ending),
    gate: atLeast === null ? null : { atLeast, status: gateOf(atLeast, result, trials, status) },
    trials,
  };
}

function statusOf(
  trials: readonly CapacityTrial[],
  ending: SearchEnding | SearchStop | null,
): CapacityReport['status'] {
  const { capacity, interval } = searchResult(trials);
  if (ending === null || typeof ending === 'object') return 'inconclusive';
  if (capacity !== null && interval.broken !== null) return 'found';
  if (capacity !== null && ending === 'most') return 'at-least';
  const isBroken = trials.length > 0 && trials.every(hasBroken);
  return isBroken ? 'none' : 'inconclusive';
}

function reasonsOf(
  trials: readonly CapacityTrial[],
  ending: SearchEnding | SearchStop | null,
): string[] {
  if (ending === null) return ['the search has not ended'];
  if (typeof ending === 'object') return [ending.reason];
  const { capacity, interval } = searchResult(trials);
  const reasons: string[] = [];
  const floor = interval.held ?? 0;
  const undecided = trials.find(
    ({ load, outcome }) => load > floor && (outcome === 'open' || outcome === 'saturated'),
  );
  if (undecided !== undefined && (capacity === null || interval.broken === null)) {
    const what =
      undecided.outcome === 'saturated'
        ? 'the generator could not apply more load than that'
        : 'a higher load could not be judged';
    reasons.push([what, ...undecided.reasons].join(': '));
  }
  if (ending === 'trials') reasons.push('no trial was left: allow more of them');
  if (capacity === null) reasons.push('no load was confirmed by a second run');
  return reasons;
}

function notesOf(
  trials: readonly CapacityTrial[],
  { search, trialMs, unit }: CapacityContext,
  ending: SearchEnding | SearchStop | null,
): string[] {
  const { interval, mixed, onlyLeans, outOfOrder } = searchResult(trials);
  const notes: string[] = [];
  const list = (loads: readonly number[]): string =>
    loads.map((load) => loadText(load, unit)).join(', ');
  if (mixed.length > 0) notes.push(`runs at the same load disagreed at ${list(mixed)}: noise`);
  if (outOfOrder.length > 0) {
    notes.push(`broke at ${list(outOfOrder)}, below a load that held: more load should not help`);
  }
  if (onlyLeans) {
    notes.push(
      'no single trial was long enough to bound its figures: the capacity rests on runs that agree; give --trial-duration a longer time',
    );
  }
  const { broken, held } = interval;
  if (held !== null && broken !== null && typeof ending === 'string') {
    const isFine = search.whole ? broken - held <= 1 : false;
    if (!isFine && broken / held > 1 + search.resolution) {
      notes.push('the interval is wider than the resolution asked for');
    }
    if (trials.filter(({ load }) => load === broken).length === 1) {
      notes.push(`the load that broke (${loadText(broken, unit)}) was run only once`);
    }
  }
  const degraded = trials.filter(({ validity }) => validity === 'degraded');
  if (degraded.length > 0) {
    notes.push(
      `the generator was late in trial ${degraded.map(({ number }) => number).join(', ')}: see validity there`,
    );
  }
  const invalid = trials.filter(({ validity }) => validity === 'invalid');
  if (invalid.length > 0) {
    notes.push(
      `the generator could not keep up in trial ${invalid.map(({ number }) => number).join(', ')}: see validity there`,
    );
  }
  const isLimited = trials.some(({ rateLimitedShare }) => (rateLimitedShare ?? 0) > 0);
  if (isLimited && trialMs !== null && trialMs < TRIAL_FOR_MINUTE_LIMITS_MS) {
    notes.push(
      'the target answered 429: a limit that counts by the minute lends its burst to a short trial; give --trial-duration 5m or more',
    );
  }
  return notes;
}

/** Five minutes: a bucket of one minute's worth, full at the start, adds 20 % to what such a trial may send. */
const TRIAL_FOR_MINUTE_LIMITS_MS = 5 * MS_PER_MINUTE;

function breaksAt(trials: readonly CapacityTrial[], load: number): CapacityReport['breaks'] {
  const at = trials.filter((each) => each.load === load);
  const trial = at.find(({ outcome }) => outcome === 'broken') ?? at.find(hasBroken)!;
  return { load, thresholds: trial.broken, reasons: trial.reasons };
}

/**
 * Broken at the wanted load or below it fails; not shown either way is neither. A load between the
 * capacity and the lowest one that broke was never run, and says nothing.
 */
function gateOf(
  atLeast: number,
  { capacity, interval }: SearchResult,
  trials: readonly CapacityTrial[],
  status: CapacityReport['status'],
): NonNullable<CapacityReport['gate']>['status'] {
  if (capacity !== null && capacity >= atLeast) return 'pass';
  if (status === 'found') {
    return interval.broken !== null && interval.broken <= atLeast ? 'fail' : 'inconclusive';
  }
  const at = trials.filter((trial) => trial.load <= atLeast && hasBroken(trial));
  if (status === 'none') return at.length > 0 ? 'fail' : 'inconclusive';
  const held = trials.some(({ load, outcome }) => load >= atLeast && outcome === 'held');
  return at.length > 1 && !held ? 'fail' : 'inconclusive';
}

function hasBroken({ leans, outcome }: CapacityTrial): boolean {
  return outcome === 'broken' || leans === 'broken';
}

function meanCalls(trials: readonly CapacityTrial[], load: number): number | null {
  const known = trials
    .filter((trial) => trial.load === load)
    .map(({ achieved }) => achieved.callsPerMinute)
    .filter((calls) => calls !== null);
  if (known.length === 0) return null;
  return Math.round(known.reduce((sum, each) => sum + each, 0) / known.length);
}
