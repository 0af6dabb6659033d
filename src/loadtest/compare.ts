import {
  benjaminiHochberg,
  detectableDifference,
  differenceInterval,
  differenceOfIntervals,
  differenceOfReplicates,
  differenceP,
} from '../core/difference.ts';
import type { Difference } from '../core/difference.ts';
import { BATCHES, mean } from '../core/statistics.ts';
import { comparability } from './comparability.ts';
import type { Differing } from './comparability.ts';
import type { Figure, RegressionLimit } from './compare-figures.ts';
import type { ComparedRun, RunFacts } from './compare-run.ts';
import type { RunFigure } from './session-shares.ts';

/** `loadtest compare --json`. Consumers ignore fields they do not know. */
export interface Comparison {
  readonly schema: 'agent-infra/loadtest-comparison';
  readonly schemaVersion: '1.0';
  readonly tool: { readonly name: string; readonly version: string };
  readonly baseline: ComparedSide;
  readonly candidate: ComparedSide;
  /** `replicates`: from run to run. `batches`: from batch to batch within one run on each side. */
  readonly basis: 'replicates' | 'batches';
  /** Why the runs cannot be compared; empty when they can. */
  readonly notComparable: readonly string[];
  readonly notes: readonly string[];
  readonly figures: readonly ComparedFigure[];
  readonly gates: readonly RegressionGate[];
}

interface ComparedSide {
  readonly runs: readonly string[];
  readonly facts: RunFacts;
}

export interface ComparedFigure {
  readonly figure: string;
  readonly unit: 'ms' | 'share' | 'perSecond';
  readonly better: Figure['better'];
  /** Mean over the runs (geometric where a ratio is compared). */
  readonly baseline: number | null;
  readonly candidate: number | null;
  /** candidate / baseline − 1; the difference itself for shares. Ends that are not bounded are null. */
  readonly change: number | null;
  readonly interval: readonly [number | null, number | null] | null;
  /** The smallest change that these data would have shown four times in five. */
  readonly detectable: number | null;
  /** For the number of figures compared (Benjamini and Hochberg). */
  readonly adjustedP: number | null;
  readonly verdict: 'better' | 'worse' | 'no difference shown' | 'not comparable' | 'no data';
}

export interface RegressionGate {
  readonly limit: string;
  readonly status: 'pass' | 'fail' | 'inconclusive';
  /** How much worse, with an interval that holds for all gates together. */
  readonly worse: number | null;
  readonly interval: readonly [number | null, number | null] | null;
  readonly reason: string;
}

export interface ComparisonInput {
  readonly toolVersion: string;
  readonly figures: readonly Figure[];
  readonly baseline: readonly ComparedRun[];
  readonly candidate: readonly ComparedRun[];
  readonly limits: readonly RegressionLimit[];
  /** Differences between the sides that the caller accepts. */
  readonly accepted: readonly Differing[];
}

/** Largest adjusted p of a difference that is called shown. */
const ALPHA = 0.05;

/** Compares two sides of one or more runs each. The unit is the run, or the batch: never the request. */
export function compareRuns(input: ComparisonInput): Comparison {
  const { accepted, baseline, candidate, limits, toolVersion } = input;
  const { differing, notes } = comparability(baseline, candidate, accepted);
  const isComparable = differing.length === 0;
  const basis = baseline.length + candidate.length > 2 ? 'replicates' : 'batches';
  const measured = input.figures.map((figure) => measure(figure, input));
  // A figure that no change could show is no test, and costs the others nothing.
  const known = measured.filter(
    ({ difference }) =>
      difference !== undefined &&
      Math.min(difference.errorDown, difference.errorUp) < Number.POSITIVE_INFINITY,
  );
  const ps = benjaminiHochberg(known.map(({ difference }) => differenceP(difference!)));
  const adjusted = new Map(known.map(({ figure }, index) => [figure.name, ps[index]!]));
  return {
    schema: 'agent-infra/loadtest-comparison',
    schemaVersion: '1.0',
    tool: { name: 'agent-infra', version: toolVersion },
    baseline: { runs: baseline.map(({ path }) => path), facts: baseline[0]!.facts },
    candidate: { runs: candidate.map(({ path }) => path), facts: candidate[0]!.facts },
    basis,
    notComparable: differing,
    notes: [...notes, ...basisNotes(basis)],
    figures: measured
      .filter(({ baseline: a, candidate: b }) => a !== null || b !== null)
      .map((each) => comparedFigure(each, adjusted.get(each.figure.name), isComparable)),
    gates: limits.map((limit) => {
      const of = measured.find(({ figure }) => figure.name === limit.figure.name)!;
      return isComparable
        ? judgeRegression(limit, of.difference, 1 - ALPHA / limits.length)
        : openGate(limit, 'the runs cannot be compared');
    }),
  };
}

interface Measured {
  readonly figure: Figure;
  readonly baseline: number | null;
  readonly candidate: number | null;
  readonly difference: Difference | undefined;
}

function measure(figure: Figure, { baseline, candidate }: ComparisonInput): Measured {
  const [a, b] = [figuresOf(baseline, figure), figuresOf(candidate, figure)];
  return {
    figure,
    baseline: centre(a, figure),
    candidate: centre(b, figure),
    difference: differenceOf(a, b, figure),
  };
}

/** Empty unless every run has the figure: a mean over those that do would compare other things. */
function figuresOf(runs: readonly ComparedRun[], { name }: Figure): RunFigure[] {
  const known = runs.map(({ figures }) => figures.get(name)).filter((each) => each !== undefined);
  return known.length === runs.length ? known : [];
}

function centre(figures: readonly RunFigure[], { scale }: Figure): number | null {
  if (figures.length === 0) return null;
  const values = figures.map(({ value }) => value);
  return scale === 'ratio' && values.every((value) => value > 0)
    ? Math.exp(mean(values.map(Math.log)))
    : mean(values);
}

function differenceOf(
  baseline: readonly RunFigure[],
  candidate: readonly RunFigure[],
  { scale }: Figure,
): Difference | undefined {
  if (baseline.length === 0 || candidate.length === 0) return undefined;
  const all = [...baseline, ...candidate];
  if (scale === 'ratio' && all.some(({ value }) => value <= 0)) return undefined;
  const value = (figure: RunFigure): number =>
    scale === 'ratio' ? Math.log(figure.value) : figure.value;
  if (all.length > 2) {
    const least =
      scale === 'points'
        ? ([leastVariance(baseline), leastVariance(candidate)] as const)
        : undefined;
    return differenceOfReplicates(baseline.map(value), candidate.map(value), least);
  }
  const uncertain = (figure: RunFigure) => ({
    value: value(figure),
    interval: limits(figure, scale),
  });
  return differenceOfIntervals(uncertain(baseline[0]!), uncertain(candidate[0]!), BATCHES);
}

function limits(
  { interval: { high, low } }: RunFigure,
  scale: Figure['scale'],
): RunFigure['interval'] {
  return scale === 'points'
    ? { low, high }
    : { low: low > 0 ? Math.log(low) : Number.NEGATIVE_INFINITY, high: Math.log(high) };
}

/** Runs without any error do not prove that there are none: two are added to each kind (Agresti and Coull 1998). */
function leastVariance(figures: readonly RunFigure[]): number {
  const n = figures.reduce((sum, each) => sum + each.n, 0);
  const part = figures.reduce((sum, each) => sum + each.value * each.n, 0);
  const share = (part + 2) / (n + 4);
  return (share * (1 - share)) / (n + 4);
}

function comparedFigure(
  { baseline, candidate, difference, figure }: Measured,
  adjustedP: number | undefined,
  isComparable: boolean,
): ComparedFigure {
  const { better, metric, name, scale } = figure;
  const shown = (value: number): number | null => finite(onScale(value, scale));
  const interval = difference && differenceInterval(difference);
  return {
    figure: name,
    unit: scale === 'points' ? 'share' : RATES.has(metric) ? 'perSecond' : 'ms',
    better,
    baseline,
    candidate,
    change: difference === undefined ? null : shown(difference.estimate),
    interval: interval === undefined ? null : [shownLow(interval.low, scale), shown(interval.high)],
    detectable: difference === undefined ? null : shown(detectableDifference(difference)),
    adjustedP: adjustedP ?? null,
    verdict: verdictOf(difference, adjustedP, { better, isComparable }),
  };
}

const RATES: ReadonlySet<string> = new Set([
  'calls',
  'turns',
  'sessions',
  'attempts',
  'retries',
  'output_tokens',
]);

function verdictOf(
  difference: Difference | undefined,
  adjustedP: number | undefined,
  { better, isComparable }: { readonly better: Figure['better']; readonly isComparable: boolean },
): ComparedFigure['verdict'] {
  if (difference === undefined) return 'no data';
  if (!isComparable) return 'not comparable';
  if (adjustedP === undefined || adjustedP > ALPHA) return 'no difference shown';
  return difference.estimate > 0 === (better === 'higher') ? 'better' : 'worse';
}

/**
 * Judged like a threshold: the whole interval must lie beyond the limit to fail, and within it to
 * pass. With several gates it is widened so that it holds for all of them together (Bonferroni).
 */
function judgeRegression(
  limit: RegressionLimit,
  difference: Difference | undefined,
  confidence: number,
): RegressionGate {
  if (difference === undefined) return openGate(limit, 'no data');
  const { better, scale } = limit.figure;
  const { high, low } = differenceInterval(difference, confidence);
  const worse = (value: number): number => {
    const change = onScale(value, scale);
    return better === 'lower' ? change : -change;
  };
  const ends = [worse(low), worse(high)].toSorted((a, b) => a - b) as [number, number];
  const [least, most] = ends;
  const judged = {
    limit: limit.text,
    worse: worse(difference.estimate),
    interval: [finite(least), finite(most)],
  } as const;
  if (least > limit.limit) {
    return { ...judged, status: 'fail', reason: 'the whole interval is worse than that' };
  }
  if (most <= limit.limit) {
    return { ...judged, status: 'pass', reason: 'the whole interval is within it' };
  }
  return {
    ...judged,
    status: 'inconclusive',
    reason: 'the interval straddles the limit: longer runs, or more of them',
  };
}

function openGate({ text }: RegressionLimit, reason: string): RegressionGate {
  return { limit: text, status: 'inconclusive', worse: null, interval: null, reason };
}

function basisNotes(basis: Comparison['basis']): string[] {
  return basis === 'replicates'
    ? []
    : [
        'one run on each side: the intervals know what varied within the runs, not from run to run; give several to --baseline and --candidate',
      ];
}

function onScale(value: number, scale: Figure['scale']): number {
  return scale === 'ratio' ? Math.expm1(value) : value;
}

/** A ratio whose lower end is not bounded is not −100 %. */
function shownLow(value: number, scale: Figure['scale']): number | null {
  return Number.isFinite(value) ? onScale(value, scale) : null;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
