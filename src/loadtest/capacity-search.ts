/**
 * The search for the highest load that holds, as a pure function of the trials so far. Loads are in
 * whatever the scenario's arrivals count (sessions per second, users). A trial near the knee is
 * noisy, so no single run decides: the load that held last and the one that broke first are run
 * again, and the answer is an interval, not a point.
 */

/**
 * `open`: too short, or still getting worse, to be judged. `saturated`: the generator could not
 * apply this load, which says nothing about the target.
 */
export type TrialOutcome = 'held' | 'broken' | 'open' | 'saturated';

export interface SearchTrial {
  readonly load: number;
  readonly outcome: TrialOutcome;
  /**
   * An open trial: which side its figures are on, although their intervals straddle the limit. Runs
   * are independent of each other as the requests of one run are not, so several that lean the same
   * way say what none of them could. Null where there is no figure to lean on.
   */
  readonly leans: 'held' | 'broken' | null;
}

export interface SearchSettings {
  readonly start: number;
  /** Never above this; null is no bound. */
  readonly most: number | null;
  /** The lowest load that broke is at most this share above the highest that held. */
  readonly resolution: number;
  readonly maxTrials: number;
  /** Loads are whole numbers (users). */
  readonly whole: boolean;
}

/** Why a trial is run. `again`: its first run was not conclusive. */
export type TrialStep = 'first' | 'up' | 'down' | 'between' | 'again' | 'confirm' | 'recheck';

export type NextTrial =
  | {
      readonly kind: 'run';
      readonly load: number;
      readonly step: TrialStep;
      /** Times the usual length. */
      readonly length: 1 | 2;
    }
  | { readonly kind: 'done'; readonly ending: SearchEnding };

/**
 * `resolved`: as close as asked for. `most`: everything held up to the highest load allowed.
 * `least`: not even the smallest load held. `trials`: no trial was left.
 */
export type SearchEnding = 'resolved' | 'most' | 'least' | 'trials';

/** A load that held counts only when it has held this often; once more when its runs only leaned. */
const RUNS_TO_CONFIRM = 2;

/** A load that could not be judged this often, per run that held, is left alone, and has not held. */
const MOST_UNDECIDED = 2;

/** Growth of the load while nothing has broken, and its fall while nothing has held. */
const STEP_FACTOR = 2;

/** Significant digits of a load: a quarter of the finest resolution, and still readable. */
const LOAD_DIGITS = 4;

/** What to run next, or why the search has ended. */
export function nextTrial(settings: SearchSettings, trials: readonly SearchTrial[]): NextTrial {
  const next = wanted(settings, trials);
  if (next.kind === 'done') return next;
  const left = settings.maxTrials - trials.length;
  if (left <= 0) return { kind: 'done', ending: 'trials' };
  const levels = levelsOf(trials);
  const claim = claimOf(levels);
  // An unconfirmed load is no answer: the last trial confirms the highest that it can.
  const last = left === 1 && claim !== undefined && !isConfirmed(claim);
  const short = levels.findLast((level) => level.broken === 0 && runsMissing(level) === 1);
  return last && short !== undefined ? run(short.load, 'confirm') : next;
}

function wanted(settings: SearchSettings, trials: readonly SearchTrial[]): NextTrial {
  const last = trials.at(-1);
  if (last === undefined) return run(settings.start, 'first');
  const levels = levelsOf(trials);
  const { load } = last;
  if (
    wantsAnother(
      last,
      levels.find((level) => level.load === load)!,
    )
  ) {
    return { kind: 'run', load, step: 'again', length: last.outcome === 'open' ? 2 : 1 };
  }
  const low = levels.findLast((level) => side(level) === 'held');
  if (low === undefined) return below(levels[0]!, settings);
  const high = levels.find((level) => level.load > low.load);
  if (high === undefined) return above(low, settings);
  const middle = between(low.load, high.load, settings);
  if (middle !== undefined) return run(middle, 'between');
  const claim = claimOf(levels);
  // Every load that held has also broken: look for one that does not.
  if (claim === undefined) return below(levels[0]!, settings);
  if (!isConfirmed(claim)) return run(claim.load, 'confirm');
  return doubted(high) ? run(high.load, 'recheck') : { kind: 'done', ending: 'resolved' };
}

/** The first run at a load that could not be judged; and later ones without even a lean. */
function wantsAnother({ leans, outcome }: SearchTrial, level: Level): boolean {
  if (outcome === 'held' || outcome === 'broken') return false;
  if (leans === null) return level.undecided === 1;
  return level.held + level.broken + level.undecided === 1;
}

/** One run that broke may be chance, and one of each wants a third. */
function doubted({ broken, held, undecided }: Level): boolean {
  return broken === 1 && held <= 1 && undecided < MOST_UNDECIDED;
}

function below({ load }: Level, { whole }: SearchSettings): NextTrial {
  const next = whole ? Math.floor(load / STEP_FACTOR) : readable(load / STEP_FACTOR);
  return next > 0 ? run(next, 'down') : { kind: 'done', ending: 'least' };
}

function above(low: Level, { most, whole }: SearchSettings): NextTrial {
  const next = low.load * STEP_FACTOR;
  if (most === null || low.load < most) {
    return run(Math.min(whole ? next : readable(next), most ?? Infinity), 'up');
  }
  return low.held < RUNS_TO_CONFIRM ? run(low.load, 'confirm') : { kind: 'done', ending: 'most' };
}

/** A load in the middle by ratio; undefined when the two are as close as asked for. */
function between(
  low: number,
  high: number,
  { resolution, whole }: SearchSettings,
): number | undefined {
  if (high / low <= 1 + resolution) return undefined;
  const middle = Math.sqrt(low * high);
  const load = whole ? Math.round(middle) : readable(middle);
  if (load > low && load < high) return load;
  // Neighbouring whole numbers, or numbers that differ only in digits nobody asked for.
  return whole && high - low > 1 ? low + 1 : undefined;
}

export interface SearchResult {
  /** Held every time it was run, and twice at least; null when no load did. */
  readonly capacity: number | null;
  /** Runs at the capacity. */
  readonly runs: number;
  /** No single run bounded its figures; all of them were on the same side. */
  readonly onlyLeans: boolean;
  /** Highest load that held whenever it was run, confirmed or not, and the lowest above it that broke. */
  readonly interval: { readonly held: number | null; readonly broken: number | null };
  /** Loads whose runs disagreed. */
  readonly mixed: readonly number[];
  /** Loads that broke although a higher one held: latency and errors should only grow with load. */
  readonly outOfOrder: readonly number[];
}

/** What the trials say, whether the search has ended or not. */
export function searchResult(trials: readonly SearchTrial[]): SearchResult {
  const levels = levelsOf(trials);
  const confirmed = levels.findLast((level) => level.broken === 0 && isConfirmed(level));
  const held = confirmed ?? claimOf(levels);
  const floor = held?.load ?? 0;
  return {
    capacity: confirmed?.load ?? null,
    runs: confirmed?.held ?? 0,
    onlyLeans: confirmed !== undefined && onlyLeans(confirmed),
    interval: {
      held: held?.load ?? null,
      broken: levels.find(({ broken, load }) => broken > 0 && load > floor)?.load ?? null,
    },
    mixed: loadsOf(levels.filter((level) => level.held > 0 && level.broken > 0)),
    outOfOrder: loadsOf(
      levels.filter(
        ({ broken, load }) =>
          broken > 0 && levels.some((higher) => higher.load > load && side(higher) === 'held'),
      ),
    ),
  };
}

interface Level {
  readonly load: number;
  /** Runs that held or leaned so. */
  held: number;
  broken: number;
  /** Those of them that only leaned. */
  leaned: number;
  /** Runs without even a lean. */
  undecided: number;
}

/** Trials by load, lowest first. */
function levelsOf(trials: readonly SearchTrial[]): Level[] {
  const levels = new Map<number, Level>();
  for (const { leans, load, outcome } of trials) {
    const level = levels.get(load) ?? { load, held: 0, broken: 0, leaned: 0, undecided: 0 };
    const isJudged = outcome === 'held' || outcome === 'broken';
    level[isJudged ? outcome : (leans ?? 'undecided')] += 1;
    if (!isJudged && leans !== null) level.leaned += 1;
    levels.set(load, level);
  }
  return [...levels.values()].toSorted((a, b) => a.load - b.load);
}

/** The majority; a tie has not held. */
function side({ broken, held, undecided }: Level): 'held' | 'not held' {
  return held > broken && undecided < MOST_UNDECIDED * (held + 1) ? 'held' : 'not held';
}

/** The highest load that never broke. */
function claimOf(levels: readonly Level[]): Level | undefined {
  return levels.findLast((level) => level.broken === 0 && side(level) === 'held');
}

function isConfirmed(level: Level): boolean {
  return runsMissing(level) <= 0;
}

/** Runs that must still hold before a load is confirmed. */
function runsMissing(level: Level): number {
  return RUNS_TO_CONFIRM + (onlyLeans(level) ? 1 : 0) - level.held;
}

function onlyLeans({ broken, held, leaned }: Level): boolean {
  return leaned === held + broken;
}

function loadsOf(levels: readonly Level[]): number[] {
  return levels.map(({ load }) => load);
}

function run(load: number, step: TrialStep): NextTrial {
  return { kind: 'run', load, step, length: 1 };
}

function readable(load: number): number {
  return Number(load.toPrecision(LOAD_DIGITS));
}
