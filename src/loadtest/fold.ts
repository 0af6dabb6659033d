import type { MetricName } from '../config/threshold.ts';
import { MS_PER_SECOND, round } from '../core/units.ts';
import { AgentInfraError } from '../errors.ts';
import { evidenceFor } from './evidence.ts';
import type { RunTotals } from './evidence.ts';
import { GeneratorHealth } from './generator-health.ts';
import { judgeThreshold } from './judge.ts';
import type { ObservedTimes } from './observed-times.ts';
import type { EndSample, HealthSample, RunSample, Sample } from './sample.ts';
import { SilenceWatch } from './silence.ts';
import type { Counters, LoadSummary } from './summary.ts';
import { metricsOf } from './time-figures.ts';
import { Timeline } from './timeline.ts';
import type { TimelineView } from './timeline.ts';
import { assessValidity } from './validity.ts';
import type { SendLag } from './validity.ts';
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
  /** Sessions without an end yet, and their calls that have not started. */
  #running = new Map<number, number>();
  #unsentByCut = 0;
  #errors = new Map<string, number>();
  #health = new GeneratorHealth();
  #timeline = new Timeline();
  #silence = new SilenceWatch();
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
        if (sample.dropped === undefined) this.#running.set(sample.session, sample.calls);
        return;
      case 'attempt': {
        this.#seen(sample.end);
        for (const view of this.#views()) view.attempt(sample);
        this.#silence.attempt(sample);
        const { attempt, firstToken, intended, last, outcome, session } = sample;
        if (attempt === 1) this.#running.set(session, (this.#running.get(session) ?? 1) - 1);
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
        if (sample.outcome === 'cut') this.#unsentByCut += this.#running.get(sample.session) ?? 0;
        this.#running.delete(sample.session);
        return;
      case 'health':
        this.#seen(sample.at);
        this.#health.add(sample);
        return;
      case 'end':
        this.#seen(sample.at);
        this.#end = sample;
    }
  }

  /** The latest reading of the generator's condition, for the dashboard. */
  get health(): HealthSample | undefined {
    return this.#health.latest;
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
      throw new AgentInfraError('trace.empty', 'these are no samples of a load test', { hint });
    }
    const complete = this.#end?.complete === true;
    const counters = this.counters();
    const totals = this.#totals(counters);
    const validity = assessValidity({
      thresholds: run.thresholds,
      sendLag: this.#sendLag(),
      ...this.#health.evidence(),
      sessionsIntended: counters.sessions.intended,
      sessionsDropped: counters.sessions.dropped,
    });
    const thresholds = run.thresholds.map((threshold, index) =>
      judgeThreshold(threshold, evidenceFor(threshold, this.#parts[index]!, totals), {
        complete,
        validity,
      }),
    );
    const silence = this.#silence.view();
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
        workloadHash: run.workloadHash ?? null,
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
        silence,
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
      metrics: metricsOf(this.#whole),
      errors: this.errors(),
      silence,
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

  /**
   * What an interrupt cut short is nobody's error and leaves the denominators. Sessions that
   * outlast the drain of a run that ended by itself stay in: the target was that slow.
   */
  #totals({ calls, sessions }: Counters): RunTotals {
    const isWhole = this.#end?.complete === true;
    let unsent = this.#unsentByCut;
    for (const left of this.#running.values()) unsent += left;
    const begun = calls.started - calls.completed - calls.failed - calls.truncated;
    return {
      sessionsIntended: sessions.intended - (isWhole ? 0 : sessions.cut),
      sessionsDropped: sessions.dropped,
      callsIntended: calls.intended - (isWhole ? 0 : unsent + begun),
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

  #sendLag(): SendLag | null {
    const lag = this.times('send_lag');
    if (lag.n === 0) return null;
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => round(lag.quantileMs(q)!, 3));
    return { p50: p50!, p95: p95!, p99: p99! };
  }
}
