import type { LlmCall, PrefixBlocks, Session } from '../core/trace.ts';
import { inputTokens } from '../core/tokens.ts';
import { renamedKey } from './agent-key.ts';
import type { AgentKey } from './agent-key.ts';
import { BlockUses, ReuseTotals, tokensOf } from './block-uses.ts';
import type { ReuseTotalsState } from './block-uses.ts';
import { betterTtl } from './cache-lifetime.ts';
import { LifetimeFold, SessionLifetimes, partOf } from './lifetime-fold.ts';
import type { CacheLifetimes, LifetimeFoldState, Patterns } from './lifetime-fold.ts';
import type { LifetimePart } from './lifetime-sums.ts';
import { LruBlocks } from './lru-blocks.ts';
import { MissFold } from './cache-misses.ts';
import type { CacheMisses, MissFoldState } from './cache-misses.ts';
import { NO_CLOCK_MS, NO_SESSION, PrefixLog } from './prefix-log.ts';
import type { LoggedPrefix, PrefixLogState } from './prefix-log.ts';
import { ownHits } from './own-hits.ts';
import { ReuseDistances } from './reuse-distance.ts';
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
  /** What a lifetime of five minutes or of an hour costs, by agent; null when nothing shows it. */
  readonly lifetimes?: CacheLifetimes | null | undefined;
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
  /**
   * The possible hit rate in two: blocks that the same session had sent before, and blocks of other
   * sessions only, which requests miss when sessions are sent to servers of their own. Null where
   * prefixes are known within sessions only, or calls belong to none.
   */
  readonly bySession?: { readonly same: number; readonly others: number } | null | undefined;
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
  readonly #lifetimes = new LifetimeFold();
  /** Sessions that have calls in the log; numbers them. */
  #logged = 0;

  /** @param lruBlocks cache sizes to try, in blocks */
  constructor(lruBlocks: readonly number[] = LRU_BLOCKS) {
    this.#lruBlocks = lruBlocks;
  }

  /** A call of a row format: its prefixes are compared over the whole trace unless it says otherwise. */
  call(call: LlmCall): void {
    const { prefix, startMs, agent, details } = call;
    if (prefix === undefined || prefix.scope === 'session') return;
    this.#toLog(call, prefix, {
      orderMs: Number.isNaN(startMs) ? NO_CLOCK_MS : startMs,
      session: NO_SESSION,
      agent: this.#lifetimes.keys.keyOf(agent, { user: details?.client }),
    });
  }

  /** @param calls the session's generations in order of time, where the caller has them */
  session(session: Session, calls: readonly LlmCall[] = generationsInOrder(session)): void {
    const hasPrefixes = calls.some(({ prefix }) => prefix !== undefined);
    const lifetimes = new SessionLifetimes(this.#lifetimes.keys, session);
    // Equal prefixes say what a cache could do; usage only what the present one does.
    this.#misses.session(calls, hasPrefixes ? undefined : lifetimes);
    if (hasPrefixes) this.#prefixes(session, calls, lifetimes);
    this.#lifetimes.add(lifetimes.parts, hasPrefixes ? 'prefixes' : 'usage');
  }

  #prefixes(session: Session, calls: readonly LlmCall[], lifetimes: SessionLifetimes): void {
    const own = new BlockUses(this.#sessions);
    const numbers = new Map<number | string, number>();
    let isLogged = false;
    for (const call of calls) {
      const { prefix, startMs } = call;
      if (prefix === undefined) continue;
      if (prefix.scope === 'trace') {
        isLogged = true;
        const hasClock = session.relativeTime !== true && !Number.isNaN(startMs);
        this.#toLog(call, prefix, {
          orderMs: hasClock ? startMs : NO_CLOCK_MS,
          session: this.#logged,
          agent: this.#lifetimes.keys.keyOf(call.agent, session),
        });
        continue;
      }
      const blocks = prefix.ids.map((id) => {
        const known = numbers.get(id);
        if (known !== undefined) return known;
        numbers.set(id, numbers.size);
        return numbers.size - 1;
      });
      own.add({ ...sizesOf(call, prefix), blocks }, lifetimes.of(call.agent));
    }
    if (isLogged) this.#logged += 1;
  }

  state(): CacheFoldState {
    return {
      log: this.#log.state(),
      logged: this.#logged,
      misses: this.#misses.state(),
      sessions: this.#sessions.state(),
      lifetimes: this.#lifetimes.state(),
    };
  }

  /** See ProfileFold.sharedState. */
  sharedState(rename: (client: number) => number): CacheFoldState {
    const state = this.state();
    const agents = state.log.agents.map((key) => renamedKey(key, rename));
    return {
      ...state,
      log: { ...state.log, agents },
      lifetimes: this.#lifetimes.sharedState(rename),
    };
  }

  merge(state: CacheFoldState): void {
    this.#log.merge(state.log, this.#logged);
    this.#logged += state.logged;
    this.#misses.merge(state.misses);
    this.#sessions.merge(state.sessions);
    this.#lifetimes.merge(state.lifetimes);
  }

  /**
   * @param realisedHitRate from the usage that the source reports
   * @param patterns tell agents without names apart
   */
  figures(
    realisedHitRate: number | null,
    patterns: Patterns = NO_PATTERNS,
  ): CacheProfile & { readonly warnings: string[] } {
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
    const lifetimes = trace.lifetimes.figures(patterns);
    if (calls === 0) {
      return { realisedHitRate, potentialHitRate: null, prefix: null, misses, lifetimes, warnings };
    }
    const own = traceCalls === calls ? ownHits(this.#log) : null;
    return {
      realisedHitRate,
      potentialHitRate: input === 0 ? null : infinite / input,
      scope: traceCalls === 0 ? 'session' : traceCalls === calls ? 'trace' : 'mixed',
      prefix: {
        ...reuseOf(trace.totals),
        bySession:
          own === null || input === 0
            ? null
            : { same: own / input, others: (infinite - own) / input },
        reuseDistances: traceCalls === 0 ? [] : trace.distances,
        lru: traceCalls === 0 ? [] : trace.lru,
      },
      misses,
      lifetimes,
      warnings,
    };
  }

  #toLog(
    call: LlmCall,
    prefix: PrefixBlocks,
    { orderMs, ...owner }: { readonly orderMs: number } & Pick<LoggedPrefix, 'session' | 'agent'>,
  ): void {
    this.#log.add(orderMs, { ...sizesOf(call, prefix), ...owner }, prefix.ids);
  }

  #replay(): Replay {
    const totals = new ReuseTotals();
    const lifetimes = new LifetimeFold();
    lifetimes.merge(this.#lifetimes.state());
    if (this.#log.size === 0) return { totals, lifetimes, lru: [], distances: [] };
    const samples = new Map<number, Map<AgentKey, LifetimePart>>();
    const uses = new BlockUses(totals);
    // A cache larger than all blocks never evicts; it need not reserve the room.
    const most = Math.max(1, this.#log.uniqueBlocks);
    const points = this.#lruBlocks.map((blocks) => ({
      blocks,
      cache: new LruBlocks(Math.min(blocks, most)),
      hit: 0,
    }));
    const distances = new ReuseDistances(
      this.#log.blocks,
      this.#lruBlocks.toSorted((a, b) => a - b),
    );
    let blockTokens = 0;
    let index = 0;
    for (const call of this.#log.replay()) {
      const sample = sampleOf(call, index / this.#log.size);
      let parts = samples.get(sample);
      if (parts === undefined) {
        parts = new Map();
        samples.set(sample, parts);
      }
      uses.add(call, partOf(parts, call.agent));
      index += 1;
      for (const block of call.blocks) distances.use(block);
      for (const point of points) point.hit += tokensOf(call, useAll(point.cache, call.blocks));
      blockTokens = call.blockTokens;
    }
    const lru = points.map(({ blocks, hit }) => ({
      blocks,
      tokens: blocks * blockTokens,
      hitRate: hit / totals.counts.input,
    }));
    for (const parts of samples.values()) lifetimes.add(parts, 'prefixes');
    return { totals, lifetimes, lru, distances: distances.shares() };
  }
}

const NO_PATTERNS: Patterns = { whole: null, ofClients: () => new Map() };

/** Parts of a trace without sessions that count as independent, as in the other intervals. */
const TENTHS = 10;

/**
 * What counts as one draw for an interval: the session, else the tenth of the trace.
 * @param share of the log that comes before
 */
function sampleOf({ session }: LoggedPrefix, share: number): number {
  return session === NO_SESSION ? -1 - Math.floor(TENTHS * share) : session;
}

interface Replay {
  readonly totals: ReuseTotals;
  readonly lifetimes: LifetimeFold;
  readonly lru: LruPoint[];
  readonly distances: NonNullable<PrefixReuse['reuseDistances']>;
}

export interface CacheFoldState {
  readonly log: PrefixLogState;
  /** Sessions with calls in the log. */
  readonly logged: number;
  readonly misses: MissFoldState;
  readonly sessions: ReuseTotalsState;
  readonly lifetimes: LifetimeFoldState;
}

function sizesOf(
  call: LlmCall,
  { blockTokens }: PrefixBlocks,
): Omit<LoggedPrefix, 'blocks' | 'session' | 'agent'> {
  const { startMs, endMs = startMs, tokens } = call;
  return { startMs, endMs, inputTokens: inputTokens(tokens), blockTokens };
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

/** Uses all blocks of a call and returns the leading run that was present before. */
function useAll(cache: LruBlocks, ids: readonly number[]): number {
  let run = 0;
  while (run < ids.length && cache.has(ids[run]!)) run += 1;
  for (const id of ids) cache.use(id);
  return run;
}
