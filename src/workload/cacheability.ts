import type { LlmCall, PrefixBlocks, Session } from '../core/trace.ts';
import { ExactSum } from '../core/exact-sum.ts';
import { inputTokens } from '../core/tokens.ts';
import { MS_PER_HOUR, MS_PER_MINUTE } from '../core/units.ts';
import { betterTtl } from './cache-lifetime.ts';
import { LruBlocks } from './lru-blocks.ts';
import { MissFold } from './cache-misses.ts';
import type { CacheMisses, MissFoldState } from './cache-misses.ts';
import { NO_CLOCK_MS, PrefixLog } from './prefix-log.ts';
import type { LoggedPrefix, PrefixLogState } from './prefix-log.ts';
import { ReuseDistances } from './reuse-distance.ts';
import { ReuseTimes } from './reuse-times.ts';
import type { ReuseWithin } from './reuse-times.ts';
import { generationsInOrder } from './session-fold.ts';

/** Reuse of prompt prefixes: what the provider served, and what the prompts would have allowed. */
export interface CacheProfile {
  /** Tokens read from the provider's cache over all input tokens; null when the source reports none. */
  readonly realisedHitRate: number | null;
  /** Token hit rate of an unlimited cache without expiry; null without prefix hashes. */
  readonly potentialHitRate: number | null;
  /** How far equal prefixes were looked for. */
  readonly scope?: 'trace' | 'session' | 'mixed' | undefined;
  readonly prefix?: PrefixReuse | null | undefined;
  /** Why calls of sessions read less than the call before had left in the cache; null without usage. */
  readonly misses?: CacheMisses | null | undefined;
}

export interface PrefixReuse {
  readonly calls: number;
  readonly blocks: number;
  readonly uniqueBlocks: number;
  /** Share of the unique blocks that occur once. */
  readonly usedOnceShare: number;
  /** Leading blocks present over all blocks. */
  readonly blockHitRate: number;
  /** Mean over calls of each call's token hit rate. */
  readonly meanCallHitRate: number;
  /** Against the call before in the same scope only. */
  readonly consecutiveHitRate: number;
  /** Blocks expire after this long without use (from the end of the call that held them). */
  readonly ttl: { readonly m5: number; readonly h1: number };
  /** Share of the reused blocks that lay idle for at most this long. */
  readonly reuseTimes?: readonly ReuseWithin[] | undefined;
  /** Share of all reuses with at most so many different blocks between; only for trace scope. */
  readonly reuseDistances?:
    | readonly { readonly blocks: number; readonly share: number }[]
    | undefined;
  /** One shared cache of limited size; only for prefixes of trace scope. */
  readonly lru: readonly LruPoint[];
  /** Cache-write economics of the two lifetimes; see betterTtl. */
  readonly writes: {
    /** Tokens written with a lifetime of one hour. */
    readonly h1Tokens: number;
    /** Tokens that a lifetime of five minutes writes again and one of an hour keeps. */
    readonly rewrittenTokens: number;
    readonly cheaper: '5m' | '1h' | null;
  };
}

interface LruPoint {
  readonly blocks: number;
  readonly tokens: number;
  readonly hitRate: number;
}

const TTL_5M_MS = 5 * MS_PER_MINUTE;
const TTL_1H_MS = MS_PER_HOUR;

const LRU_BLOCKS = [1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000] as const;

/**
 * Prefix reuse and cache misses. Prefixes of session scope are compared while the session is
 * there; those of trace scope are kept and replayed in order of time, because calls of several
 * sessions, files and shards use the same blocks.
 */
export class CacheFold {
  readonly #log = new PrefixLog();
  readonly #misses = new MissFold();
  readonly #lruBlocks: readonly number[];
  readonly #sessions = new ReuseTotals();

  /** @param lruBlocks cache sizes to try, in blocks */
  constructor(lruBlocks: readonly number[] = LRU_BLOCKS) {
    this.#lruBlocks = lruBlocks;
  }

  /** A call of a row format: its prefixes are compared over the whole trace unless it says otherwise. */
  call(call: LlmCall): void {
    const { prefix, startMs } = call;
    if (prefix === undefined || prefix.scope === 'session') return;
    this.#toLog(call, prefix, Number.isNaN(startMs) ? NO_CLOCK_MS : startMs);
  }

  /** @param calls the session's generations in order of time, where the caller has them */
  session(session: Session, calls: readonly LlmCall[] = generationsInOrder(session)): void {
    const own = new BlockUses(this.#sessions);
    const numbers = new Map<number | string, number>();
    for (const call of calls) {
      const { prefix, startMs } = call;
      if (prefix === undefined) continue;
      if (prefix.scope === 'trace') {
        const hasClock = session.relativeTime !== true && !Number.isNaN(startMs);
        this.#toLog(call, prefix, hasClock ? startMs : NO_CLOCK_MS);
        continue;
      }
      const blocks = prefix.ids.map((id) => {
        const known = numbers.get(id);
        if (known !== undefined) return known;
        numbers.set(id, numbers.size);
        return numbers.size - 1;
      });
      own.add({ ...sizesOf(call, prefix), blocks });
    }
    this.#misses.session(calls);
  }

  state(): CacheFoldState {
    return {
      log: this.#log.state(),
      misses: this.#misses.state(),
      sessions: this.#sessions.state(),
    };
  }

  merge(state: CacheFoldState): void {
    this.#log.merge(state.log);
    this.#misses.merge(state.misses);
    this.#sessions.merge(state.sessions);
  }

  /** @param realisedHitRate from the usage that the source reports */
  figures(realisedHitRate: number | null): CacheProfile & { readonly warnings: string[] } {
    const misses = realisedHitRate === null ? null : this.#misses.figures();
    const trace = this.#replay();
    const { counts } = trace.totals;
    const traceCalls = counts.calls;
    const warnings = this.#log.isCut
      ? [
          `Prefix reuse was followed over the first ${traceCalls} calls only: later ones have too many blocks to hold.`,
        ]
      : [];
    trace.totals.merge(this.#sessions.state());
    const { calls, input, infinite } = counts;
    if (calls === 0) {
      return { realisedHitRate, potentialHitRate: null, prefix: null, misses, warnings };
    }
    return {
      realisedHitRate,
      potentialHitRate: input === 0 ? null : infinite / input,
      scope: traceCalls === 0 ? 'session' : traceCalls === calls ? 'trace' : 'mixed',
      prefix: {
        ...reuseOf(trace.totals),
        reuseDistances: traceCalls === 0 ? [] : trace.distances,
        lru: traceCalls === 0 ? [] : trace.lru,
      },
      misses,
      warnings,
    };
  }

  #toLog(call: LlmCall, prefix: PrefixBlocks, orderMs: number): void {
    this.#log.add(orderMs, sizesOf(call, prefix), prefix.ids);
  }

  #replay(): Replay {
    const totals = new ReuseTotals();
    if (this.#log.size === 0) return { totals, lru: [], distances: [] };
    const uses = new BlockUses(totals);
    const points = this.#lruBlocks.map((blocks) => ({ cache: new LruBlocks(blocks), hit: 0 }));
    const distances = new ReuseDistances(
      this.#log.blocks,
      this.#lruBlocks.toSorted((a, b) => a - b),
    );
    let blockTokens = 0;
    for (const call of this.#log.replay()) {
      uses.add(call);
      for (const block of call.blocks) distances.use(block);
      for (const point of points) point.hit += tokensOf(call, useAll(point.cache, call.blocks));
      blockTokens = call.blockTokens;
    }
    const lru = points.map(({ cache: { capacity }, hit }) => ({
      blocks: capacity,
      tokens: capacity * blockTokens,
      hitRate: hit / totals.counts.input,
    }));
    return { totals, lru, distances: distances.shares() };
  }
}

interface Replay {
  readonly totals: ReuseTotals;
  readonly lru: LruPoint[];
  readonly distances: NonNullable<PrefixReuse['reuseDistances']>;
}

export interface CacheFoldState {
  readonly log: PrefixLogState;
  readonly misses: MissFoldState;
  readonly sessions: ReuseTotalsState;
}

function sizesOf(call: LlmCall, { blockTokens }: PrefixBlocks): Omit<LoggedPrefix, 'blocks'> {
  const { startMs, endMs = startMs, tokens } = call;
  return { startMs, endMs, inputTokens: inputTokens(tokens), blockTokens };
}

/** Input tokens in this many leading blocks; the last block is partial. */
function tokensOf({ blockTokens, inputTokens: input }: LoggedPrefix, blocks: number): number {
  return Math.min(blocks * blockTokens, input);
}

/** What the comparisons add up to. */
class ReuseTotals {
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

interface ReuseTotalsState {
  readonly counts: Readonly<ReuseTotals['counts']>;
  readonly callRates: readonly number[];
  readonly reuseTimes: readonly number[];
}

function reuseOf({ counts, callRates, reuseTimes }: ReuseTotals): Omit<PrefixReuse, 'lru'> {
  const { calls, blocks, uniqueBlocks, input, m5, h1 } = counts;
  const h1Tokens = input - h1;
  const rewrittenTokens = h1 - m5;
  return {
    calls,
    blocks,
    uniqueBlocks,
    usedOnceShare: 1 - counts.reusedBlocks / uniqueBlocks,
    blockHitRate: counts.hitBlocks / blocks,
    meanCallHitRate: callRates.value / calls,
    consecutiveHitRate: counts.consecutive / input,
    ttl: { m5: m5 / input, h1: h1 / input },
    reuseTimes: reuseTimes.figures(),
    writes: { h1Tokens, rewrittenTokens, cheaper: betterTtl(h1Tokens, rewrittenTokens) },
  };
}

/** The blocks of one scope by number: who held them last, and what that would have saved. */
class BlockUses {
  readonly #totals: ReuseTotals;
  /** End of the last call that held the block. */
  readonly #lastUseMs: number[] = [];
  /** 1 when a second call held the block. */
  readonly #reused: number[] = [];
  #previous: readonly number[] = [];

  constructor(totals: ReuseTotals) {
    this.#totals = totals;
  }

  /** Calls come in order of time. */
  add(call: LoggedPrefix): void {
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
    counts.m5 += tokensOf(call, run.m5);
    counts.h1 += tokensOf(call, run.h1);
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
  #remember({ blocks, endMs }: LoggedPrefix): void {
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

/** Uses all blocks of a call and returns the leading run that was present before. */
function useAll(cache: LruBlocks, ids: readonly number[]): number {
  let run = 0;
  while (run < ids.length && cache.has(ids[run]!)) run += 1;
  for (const id of ids) cache.use(id);
  return run;
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length += 1;
  return length;
}
