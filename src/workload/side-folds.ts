import type { LlmCall, Session, UsageBucket } from '../core/trace.ts';
import type { ArrivalPattern } from './arrival-pattern.ts';
import { ClientFold, renamed } from './clients.ts';
import type { ClientFoldState, ClientProfile } from './clients.ts';
import { FanOutFold } from './fan-out.ts';
import type { FanOutFoldState, FanOutProfile } from './fan-out.ts';
import { RepeatFold } from './repeats.ts';
import type { RepeatFoldState, RepeatProfile } from './repeats.ts';
import { RetryFold } from './retry-waits.ts';
import type { RetryFoldState, RetryWaits } from './retry-waits.ts';
import { StateFold } from './state-size.ts';
import type { StateFoldState, StateSizes } from './state-size.ts';
import { StatedFold } from './stated.ts';
import type { StatedFigures, StatedFoldState } from './stated.ts';
import { UsageFold } from './usage-windows.ts';
import type { TracedTotals, UsageFoldState, UsageProfile } from './usage-windows.ts';

/** Folds that each add figures of their own to the profile and know nothing of one another. */
export class SideFolds {
  readonly #clients = new ClientFold();
  readonly #repeats = new RepeatFold();
  readonly #fanOut = new FanOutFold();
  readonly #retries = new RetryFold();
  readonly #states = new StateFold();
  readonly #stated = new StatedFold();
  readonly #usage = new UsageFold();

  call(call: LlmCall): void {
    if (call.details === undefined) return;
    this.#clients.call(call);
    this.#repeats.call(call);
    this.#stated.call(call);
  }

  session(session: Session): void {
    this.#clients.session(session);
    this.#repeats.session(session);
    this.#fanOut.add(session);
    this.#retries.add(session);
    this.#states.add(session);
    this.#stated.session(session);
  }

  bucket(bucket: UsageBucket): void {
    this.#usage.bucket(bucket);
    this.#clients.bucket(bucket);
  }

  state(): SideFoldsState {
    return {
      clients: this.#clients.state(),
      repeats: this.#repeats.state(),
      fanOut: this.#fanOut.state(),
      retries: this.#retries.state(),
      states: this.#states.state(),
      stated: this.#stated.state(),
      usage: this.#usage.state(),
    };
  }

  /** See ProfileFold.sharedState. */
  sharedState(rename: (client: number) => number): SideFoldsState {
    return {
      ...this.state(),
      clients: renamed(this.#clients.state(), rename),
      repeats: this.#repeats.closedState(),
    };
  }

  merge(state: SideFoldsState): void {
    this.#clients.merge(state.clients);
    this.#repeats.merge(state.repeats);
    this.#fanOut.merge(state.fanOut);
    this.#retries.merge(state.retries);
    this.#states.merge(state.states);
    this.#stated.merge(state.stated);
    this.#usage.merge(state.usage);
  }

  /** What sets each client off, by its number. */
  clientPatterns(): ReadonlyMap<number, ArrivalPattern['kind']> {
    return this.#clients.patterns();
  }

  figures(traced: TracedTotals): SideFigures {
    return {
      clients: this.#clients.figures(),
      repeats: this.#repeats.figures(),
      fanOut: this.#fanOut.figures(),
      retryWaits: this.#retries.figures(),
      stateSizes: this.#states.figures(),
      stated: this.#stated.figures(),
      usage: this.#usage.figures(traced),
    };
  }
}

export interface SideFoldsState {
  readonly clients: ClientFoldState;
  readonly repeats: RepeatFoldState;
  readonly fanOut: FanOutFoldState;
  readonly retries: RetryFoldState;
  readonly states: StateFoldState;
  readonly stated: StatedFoldState;
  readonly usage: UsageFoldState;
}

interface SideFigures {
  readonly clients: ClientProfile | null;
  readonly repeats: RepeatProfile | null;
  readonly fanOut: FanOutProfile;
  readonly retryWaits: RetryWaits;
  readonly stateSizes: StateSizes | null;
  readonly stated: StatedFigures | null;
  readonly usage: UsageProfile | null;
}
