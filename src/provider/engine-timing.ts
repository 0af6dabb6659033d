import type { CancelTimer, Clock } from '../core/clock.ts';
import { BatchingEngine } from '../mechanisms/batching.ts';
import type { BatchRequest } from '../mechanisms/batching.ts';
import type { EngineProfile } from './engine-profile.ts';
import type { Pacer } from './pacer.ts';
import type { Timing, TimingGauges, TimingJob, TimingStart } from './timing.ts';

interface EngineJob extends BatchRequest {
  readonly job: TimingJob;
  /** Tokens produced and not yet handed on. */
  pending: number;
  produced: number;
  cachedTokens: number | undefined;
}

/**
 * Jobs share one continuous-batching engine, in real or virtual time: the engine is asked for its
 * next event and woken then. What it computes late it computes with the times of its own steps.
 */
export class EngineTiming implements Timing {
  readonly #profile: EngineProfile;
  readonly #clock: Clock;
  readonly #pacer: Pacer;
  readonly #engine: BatchingEngine<EngineJob>;
  #armedAtMs = Number.POSITIVE_INFINITY;
  #disarm: CancelTimer = () => {};

  constructor(profile: EngineProfile, clock: Clock, pacer: Pacer) {
    this.#profile = profile;
    this.#clock = clock;
    this.#pacer = pacer;
    this.#engine = new BatchingEngine<EngineJob>({
      maxNumSeqs: profile.maxSeqs,
      maxNumBatchedTokens: profile.maxBatchedTokens,
      kvBlocks: profile.kvBlocks,
      blockTokens: profile.blockTokens,
      maxWaiting: profile.maxWaiting,
      stepTimeMs: profile.stepTimeMs,
    });
  }

  get gauges(): TimingGauges {
    const { running, waiting, kvUsage, preemptions } = this.#engine.counters();
    return { running, waiting, kvUsage, preemptions };
  }

  start(job: TimingJob): TimingStart {
    const entry: EngineJob = {
      job,
      promptTokens: job.inputTokens,
      outputTokens: job.steps,
      prefix: { blockTokens: job.blockTokens, ids: job.blocks },
      pending: 0,
      produced: 0,
      cachedTokens: undefined,
    };
    const waitMs = this.#profile.overheadMs + job.delayMs;
    if (waitMs === 0) return this.#submit(entry);
    // The refusal of a full queue comes at once; the wait is network and tokenizer time.
    let cancel = this.#pacer.at(this.#clock.now() + waitMs, () => {
      const started = this.#submit(entry);
      if ('cancel' in started) cancel = () => started.cancel();
      else job.onRefused(started.refused);
    });
    return { cancel: () => cancel() };
  }

  #submit(entry: EngineJob): TimingStart {
    const now = this.#clock.now();
    const submission = this.#engine.submit(now, entry);
    if (submission !== 'queued') return { refused: submission };
    this.#arm();
    return {
      cancel: () => {
        this.#engine.cancel(this.#clock.now(), entry);
        this.#arm();
      },
    };
  }

  #arm(): void {
    const next = this.#engine.nextEventMs();
    if (next === undefined || next >= this.#armedAtMs) return;
    this.#disarm();
    this.#armedAtMs = next;
    this.#disarm = this.#pacer.at(next, () => this.#run());
  }

  #run(): void {
    this.#armedAtMs = Number.POSITIVE_INFINITY;
    const due = new Set<EngineJob>();
    const engine = this.#engine;
    engine.advanceInto(this.#clock.now(), {
      token(entry, _atMs, count) {
        entry.cachedTokens ??= engine.cachedPromptTokens(entry) ?? 0;
        due.add(entry);
        entry.pending += count;
        entry.produced += count;
      },
      finish() {},
    });
    this.#arm();
    // Receivers may start or cancel jobs: only after the engine has settled.
    for (const entry of due) deliver(entry);
    this.#arm();
  }
}

/** Hands tokens on when there are enough for a frame; the first one of a stream goes out alone. */
function deliver(entry: EngineJob): void {
  const { job, pending, produced } = entry;
  const opens = produced === pending && job.tokensPerCall < job.steps;
  if (!opens && pending < job.tokensPerCall && produced < job.steps) return;
  entry.pending = 0;
  job.onTokens(pending, entry.cachedTokens);
}
