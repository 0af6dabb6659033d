import { batchMeansInterval, BATCHES, meanInterval, wilsonInterval } from '../core/statistics.ts';
import type { Interval } from '../core/statistics.ts';
import { MS_PER_SECOND } from '../core/units.ts';
import type { AttemptSample, Sample } from './sample.ts';

export type ShareMetric =
  | 'error_rate'
  | 'session_error_rate'
  | 'dropped'
  | 'rate_limited'
  | 'truncated';
export type CounterMetric =
  | 'calls'
  | 'turns'
  | 'sessions'
  | 'attempts'
  | 'retries'
  | 'output_tokens';

/** A figure of one run with its uncertainty. */
export interface RunFigure {
  readonly value: number;
  /** 95 % interval by batch means; infinite where the run is too short. */
  readonly interval: Interval;
  /** Observations behind it. */
  readonly n: number;
}

/**
 * Shares and rates of a run with intervals that do not take requests for independent: errors come in
 * bursts. Shares are averaged over batches of sessions in the order of their intended starts, rates
 * over seconds.
 */
export class SessionShares {
  readonly #warmUpMs: number;
  readonly #sessions = new Map<number, SessionTally>();
  readonly #perSecond = new Map<CounterMetric, number[]>();
  #lastIntendedMs = 0;

  constructor(warmUpMs: number) {
    this.#warmUpMs = warmUpMs;
  }

  add(sample: Sample): void {
    switch (sample.type) {
      case 'arrival': {
        const { calls, dropped, intended, session } = sample;
        this.#lastIntendedMs = Math.max(this.#lastIntendedMs, intended);
        const tally = emptyTally(intended);
        this.#sessions.set(session, { ...tally, calls, dropped: dropped === undefined ? 0 : 1 });
        return;
      }
      case 'attempt':
        this.#attempt(sample);
        return;
      case 'turn':
        if (sample.outcome === 'ok') this.#count('turns', sample.end, 1);
        return;
      case 'session': {
        if (sample.outcome !== 'ok') return;
        this.#of(sample.session, sample.intended).ok = 1;
        this.#count('sessions', sample.end, 1);
        return;
      }
      case 'run':
      case 'health':
      case 'end':
    }
  }

  share(metric: ShareMetric): RunFigure | undefined {
    const tallies = [...this.#sessions.values()].toSorted((a, b) => a.intended - b.intended);
    const pairs = tallies.map((tally) => partOf(metric, tally));
    const [part, whole] = totals(pairs);
    if (whole === 0) return undefined;
    const batched = batchRatios(pairs);
    // Ten batches without an error do not prove that there are none: never narrower than independent.
    const least = wilsonInterval(part, whole);
    const interval = batched === undefined ? UNBOUNDED : meanInterval(batched);
    return {
      value: part / whole,
      interval: {
        low: Math.max(0, Math.min(interval.low, least.low)),
        high: Math.min(1, Math.max(interval.high, least.high)),
      },
      n: whole,
    };
  }

  /** Per second, from the warm-up to the last start: draining at the end is no rate. */
  rate(metric: CounterMetric): RunFigure | undefined {
    const first = Math.ceil(this.#warmUpMs / MS_PER_SECOND);
    const end = Math.floor(this.#lastIntendedMs / MS_PER_SECOND);
    if (end - first < 1) return undefined;
    const counts = this.#perSecond.get(metric) ?? [];
    const perSecond = Array.from({ length: end - first }, (_, at) => counts[first + at] ?? 0);
    const total = perSecond.reduce((sum, each) => sum + each, 0);
    return {
      value: total / perSecond.length,
      interval: batchMeansInterval(perSecond) ?? UNBOUNDED,
      n: total,
    };
  }

  #attempt(sample: AttemptSample): void {
    const { attempt, end, intended, last, outcome, output, sent, session, status } = sample;
    const tally = this.#of(session, intended);
    if (sent !== undefined) {
      tally.attempts += 1;
      this.#count('attempts', end, 1);
    }
    if (attempt > 1) this.#count('retries', end, 1);
    if (status === 429) tally.limited += 1;
    if (outcome === 'truncated') tally.truncated += 1;
    if (output !== undefined) this.#count('output_tokens', end, output);
    if (!last || outcome !== 'ok') return;
    tally.completed += 1;
    this.#count('calls', end, 1);
  }

  #of(session: number, intended: number): SessionTally {
    let tally = this.#sessions.get(session);
    if (tally === undefined) {
      tally = emptyTally(intended);
      this.#sessions.set(session, tally);
    }
    return tally;
  }

  #count(metric: CounterMetric, atMs: number, by: number): void {
    let counts = this.#perSecond.get(metric);
    if (counts === undefined) {
      counts = [];
      this.#perSecond.set(metric, counts);
    }
    const second = Math.floor(atMs / MS_PER_SECOND);
    counts[second] = (counts[second] ?? 0) + by;
  }
}

interface SessionTally {
  readonly intended: number;
  readonly calls: number;
  readonly dropped: number;
  completed: number;
  attempts: number;
  limited: number;
  truncated: number;
  ok: number;
}

const UNBOUNDED: Interval = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

function emptyTally(intended: number): SessionTally {
  const none = { calls: 0, dropped: 0, completed: 0, attempts: 0 };
  return { intended, ...none, limited: 0, truncated: 0, ok: 0 };
}

/** Part and whole of one session; the definitions are those of the thresholds. */
function partOf(metric: ShareMetric, tally: SessionTally): readonly [number, number] {
  switch (metric) {
    case 'error_rate':
      return [tally.calls - tally.completed, tally.calls];
    case 'session_error_rate':
      return [1 - tally.ok, 1];
    case 'dropped':
      return [tally.dropped, 1];
    case 'rate_limited':
      return [tally.limited, tally.attempts];
    case 'truncated':
      return [tally.truncated, tally.attempts];
  }
}

function totals(pairs: readonly (readonly [number, number])[]): [number, number] {
  let part = 0;
  let whole = 0;
  for (const [each, of] of pairs) {
    part += each;
    whole += of;
  }
  return [part, whole];
}

/** The ratio in each of ten consecutive batches; undefined when there are fewer pairs, or an empty batch. */
function batchRatios(pairs: readonly (readonly [number, number])[]): number[] | undefined {
  const size = Math.floor(pairs.length / BATCHES);
  if (size < 1) return undefined;
  const ratios = Array.from({ length: BATCHES }, (_, batch) => {
    const end = batch === BATCHES - 1 ? pairs.length : (batch + 1) * size;
    const [part, whole] = totals(pairs.slice(batch * size, end));
    return part / whole;
  });
  return ratios.every(Number.isFinite) ? ratios : undefined;
}
