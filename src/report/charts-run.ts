import { LatencyHistogram } from '../core/histogram.ts';
import type { AttemptSample, Sample } from '../loadtest/sample.ts';

/**
 * What the charts of a load test need, folded from its samples in bounded memory: calls and tokens
 * per time bucket, latency distributions from both starts, and the sessions worth drawing.
 */
export interface RunCharts {
  readonly durationMs: number;
  readonly warmUpMs: number;
  readonly bucketMs: number;
  readonly buckets: readonly RunBucket[];
  readonly ttft: { readonly intended: LatencyHistogram; readonly send: LatencyHistogram };
  readonly sessions: readonly DrawnSession[];
}

/** One slice of the run; counts are of the slice, never cumulative. */
export interface RunBucket {
  /** Attempts handed to a socket. */
  readonly sent: number;
  /** Of those, answered 429. */
  readonly refused: number;
  /** Attempts that ended here in any other failure. */
  readonly failed: number;
  readonly completed: number;
  /** Of those sent, attempts after the first of their call. */
  readonly retries: number;
  /** Sessions running at the end of the slice. */
  readonly sessionsRunning: number;
  /** Input and output tokens of calls that ended here. */
  readonly tokens: number;
  /** Attempts in flight at the end of the slice. */
  readonly inFlight: number;
  readonly ttftP50Ms: number | undefined;
  readonly ttftP95Ms: number | undefined;
}

/** A session as bars on a time line; times are from the start of the run. */
export interface DrawnSession {
  readonly session: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly attempts: readonly AttemptSample[];
}

/** Buckets of the longest series; the width doubles whenever a run outgrows them. */
const MOST_BUCKETS = 240;
const FIRST_BUCKET_MS = 1000;
/** Sessions kept for drawing: the first ones, since a page shows a handful. */
const MOST_SESSIONS = 300;

/** Feed every sample of a run in order, then ask for `view`. */
export class RunChartFold {
  #bucketMs = FIRST_BUCKET_MS;
  #buckets: Bucket[] = [];
  #durationMs = 0;
  #warmUpMs = 0;
  readonly #intended = new LatencyHistogram();
  readonly #send = new LatencyHistogram();
  readonly #attempts = new Map<number, AttemptSample[]>();
  readonly #sessions: DrawnSession[] = [];

  add(sample: Sample): void {
    switch (sample.type) {
      case 'run':
        this.#warmUpMs = sample.warmUpMs;
        return;
      case 'arrival':
        if (sample.dropped === undefined) this.#at(sample.at).sessionsStarted += 1;
        return;
      case 'attempt':
        this.#attempt(sample);
        return;
      case 'session': {
        this.#at(sample.end).sessionsEnded += 1;
        const attempts = this.#attempts.get(sample.session);
        if (attempts === undefined) return;
        const { session, intended, end } = sample;
        this.#sessions.push({ session, startMs: intended, endMs: end, attempts });
        return;
      }
      case 'end':
        this.#durationMs = Math.max(this.#durationMs, sample.at);
        return;
      case 'turn':
      case 'health':
    }
  }

  view(): RunCharts {
    let inFlight = 0;
    let sessionsRunning = 0;
    const buckets = this.#buckets.map((bucket) => {
      inFlight += bucket.sent - bucket.ended;
      sessionsRunning += bucket.sessionsStarted - bucket.sessionsEnded;
      return {
        sent: bucket.sent,
        refused: bucket.refused,
        failed: bucket.failed,
        completed: bucket.completed,
        retries: bucket.retries,
        sessionsRunning,
        tokens: bucket.tokens,
        inFlight,
        ttftP50Ms: bucket.ttft?.quantileMs(0.5),
        ttftP95Ms: bucket.ttft?.quantileMs(0.95),
      };
    });
    return {
      durationMs: this.#durationMs,
      warmUpMs: this.#warmUpMs,
      bucketMs: this.#bucketMs,
      buckets,
      ttft: { intended: this.#intended, send: this.#send },
      sessions: this.#sessions,
    };
  }

  #attempt(sample: AttemptSample): void {
    const { sent, end, firstToken, intended, session } = sample;
    this.#durationMs = Math.max(this.#durationMs, end);
    this.#keep(session, sample);
    if (sent === undefined) return;
    const started = this.#at(sent);
    started.sent += 1;
    if (sample.status === 429) started.refused += 1;
    if (sample.attempt > 1) started.retries += 1;
    const ended = this.#at(end);
    ended.ended += 1;
    const isFailure = sample.outcome === 'failed' || sample.outcome === 'truncated';
    if (isFailure && sample.status !== 429) ended.failed += 1;
    ended.tokens += (sample.input ?? 0) + (sample.output ?? 0);
    if (!sample.last || sample.outcome !== 'ok') return;
    ended.completed += 1;
    if (firstToken === undefined || intended < this.#warmUpMs) return;
    this.#intended.record(firstToken - intended);
    this.#send.record(firstToken - sent);
    const seen = this.#at(firstToken);
    seen.ttft ??= new LatencyHistogram();
    seen.ttft.record(firstToken - intended);
  }

  #keep(session: number, sample: AttemptSample): void {
    const attempts = this.#attempts.get(session);
    if (attempts !== undefined) attempts.push(sample);
    else if (this.#attempts.size < MOST_SESSIONS) this.#attempts.set(session, [sample]);
  }

  #at(atMs: number): Bucket {
    let index = Math.floor(Math.max(0, atMs) / this.#bucketMs);
    while (index >= MOST_BUCKETS) {
      this.#widen();
      index = Math.floor(atMs / this.#bucketMs);
    }
    while (this.#buckets.length <= index) this.#buckets.push(emptyBucket());
    return this.#buckets[index]!;
  }

  #widen(): void {
    this.#bucketMs *= 2;
    const wider: Bucket[] = [];
    for (let index = 0; index < this.#buckets.length; index += 2) {
      wider.push(joined(this.#buckets[index]!, this.#buckets[index + 1] ?? emptyBucket()));
    }
    this.#buckets = wider;
  }
}

interface Bucket {
  sent: number;
  refused: number;
  failed: number;
  completed: number;
  ended: number;
  retries: number;
  sessionsStarted: number;
  sessionsEnded: number;
  tokens: number;
  ttft: LatencyHistogram | undefined;
}

function emptyBucket(): Bucket {
  return {
    sent: 0,
    refused: 0,
    failed: 0,
    completed: 0,
    ended: 0,
    retries: 0,
    sessionsStarted: 0,
    sessionsEnded: 0,
    tokens: 0,
    ttft: undefined,
  };
}

function joined(a: Bucket, b: Bucket): Bucket {
  if (a.ttft !== undefined && b.ttft !== undefined) a.ttft.merge(b.ttft);
  return {
    sent: a.sent + b.sent,
    refused: a.refused + b.refused,
    failed: a.failed + b.failed,
    completed: a.completed + b.completed,
    ended: a.ended + b.ended,
    retries: a.retries + b.retries,
    sessionsStarted: a.sessionsStarted + b.sessionsStarted,
    sessionsEnded: a.sessionsEnded + b.sessionsEnded,
    tokens: a.tokens + b.tokens,
    ttft: a.ttft ?? b.ttft,
  };
}
