import { ExactSum } from '../core/exact-sum.ts';
import { MS_PER_HOUR, MS_PER_MINUTE } from '../core/units.ts';
import type { LifetimePart } from './lifetime-sums.ts';
import { ReuseTimes } from './reuse-times.ts';

const TTL_5M_MS = 5 * MS_PER_MINUTE;
const TTL_1H_MS = MS_PER_HOUR;

/** A prompt as blocks: numbers given in order of first use. */
export interface BlockedPrompt {
  readonly startMs: number;
  readonly endMs: number;
  readonly inputTokens: number;
  readonly blockTokens: number;
  readonly blocks: readonly number[];
}

/** The blocks of one scope by number: who held them last, and what that would have saved. */
export class BlockUses {
  readonly #totals: ReuseTotals;
  /** End of the last call that held the block. */
  readonly #lastUseMs: number[] = [];
  /** 1 when a second call held the block. */
  readonly #reused: number[] = [];
  #previous: readonly number[] = [];

  constructor(totals: ReuseTotals) {
    this.#totals = totals;
  }

  /**
   * Calls come in order of time.
   * @param part of the agent that made the call
   */
  add(call: BlockedPrompt, part: LifetimePart): void {
    const { blocks, inputTokens: input } = call;
    const { counts, callRates } = this.#totals;
    const run = this.#leadingRun(blocks, call.startMs);
    const infinite = tokensOf(call, run.infinite);
    counts.calls += 1;
    counts.blocks += blocks.length;
    counts.hitBlocks += run.infinite;
    counts.input += input;
    counts.infinite += infinite;
    counts.consecutive += tokensOf(call, commonPrefix(blocks, this.#previous));
    const m5 = tokensOf(call, run.m5);
    const h1 = tokensOf(call, run.h1);
    counts.m5 += m5;
    counts.h1 += h1;
    // Without times nobody knows what had lapsed.
    if (!Number.isNaN(call.startMs)) {
      part.calls += 1;
      part.written += input - h1;
      part.rewritten += h1 - m5;
      part.read += m5;
    }
    callRates.add(input === 0 ? 0 : infinite / input);
    this.#remember(call);
  }

  /** Leading blocks present, without expiry and with both lifetimes. */
  #leadingRun(blocks: readonly number[], startMs: number): LeadingRun {
    let infinite = 0;
    let m5 = 0;
    let h1 = 0;
    // Neighbouring blocks were mostly held by one call: counted together.
    let sinceMs = Number.NaN;
    let alike = 0;
    for (const block of blocks) {
      const lastUseMs = this.#lastUseMs[block];
      if (lastUseMs === undefined) break;
      if (lastUseMs !== sinceMs) {
        this.#totals.reuseTimes.add(startMs - sinceMs, alike);
        sinceMs = lastUseMs;
        alike = 0;
      }
      alike += 1;
      // Negative while the call that holds the block still runs.
      const idleMs = startMs - lastUseMs;
      if (m5 === infinite && idleMs <= TTL_5M_MS) m5 += 1;
      if (h1 === infinite && idleMs <= TTL_1H_MS) h1 += 1;
      infinite += 1;
    }
    this.#totals.reuseTimes.add(startMs - sinceMs, alike);
    return { infinite, m5, h1 };
  }

  /** Numbers are given in order of first use, so the arrays have no holes. */
  #remember({ blocks, endMs }: BlockedPrompt): void {
    const { counts } = this.#totals;
    this.#previous = blocks;
    for (const block of blocks) {
      if (this.#lastUseMs[block] === undefined) {
        counts.uniqueBlocks += 1;
        this.#reused[block] = 0;
      } else if (this.#reused[block] === 0) {
        this.#reused[block] = 1;
        counts.reusedBlocks += 1;
      }
      this.#lastUseMs[block] = endMs;
    }
  }
}

interface LeadingRun {
  readonly infinite: number;
  readonly m5: number;
  readonly h1: number;
}

/** What the comparisons add up to. */
export class ReuseTotals {
  readonly counts = {
    calls: 0,
    blocks: 0,
    hitBlocks: 0,
    uniqueBlocks: 0,
    reusedBlocks: 0,
    /** Input tokens, and those of the leading blocks that were present. */
    input: 0,
    infinite: 0,
    consecutive: 0,
    m5: 0,
    h1: 0,
  };
  /** Sum of the calls' own hit rates. */
  readonly callRates = new ExactSum();
  readonly reuseTimes = new ReuseTimes();

  state(): ReuseTotalsState {
    return {
      counts: { ...this.counts },
      callRates: this.callRates.state(),
      reuseTimes: this.reuseTimes.state(),
    };
  }

  merge(state: ReuseTotalsState): void {
    for (const name of Object.keys(this.counts) as (keyof ReuseTotalsState['counts'])[]) {
      this.counts[name] += state.counts[name];
    }
    this.callRates.merge(state.callRates);
    this.reuseTimes.merge(state.reuseTimes);
  }
}

export interface ReuseTotalsState {
  readonly counts: Readonly<ReuseTotals['counts']>;
  readonly callRates: readonly number[];
  readonly reuseTimes: readonly number[];
}

/** Input tokens in this many leading blocks; the last block is partial. */
export function tokensOf(
  { blockTokens, inputTokens: input }: Pick<BlockedPrompt, 'blockTokens' | 'inputTokens'>,
  blocks: number,
): number {
  return Math.min(blocks * blockTokens, input);
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length += 1;
  return length;
}
