import type { LazyRandom } from './lazy-random.ts';

/** One generation as the timing models see it: sizes, never content. */
export interface TimingJob {
  readonly inputTokens: number;
  /** Of them, found in the prompt cache; engines with a cache of their own find out themselves. */
  readonly cachedTokens: number;
  /** Decoding steps until the reply is whole; at least 1. */
  readonly steps: number;
  /** Tokens the receiver wants in one call: 1 for a fine stream, `steps` for a whole reply. */
  readonly tokensPerCall: number;
  /** Chained hashes of the prompt's full blocks, for engines that share them. */
  readonly blocks: readonly number[];
  readonly blockTokens: number;
  /** Replaces the drawn time to the first token. */
  readonly ttftMs?: number | undefined;
  /** Extra wait before the first token. */
  readonly delayMs: number;
  readonly random: LazyRandom;
  /**
   * Called with token counts that sum to `steps`; the first call is the first token.
   * @param cachedTokens what an engine with its own prefix cache found
   */
  onTokens(count: number, cachedTokens?: number): void;
  /** The job was turned away after `start` had accepted it. */
  onRefused(reason: Refusal): void;
}

export type Refusal = 'queue-full' | 'too-large';

/** A running job, cancelled when its client leaves; or why it was turned away. */
export type TimingStart = TimingHandle | { readonly refused: Refusal };

export interface TimingHandle {
  cancel(): void;
}

/** How long generations take. */
export interface Timing {
  start(job: TimingJob): TimingStart;
  readonly gauges: TimingGauges;
}

export interface TimingGauges {
  readonly running: number;
  readonly waiting: number;
  /** Share of KV blocks in use; undefined when the model has none. */
  readonly kvUsage: number | undefined;
  readonly preemptions: number;
}
