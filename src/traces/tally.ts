import type { LlmCall, Session, TraceSink, UsageBucket } from '../core/trace.ts';
import type { IdentityClaims } from './split-claims.ts';
import { TokenEstimates } from './token-estimates.ts';

/** Where a record stands, for messages. One object per run, moved along; text is made on demand. */
export class Place {
  file = '';
  /** Line (1-based) or, inside a document, the record's number. */
  line = 0;

  toString(): string {
    return this.line === 0 ? this.file : `${this.file}:${this.line}`;
  }
}

/**
 * Books every record exactly once, so that `read = used + skipped + duplicates` always holds:
 * - used: the record contributed, or is a known kind that carries structure only (helper lines);
 * - skipped: it could not be understood, or is of no use here (with a reason);
 * - duplicate: its usage is already counted by another record. What else it carries (the tool
 *   calls of a split message, the tree of an aggregate span) is still used.
 */
export class Tally {
  readonly counts = { read: 0, used: 0, skipped: 0, duplicates: 0, calls: 0, buckets: 0 };
  /** Token counts of calls that report none. */
  readonly estimates = new TokenEstimates();
  readonly #sink: TraceSink;
  readonly #claims: IdentityClaims | undefined;
  /** Waits until the estimates in it can be corrected. */
  #held: (LlmCall | Session)[] = [];
  #heldCalls = 0;

  constructor(sink: TraceSink, claims?: IdentityClaims) {
    this.#sink = sink;
    this.#claims = claims;
  }

  /** Names something by which records of several files are joined or suppressed (split-claims.ts). */
  claim(kind: string, id: string): void {
    this.#claims?.add(kind, id);
  }

  /** The same by its identityHash. */
  claimHash(hash: number): void {
    this.#claims?.addHash(hash);
  }

  /** Records met in the input, before their fate is known. */
  read(count = 1): void {
    this.counts.read += count;
    this.#sink.read(count);
  }

  used(count = 1): void {
    this.counts.used += count;
  }

  skip(reason: string, place?: Place | string): void {
    this.counts.skipped += 1;
    this.#sink.skip(reason, place?.toString());
  }

  duplicate(reason: string, count = 1): void {
    if (count === 0) return;
    this.counts.duplicates += count;
    this.#sink.duplicate(reason, count);
  }

  call(call: LlmCall): void {
    this.counts.calls += 1;
    if (this.estimates.isOpen(call.tokens)) this.#hold(call, 1);
    else this.#sink.call(call);
  }

  /** Books the record as well: without a taker of buckets it is of no use. */
  bucket(bucket: UsageBucket, place: Place): void {
    if (this.#sink.bucket === undefined) {
      this.skip('usage totals of a time window, not calls', place);
      return;
    }
    this.used();
    this.counts.buckets += 1;
    this.#sink.bucket(bucket);
  }

  session(session: Session): void {
    let calls = 0;
    let hasEstimates = false;
    for (const turn of session.turns) {
      for (const step of turn.steps) {
        if (step.kind !== 'llm') continue;
        calls += 1;
        hasEstimates ||= this.estimates.isOpen(step.tokens);
      }
    }
    this.counts.calls += calls;
    if (hasEstimates) this.#hold(session, calls);
    else this.#sink.session(session);
  }

  /** All is read: nothing waits any longer. */
  end(): void {
    this.#release();
    const reports = this.estimates.reports();
    if (reports.length > 0) this.#sink.estimates?.(reports);
  }

  #hold(found: LlmCall | Session, calls: number): void {
    this.#held.push(found);
    this.#heldCalls += calls;
    if (this.#heldCalls > MOST_HELD_CALLS) this.#release();
  }

  #release(): void {
    this.estimates.settle();
    for (const held of this.#held) {
      if ('turns' in held) this.#sink.session(held);
      else this.#sink.call(held);
    }
    this.#held = [];
    this.#heldCalls = 0;
  }
}

/** Calls that wait for a better estimate: some 50 MB. Later ones are corrected by what is known then. */
const MOST_HELD_CALLS = 50_000;
