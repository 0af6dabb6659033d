import { metricFacts, METRIC_NAMES } from '../config/threshold.ts';
import type { MetricName } from '../config/threshold.ts';
import { quantileSorted } from '../core/statistics.ts';
import type { Interval } from '../core/statistics.ts';
import { MS_PER_SECOND, round } from '../core/units.ts';
import { AgentInfraError } from '../errors.ts';
import { evidenceFor } from './evidence.ts';
import type { RunTotals } from './evidence.ts';
import { judgeThreshold } from './judge.ts';
import type { ObservedTimes } from './observed-times.ts';
import type { EndSample, HealthSample, RunSample, Sample } from './sample.ts';
import type { Counters, LoadSummary, MetricFigures, TimeFigures } from './summary.ts';
import { Timeline } from './timeline.ts';
import type { TimelineView } from './timeline.ts';
import { assessValidity } from './validity.ts';
import { decideVerdict } from './verdict.ts';
import { RunView } from './view.ts';

/** Distinct error codes kept; anything further counts as "other". */
const MOST_ERRORS = 50;

/**
 * The fold of a run: samples go in as they are written or read back, the summary comes out. It
 * may be asked at any time (the dashboard does), and the same samples give the same summary.
 */
export class RunFold {
  #run: RunSample | undefined;
  #end: EndSample | undefined;
  #whole = new RunView({}, 0);
  #parts: RunView[] = [];
  #sessions = { intended: 0, started: 0, dropped: 0 };
  #intended = { turns: 0, calls: 0 };
  #errors = new Map<string, number>();
  #health: HealthSample[] = [];
  #healthStride = 1;
  #healthSeen = 0;
  #timeline = new Timeline();
  #lastMs = 0;

  add(sample: Sample): void {
    switch (sample.type) {
      case 'run':
        this.#run = sample;
        this.#whole = new RunView({}, sample.warmUpMs);
        this.#parts = sample.thresholds.map(
          ({ where: { model, turn } }) => new RunView({ model, turn }, sample.warmUpMs),
        );
        return;
      case 'arrival':
        this.#seen(sample.at);
        this.#sessions.intended += 1;
        this.#sessions[sample.dropped === undefined ? 'started' : 'dropped'] += 1;
        this.#intended.turns += sample.turns;
        this.#intended.calls += sample.calls;
        this.#timeline.arrived(sample.at);
        return;
      case 'attempt': {
        this.#seen(sample.end);
        for (const view of this.#views()) view.attempt(sample);
        const { firstToken, intended, last, outcome } = sample;
        if (last && outcome === 'ok') {
          const ttftMs = firstToken === undefined ? undefined : firstToken - intended;
          this.#timeline.completed(sample.end, ttftMs);
        }
        if (outcome === 'failed' || outcome === 'truncated') {
          this.#timeline.failed(sample.end);
          this.#countError(sample.error ?? outcome);
        }
        return;
      }
      case 'turn':
        this.#seen(sample.end);
        for (const view of this.#views()) view.turn(sample);
        return;
      case 'session':
        this.#seen(sample.end);
        for (const view of this.#views()) view.session(sample);
        return;
      case 'health':
        this.#seen(sample.at);
        this.#keepHealth(sample);
        return;
      case 'end':
        this.#seen(sample.at);
        this.#end = sample;
    }
  }

  /** The latest reading of the generator's condition, for the dashboard. */
  get health(): HealthSample | undefined {
    return this.#health.at(-1);
  }

  get durationMs(): number {
    return this.#lastMs;
  }

  timeline(): TimelineView {
    return this.#timeline.view();
  }

  times(metric: MetricName, start?: 'intended' | 'send'): ObservedTimes {
    return this.#whole.times(metric, start);
  }

  errors(): LoadSummary['errors'] {
    return [...this.#errors]
      .map(([error, count]) => ({ error, count }))
      .toSorted((a, b) => b.count - a.count || (a.error < b.error ? -1 : 1));
  }

  counters(): Counters {
    const { attempts, calls, sessions, tokens, turns } = this.#whole;
    const known = tokens.attemptsWithUsage > 0;
    const { started } = this.#sessions;
    const ended = sessions.completed + sessions.failed + sessions.cut;
    return {
      // A session without an end line (killed run) was cut too.
      sessions: { ...this.#sessions, ...sessions, cut: sessions.cut + (started - ended) },
      turns: { intended: this.#intended.turns, ...turns },
      calls: {
        intended: this.#intended.calls,
        ...calls,
        notStarted: Math.max(0, this.#intended.calls - calls.started),
      },
      attempts: { ...attempts },
      tokens: {
        input: known ? tokens.input : null,
        cacheRead: known ? tokens.cacheRead : null,
        output: known ? tokens.output : null,
        reasoning: known ? tokens.reasoning : null,
      },
      backoffMs: round(this.#whole.backoffMs, 3),
    };
  }

  summary(): LoadSummary {
    const run = this.#run;
    if (run === undefined) {
      const hint = 'A samples file starts with a line of type "run".';
      throw new AgentInfraError('trace.empty', 'these samples have no run line', { hint });
    }
    const complete = this.#end?.complete === true;
    const counters = this.counters();
    const totals = this.#totals(counters);
    const validity = assessValidity({
      thresholds: run.thresholds,
      ...this.#generator(),
      sessionsIntended: totals.sessionsIntended,
      sessionsDropped: totals.sessionsDropped,
    });
    const thresholds = run.thresholds.map((threshold, index) =>
      judgeThreshold(threshold, evidenceFor(threshold, this.#parts[index]!, totals), validity),
    );
    return {
      schema: 'agent-infra/loadtest-summary',
      schemaVersion: '1.0',
      tool: run.tool,
      run: {
        scenario: run.scenario,
        engine: run.engine,
        startedAt: run.startedAt,
        durationMs: this.#lastMs,
        seed: run.seed,
        configHash: run.configHash,
        host: run.host,
        target: run.target,
        load: run.load,
        timingNotes: run.timingNotes ?? [],
        warmUpMs: run.warmUpMs,
      },
      complete,
      stopped: this.#end?.stopped ?? null,
      verdict: decideVerdict({
        complete,
        counters,
        engineFailures: this.#end?.failures ?? [],
        thresholds,
        validity,
      }),
      counters,
      rates: {
        sessionsStarted: this.#perSecond(counters.sessions.started),
        callsCompleted: this.#perSecond(counters.calls.completed),
        outputTokens:
          counters.tokens.output === null ? null : this.#perSecond(counters.tokens.output),
      },
      metrics: this.#metrics(),
      errors: this.errors(),
      thresholds,
      validity,
      timeline: this.#timeline.view(),
    };
  }

  /** What the threshold of this index would be judged on now, without its interval. */
  observed(threshold: number): number | undefined {
    const wanted = this.#run?.thresholds[threshold];
    const view = this.#parts[threshold];
    if (wanted === undefined || view === undefined) return undefined;
    return evidenceFor(wanted, view, this.#totals(this.counters()), 'figure').observed;
  }

  #totals({ calls, sessions }: Counters): RunTotals {
    return {
      sessionsIntended: sessions.intended,
      sessionsDropped: sessions.dropped,
      callsIntended: calls.intended,
      durationMs: this.#lastMs,
    };
  }

  *#views(): Generator<RunView> {
    yield this.#whole;
    yield* this.#parts;
  }

  #seen(atMs: number): void {
    if (atMs > this.#lastMs) this.#lastMs = atMs;
  }

  #perSecond(count: number): number | null {
    return this.#lastMs === 0 ? null : round((count * MS_PER_SECOND) / this.#lastMs, 3);
  }

  #countError(error: string): void {
    const known = this.#errors.has(error) || this.#errors.size < MOST_ERRORS;
    const label = known ? error : 'other';
    this.#errors.set(label, (this.#errors.get(label) ?? 0) + 1);
  }

  /** At most two hours of seconds; then every second, fourth, … reading. */
  #keepHealth(sample: HealthSample): void {
    const wanted = this.#healthSeen % this.#healthStride === 0;
    this.#healthSeen += 1;
    if (!wanted) return;
    if (this.#health.length >= 7200) {
      this.#health = this.#health.filter((_, index) => index % 2 === 0);
      this.#healthStride *= 2;
    }
    this.#health.push(sample);
  }

  #generator(): Pick<
    Parameters<typeof assessValidity>[0],
    'sendLag' | 'loopDelay' | 'runDelayMsPerS'
  > {
    const lag = this.times('send_lag');
    const p99s = this.#readings(({ loopDelayP99 }) => loopDelayP99);
    const maxima = this.#readings(({ loopDelayMax }) => loopDelayMax);
    const waits = this.#readings(({ runDelayPerS }) => runDelayPerS);
    const waited = waits.reduce((sum, value) => sum + value, 0);
    return {
      sendLag:
        lag.n === 0
          ? null
          : { p50: round(lag.quantileMs(0.5)!, 3), p99: round(lag.quantileMs(0.99)!, 3) },
      loopDelay:
        p99s.length === 0
          ? null
          : // Nine intervals of ten were better than this: one bad second does not void an hour.
            { p99: round(quantileSorted(p99s, 0.9), 3), max: maxima.at(-1) ?? 0 },
      runDelayMsPerS: waits.length === 0 ? null : round(waited / waits.length, 3),
    };
  }

  #readings(pick: (sample: HealthSample) => number | null): number[] {
    return this.#health
      .map(pick)
      .filter((value) => value !== null)
      .toSorted((a, b) => a - b);
  }

  #metrics(): LoadSummary['metrics'] {
    const figures: Partial<Record<MetricName, MetricFigures>> = {};
    for (const metric of METRIC_NAMES) {
      const { kind, definition, twoStarts } = metricFacts(metric);
      if (kind !== 'time') continue;
      figures[metric] = {
        definition,
        unit: 'ms',
        ...(twoStarts === false
          ? { value: timeFigures(this.times(metric)) }
          : {
              fromIntended: timeFigures(this.times(metric, 'intended')),
              fromSend: timeFigures(this.times(metric, 'send')),
            }),
      };
    }
    return figures;
  }
}

/** The figures of one series; null without data, never zeros. */
export function timeFigures(times: ObservedTimes): TimeFigures | null {
  const { maxMs, meanMs, minMs, n } = times;
  if (maxMs === undefined || meanMs === undefined || minMs === undefined) return null;
  const quantile = (q: number): number => round(times.quantileMs(q)!, 3);
  const mean = times.meanInterval();
  return {
    n,
    mean: round(meanMs, 3),
    min: round(minMs, 3),
    p50: quantile(0.5),
    p90: quantile(0.9),
    p95: quantile(0.95),
    p99: quantile(0.99),
    max: round(maxMs, 3),
    ci95: {
      mean: mean === undefined ? null : [round(mean.low, 3), round(mean.high, 3)],
      p50: pair(times.quantileInterval(0.5)),
      p95: pair(times.quantileInterval(0.95)),
      p99: pair(times.quantileInterval(0.99)),
    },
    histogram: times.encode(),
  };
}

function pair(interval: Interval | undefined): readonly [number, number | null] | null {
  if (interval === undefined) return null;
  return [round(interval.low, 3), Number.isFinite(interval.high) ? round(interval.high, 3) : null];
}
