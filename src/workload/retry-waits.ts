import type { LlmCall, Session } from '../core/trace.ts';
import { MS_PER_SECOND } from '../core/units.ts';
import { sessionOrder } from './order-key.ts';
import type { OrderKey } from './order-key.ts';
import { Series } from './series.ts';
import type { SeriesState } from './series.ts';
import { isGeneration } from './session-fold.ts';
import type { Summary } from './summary.ts';

/** What agents do after a failure: how long they wait, and whether they wait at all. */
export interface RetryWaits {
  /** From a failure to the next try: attempts of one call, and the next call of an agent after a failed one. */
  readonly waitMs: Summary | null;
  /** Failed calls that the same agent followed by another call. */
  readonly failedThenCalled: number;
  /** Of these, those followed within a second. */
  readonly immediately: number;
}

/** A next try sooner than this did not back off. */
const IMMEDIATE_MS = MS_PER_SECOND;
/** Later calls are new work, not another try (clients wait 60 s at most). */
const LONGEST_WAIT_MS = 120 * MS_PER_SECOND;

/** Folds sessions into retry waits; costs one comparison per call that did not fail. */
export class RetryFold {
  readonly #waitMs = new Series();
  #failedThenCalled = 0;
  #immediately = 0;

  add(session: Session): void {
    if (!hasFailures(session)) return;
    const keyAt = sessionOrder(session);
    const failed = new Map<string, LlmCall>();
    for (const { steps } of session.turns) {
      for (const step of steps) {
        if (!isGeneration(step)) continue;
        this.#attempts(step, keyAt);
        const agent = step.agent ?? '';
        const before = failed.get(agent);
        if (before !== undefined) this.#next(before, step, keyAt);
        if (step.error === undefined) failed.delete(agent);
        else failed.set(agent, step);
      }
    }
  }

  state(): RetryFoldState {
    return {
      waitMs: this.#waitMs.state(),
      failedThenCalled: this.#failedThenCalled,
      immediately: this.#immediately,
    };
  }

  merge(state: RetryFoldState): void {
    this.#waitMs.merge(state.waitMs);
    this.#failedThenCalled += state.failedThenCalled;
    this.#immediately += state.immediately;
  }

  figures(): RetryWaits {
    return {
      waitMs: this.#waitMs.summary(),
      failedThenCalled: this.#failedThenCalled,
      immediately: this.#immediately,
    };
  }

  #attempts({ attempts }: LlmCall, keyAt: (startMs: number) => OrderKey): void {
    for (const [index, attempt] of attempts.entries()) {
      const before = attempts[index - 1];
      // Tries known by number only share one start: their waits are not known.
      if (before?.endMs === undefined || before.startMs === attempt.startMs) continue;
      this.#waitMs.add(Math.max(0, attempt.startMs - before.endMs), keyAt(attempt.startMs));
    }
  }

  #next(before: LlmCall, call: LlmCall, keyAt: (startMs: number) => OrderKey): void {
    const waitMs = call.startMs - (before.endMs ?? before.startMs);
    if (!(waitMs >= 0 && waitMs <= LONGEST_WAIT_MS)) return;
    this.#failedThenCalled += 1;
    if (waitMs < IMMEDIATE_MS) this.#immediately += 1;
    this.#waitMs.add(waitMs, keyAt(call.startMs));
  }
}

export interface RetryFoldState {
  readonly waitMs: SeriesState;
  readonly failedThenCalled: number;
  readonly immediately: number;
}

function hasFailures({ turns }: Session): boolean {
  for (const { steps } of turns) {
    for (const step of steps) {
      if (step.kind === 'llm' && (step.error !== undefined || step.attempts.length > 1))
        return true;
    }
  }
  return false;
}
