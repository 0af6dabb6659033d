import type { EstimateReport, LlmCall, Session, TraceSink, UsageBucket } from '../core/trace.ts';
import { CacheFold } from './cacheability.ts';
import { emptyRow, fillRow } from './call-row.ts';
import { CallSketch } from './call-sketch.ts';
import { CallTable } from './call-table.ts';
import type { CallFigures } from './call-table.ts';
import { sourceOf } from './profile-origin.ts';
import type { ProfileOrigin } from './profile-origin.ts';
import type { ProfileState } from './profile-state.ts';
import { EstimateNotes } from './estimate-notes.ts';
import { FIRST_CALENDAR_MS, isoTime } from './iso-time.ts';
import { ModelShares } from './model-shares.ts';
import { isTimed, sessionOrder, timeKey } from './order-key.ts';
import type { OrderKey } from './order-key.ts';
import { precisionOf } from './precision.ts';
import { profileWarnings } from './profile-warnings.ts';
import { SessionFold, generationsInOrder, isGeneration } from './session-fold.ts';
import { RecordCounts } from './record-counts.ts';
import { SideFolds } from './side-folds.ts';
import { DEFAULT_SKELETONS, SkeletonSample } from './skeletons.ts';
import { StructureFold } from './structure.ts';
import { withoutArtefacts } from './timestamp-ticks.ts';
import type { ArrivalPattern, ArrivalProfile, WorkloadProfile } from './workload-profile.ts';

export interface ProfileOptions {
  /** Calls held exactly, 64 bytes each; a longer trace continues as a sketch. */
  readonly exactCalls?: number | undefined;
  /** Sessions kept for replay. */
  readonly skeletons?: number | undefined;
  /** Chooses which sessions are kept. */
  readonly seed?: string | undefined;
}

/** 1,048,576 calls: 64 MiB of columns, and about 300 MB for the process while it summarises them. */
const DEFAULT_EXACT_CALLS = 2 ** 20;

/**
 * Folds a trace into a workload profile in bounded memory. The profile does not depend on the
 * order of the input, and folds of parts merge to the fold of the whole. Two exceptions, in which
 * the parts count as following one another in the order merged: prefix blocks of calls that start
 * at the same instant, and, beyond `exactCalls`, gaps between arrivals (see CallSketch).
 */
export class ProfileFold implements TraceSink {
  #calls: CallTable | CallSketch = new CallTable();
  readonly #exactCalls: number;
  readonly #sessions = new SessionFold();
  readonly #structure = new StructureFold();
  readonly #cache = new CacheFold();
  readonly #skeletons: SkeletonSample;
  readonly #models = new ModelShares();
  readonly #side = new SideFolds();
  readonly #counts = {
    calls: 0,
    attempts: 0,
    errors: 0,
    embeddings: 0,
    estimated: 0,
    missing: 0,
    untimed: 0,
  };
  readonly #estimates = new EstimateNotes();
  readonly #row = emptyRow();
  readonly #records = new RecordCounts();

  constructor(options: ProfileOptions = {}) {
    this.#exactCalls = options.exactCalls ?? DEFAULT_EXACT_CALLS;
    this.#skeletons = new SkeletonSample(
      options.skeletons ?? DEFAULT_SKELETONS,
      options.seed ?? 'profile',
    );
  }

  /** Records seen so far, for a progress line. */
  get recordsRead(): number {
    return this.#records.read;
  }

  /** Calls counted so far; 0 at the end means there is nothing to profile. */
  get callCount(): number {
    return this.#counts.calls;
  }

  call(call: LlmCall): void {
    if (!isGeneration(call)) {
      this.#counts.embeddings += 1;
      return;
    }
    this.#addCall(call, Number.isFinite(call.startMs) ? timeKey(call.startMs) : undefined);
    this.#cache.call(call);
    this.#side.call(call);
  }

  session(session: Session): void {
    this.#sessions.add(session);
    const calls = generationsInOrder(session);
    this.#structure.add(session, calls);
    this.#cache.session(session, calls);
    this.#side.session(session);
    this.#skeletons.add(session);
    const keyAt = sessionOrder(session);
    for (const { steps } of session.turns) {
      for (const step of steps) {
        if (step.kind !== 'llm') continue;
        if (isGeneration(step)) this.#addCall(step, keyAt(step.startMs));
        else this.#counts.embeddings += 1;
      }
    }
  }

  bucket(bucket: UsageBucket): void {
    this.#side.bucket(bucket);
  }

  read(count: number): void {
    this.#records.read += count;
  }

  estimates(reports: readonly EstimateReport[]): void {
    this.#estimates.add(reports);
  }

  skip(reason: string): void {
    this.#records.skip(reason, 1);
  }

  duplicate(reason: string, count: number): void {
    this.#records.duplicate(reason, count);
  }

  /** Everything folded so far, without content and ids, for `merge`. */
  state(): ProfileState {
    return {
      calls:
        this.#calls instanceof CallTable
          ? { table: this.#calls.state() }
          : { sketch: this.#calls.state() },
      sessions: this.#sessions.state(),
      structure: this.#structure.state(),
      cache: this.#cache.state(),
      skeletons: this.#skeletons.state(),
      models: this.#models.state(),
      side: this.#side.state(),
      counts: { ...this.#counts },
      estimates: this.#estimates.list(),
      ...this.#records.state(),
    };
  }

  /**
   * The state for files: without fingerprints of prompts (repeats are counted within the part), and
   * with the clients' numbers replaced.
   * @param rename a keyed hash, the same for all parts that are to be merged
   */
  sharedState(rename: (client: number) => number): ProfileState {
    return {
      ...this.state(),
      cache: this.#cache.sharedState(rename),
      side: this.#side.sharedState(rename),
    };
  }

  /** Whether another fold's replay sample was drawn by the same rule (seed, size), as merging needs. */
  fits(state: ProfileState): boolean {
    return this.#skeletons.fits(state.skeletons);
  }

  /** Adds what another fold has folded, as if it had been folded here. */
  merge(state: ProfileState): void {
    this.#mergeCalls(state.calls);
    this.#sessions.merge(state.sessions);
    this.#structure.merge(state.structure);
    this.#cache.merge(state.cache);
    this.#skeletons.merge(state.skeletons);
    this.#models.merge(state.models);
    this.#side.merge(state.side);
    for (const name of Object.keys(this.#counts) as (keyof ProfileState['counts'])[]) {
      this.#counts[name] += state.counts[name];
    }
    this.estimates(state.estimates ?? []);
    this.#records.merge(state);
  }

  /** The profile of everything folded so far. With no calls its figures are null. */
  profile(origin: ProfileOrigin): WorkloadProfile {
    const calls = this.#calls.figures();
    const sessions = this.#sessions.figures();
    const { skeletons, warnings: skeletonWarnings } = this.#skeletons.figures();
    const { arrivals, warnings: tickWarnings } = withoutArtefacts(
      withTurnPattern(calls.arrivals, sessions.pattern),
    );
    const { warnings: cacheWarnings, ...cache } = this.#cache.figures(realisedHitRate(calls), {
      whole: arrivals?.pattern?.kind ?? null,
      ofClients: () => this.#side.clientPatterns(),
    });
    const { clients, repeats, fanOut, retryWaits, stateSizes, stated, usage } = this.#side.figures({
      firstMs: calls.firstStartMs,
      lastMs: calls.lastStartMs,
      calls: this.#counts.calls,
      input: calls.tokens.input?.sum ?? 0,
      output: calls.tokens.output?.sum ?? 0,
    });
    const structure = this.#structure.figures();
    const profile: WorkloadProfile = {
      schema: 'agent-infra/workload-profile',
      schemaVersion: '1.0',
      name: origin.name,
      source: { ...sourceOf(origin), records: this.#records.figures() },
      window: windowOf(calls),
      sessions: sessions.sessions,
      turns: sessions.turns,
      calls: this.#callCounts(),
      precision: [
        precisionOf('input', calls.tokens.input),
        precisionOf('output', calls.tokens.output),
        precisionOf('e2eMs', calls.e2eMs),
        precisionOf('ttftMs', calls.ttftMs),
      ].filter((precision) => precision !== undefined),
      models: this.#models.shares(),
      tokens: {
        ...calls.tokens,
        inputFit: calls.inputFit,
        outputFit: calls.outputFit,
        spearmanInputOutput: calls.spearmanInputOutput,
      },
      latency: { e2eMs: calls.e2eMs, ttftMs: calls.ttftMs, itlMs: calls.itlMs },
      tools: sessions.tools,
      state: { ...sessions.state, sizes: stateSizes },
      arrivals,
      concurrency: { calls: calls.concurrency, ...sessions.concurrency },
      cache,
      structure: structure === null ? null : { ...structure, fanOut, retryWaits },
      clients,
      repeats,
      stated,
      usage,
      warnings: [],
      skeletons,
    };
    const warnings = profileWarnings(profile, { untimedCalls: this.#counts.untimed });
    return {
      ...profile,
      warnings: [
        ...warnings,
        ...this.#estimates.warnings(),
        ...calls.warnings,
        ...tickWarnings,
        ...cacheWarnings,
        ...skeletonWarnings,
      ],
    };
  }

  /** @param key undefined for a bare call without time: its figures choose its place */
  #addCall(call: LlmCall, key: OrderKey | undefined): void {
    const { tokensBasis } = call;
    const counts = this.#counts;
    counts.calls += 1;
    counts.attempts += Math.max(1, call.attempts.length);
    if (call.error !== undefined) counts.errors += 1;
    if (tokensBasis === 'estimated') counts.estimated += 1;
    if (tokensBasis === 'missing') counts.missing += 1;
    if (key === undefined || !isTimed(key)) counts.untimed += 1;
    this.#models.add(call);
    // One object for all calls: it is copied into columns or counted at once.
    fillRow(this.#row, call, key);
    this.#roomyCalls().add(this.#row);
  }

  /** The table while it has room, else the sketch that continues it. */
  #roomyCalls(): CallTable | CallSketch {
    return this.#calls instanceof CallTable && this.#calls.size >= this.#exactCalls
      ? this.#sketchCalls()
      : this.#calls;
  }

  #sketchCalls(): CallSketch {
    if (this.#calls instanceof CallSketch) return this.#calls;
    this.#calls = sketchOf(this.#calls);
    return this.#calls;
  }

  #mergeCalls(calls: ProfileState['calls']): void {
    if ('sketch' in calls) {
      this.#sketchCalls().merge(calls.sketch);
      return;
    }
    const table = this.#calls instanceof CallTable ? this.#calls : new CallTable();
    table.append(calls.table);
    // As a part of its own: a sketch tells parts in order of time from calls out of order.
    if (this.#calls instanceof CallSketch) this.#calls.merge(sketchOf(table).state());
    else if (table.size > this.#exactCalls) this.#sketchCalls();
  }

  #callCounts(): WorkloadProfile['calls'] {
    const { calls, attempts, errors, embeddings, estimated, missing } = this.#counts;
    return {
      count: calls,
      attempts,
      errors,
      tokensEstimated: calls === 0 ? 0 : estimated / calls,
      tokensMissing: calls === 0 ? 0 : missing / calls,
      embeddings,
    };
  }
}

function sketchOf(table: CallTable): CallSketch {
  const sketch = new CallSketch();
  for (const row of table.rows()) sketch.add(row);
  return sketch;
}

function realisedHitRate({ tokens: { input, cacheRead, cacheWrite } }: CallFigures): number | null {
  if (input === null || input.sum === 0) return null;
  // A source that reports writes but no read had a cache and never hit it: that is a true zero.
  if (cacheRead === null) return cacheWrite === null ? null : 0;
  return cacheRead.sum / input.sum;
}

/** Turns show better than calls what sets agents off: a turn is one trigger with many calls. */
function withTurnPattern(
  arrivals: ArrivalProfile | null,
  pattern: ArrivalPattern | null,
): ArrivalProfile | null {
  return arrivals === null || pattern === null ? arrivals : { ...arrivals, pattern };
}

function windowOf({ firstStartMs, lastStartMs }: CallFigures): WorkloadProfile['window'] {
  if (firstStartMs === null || lastStartMs === null) {
    return { start: null, end: null, durationSeconds: 0 };
  }
  const hasCalendar = firstStartMs >= FIRST_CALENDAR_MS;
  return {
    start: hasCalendar ? isoTime(firstStartMs) : null,
    end: hasCalendar ? isoTime(lastStartMs) : null,
    durationSeconds: (lastStartMs - firstStartMs) / 1000,
  };
}
