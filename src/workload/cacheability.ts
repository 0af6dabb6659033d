import type { LlmCall, PrefixBlocks, Session } from '../core/trace.ts';
import { inputTokens } from '../core/tokens.ts';
import { MS_PER_HOUR, MS_PER_MINUTE } from '../core/units.ts';
import { LruBlocks } from './lru-blocks.ts';
import { MissFold } from './cache-misses.ts';
import type { CacheMisses } from './cache-misses.ts';
import { isGeneration } from './session-fold.ts';

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

/**
 * Price multiples of the input price: a write for 5 minutes, a write for an hour, a read
 * (Anthropic's price list; traces.md §6.3). 1 h wins iff (1.25 - 0.1) L > (2 - 1.25) W.
 */
const WRITE_5M = 1.25;
const WRITE_1H = 2;
const READ = 0.1;

/** Unique blocks of trace scope remembered (about 100 MB); the analysis stops there. */
const MOST_BLOCKS = 2 ** 21;
const LRU_BLOCKS = [1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000] as const;

/** Blocks seen so far. Times lie in an array, because doubles as values of a Map are boxed one by one. */
interface Scope {
  readonly slots: Map<number | string, number>;
  /** By slot: end of the last call that held the block. */
  readonly lastUseMs: number[];
  /** By slot: 1 when a second call held the block. */
  readonly reused: number[];
  previous: PrefixBlocks['ids'];
}

/** Prefix reuse and cache misses, fed with calls in order of time within each scope. */
export class CacheFold {
  readonly #trace = emptyScope();
  readonly #misses = new MissFold();
  readonly #lru: readonly { readonly cache: LruBlocks; hit: number }[];
  #traceTokens = 0;
  #isFull = false;
  #hasTraceScope = false;
  #hasSessionScope = false;
  #calls = 0;
  #blocks = 0;
  #hitBlocks = 0;
  #uniqueBlocks = 0;
  #reusedBlocks = 0;
  #callRates = 0;
  #blockTokens = 0;
  readonly #tokens = { input: 0, infinite: 0, consecutive: 0, m5: 0, h1: 0 };

  /** @param lruBlocks cache sizes to try, in blocks */
  constructor(lruBlocks: readonly number[] = LRU_BLOCKS) {
    this.#lru = lruBlocks.map((blocks) => ({ cache: new LruBlocks(blocks), hit: 0 }));
  }

  /** A call of a row format: its prefixes are compared over the whole trace unless it says otherwise. */
  call(call: LlmCall): void {
    if (call.prefix !== undefined && call.prefix.scope !== 'session') {
      this.#add(call, call.prefix, this.#trace);
    }
  }

  session(session: Session): void {
    const calls = session.turns
      .flatMap(({ steps }) => steps.filter(isGeneration))
      .toSorted((a, b) => a.startMs - b.startMs);
    const own = emptyScope();
    for (const call of calls) {
      if (call.prefix === undefined) continue;
      this.#add(call, call.prefix, call.prefix.scope === 'trace' ? this.#trace : own);
    }
    this.#misses.session(calls);
  }

  /** @param realisedHitRate from the usage that the source reports */
  figures(realisedHitRate: number | null): CacheProfile & { readonly warnings: string[] } {
    const misses = realisedHitRate === null ? null : this.#misses.figures();
    const { input, infinite } = this.#tokens;
    if (this.#calls === 0) {
      return { realisedHitRate, potentialHitRate: null, prefix: null, misses, warnings: [] };
    }
    const scope = this.#hasTraceScope ? (this.#hasSessionScope ? 'mixed' : 'trace') : 'session';
    return {
      realisedHitRate,
      potentialHitRate: input === 0 ? null : infinite / input,
      scope,
      prefix: this.#reuse(),
      misses,
      warnings: this.#isFull
        ? [
            `Prefix reuse was followed up to ${MOST_BLOCKS} different blocks (${this.#calls} calls); later calls are left out of it.`,
          ]
        : [],
    };
  }

  #add(call: LlmCall, prefix: PrefixBlocks, scope: Scope): void {
    const isTrace = scope === this.#trace;
    if (isTrace && this.#isFull) return;
    if (isTrace) this.#hasTraceScope = true;
    else this.#hasSessionScope = true;
    const input = inputTokens(call.tokens);
    const { ids, blockTokens } = prefix;
    const tokens = (blocks: number): number => Math.min(blocks * blockTokens, input);
    const run = leadingRun(scope, ids, call.startMs);
    const common = commonPrefix(ids, scope.previous);
    this.#remember(scope, ids, call.endMs ?? call.startMs);
    this.#calls += 1;
    this.#blocks += ids.length;
    this.#hitBlocks += run.infinite;
    this.#blockTokens = blockTokens;
    this.#callRates += input === 0 ? 0 : tokens(run.infinite) / input;
    this.#tokens.input += input;
    this.#tokens.infinite += tokens(run.infinite);
    this.#tokens.consecutive += tokens(common);
    this.#tokens.m5 += tokens(run.m5);
    this.#tokens.h1 += tokens(run.h1);
    if (!isTrace) return;
    this.#traceTokens += input;
    for (const point of this.#lru) point.hit += tokens(useAll(point.cache, ids));
    this.#isFull = scope.slots.size >= MOST_BLOCKS;
  }

  #remember(scope: Scope, ids: PrefixBlocks['ids'], endMs: number): void {
    scope.previous = ids;
    for (const id of ids) {
      const slot = scope.slots.get(id);
      if (slot === undefined) {
        scope.slots.set(id, scope.lastUseMs.length);
        scope.lastUseMs.push(endMs);
        scope.reused.push(0);
        this.#uniqueBlocks += 1;
        continue;
      }
      scope.lastUseMs[slot] = endMs;
      if (scope.reused[slot] === 1) continue;
      scope.reused[slot] = 1;
      this.#reusedBlocks += 1;
    }
  }

  #reuse(): PrefixReuse {
    const { input, consecutive, m5, h1 } = this.#tokens;
    const h1Tokens = input - h1;
    const rewrittenTokens = h1 - m5;
    return {
      calls: this.#calls,
      blocks: this.#blocks,
      uniqueBlocks: this.#uniqueBlocks,
      usedOnceShare: 1 - this.#reusedBlocks / this.#uniqueBlocks,
      blockHitRate: this.#hitBlocks / this.#blocks,
      meanCallHitRate: this.#callRates / this.#calls,
      consecutiveHitRate: consecutive / input,
      ttl: { m5: m5 / input, h1: h1 / input },
      lru: this.#hasTraceScope
        ? this.#lru.map(({ cache, hit }) => ({
            blocks: cache.capacity,
            tokens: cache.capacity * this.#blockTokens,
            hitRate: hit / this.#traceTokens,
          }))
        : [],
      writes: { h1Tokens, rewrittenTokens, cheaper: betterTtl(h1Tokens, rewrittenTokens) },
    };
  }
}

/**
 * Which cache lifetime costs less. Five minutes: everything is written at 1.25; an hour: W is
 * written at 2 and L, rewritten only because of gaps in (5 min, 1 h], is read at 0.1.
 */
export function betterTtl(h1Tokens: number, rewrittenTokens: number): '5m' | '1h' | null {
  if (h1Tokens + rewrittenTokens === 0) return null;
  const fiveMinutes = WRITE_5M * (h1Tokens + rewrittenTokens);
  const hour = WRITE_1H * h1Tokens + READ * rewrittenTokens;
  return hour < fiveMinutes ? '1h' : '5m';
}

function emptyScope(): Scope {
  return { slots: new Map(), lastUseMs: [], reused: [], previous: [] };
}

interface LeadingRun {
  readonly infinite: number;
  readonly m5: number;
  readonly h1: number;
}

/** Leading blocks present, without expiry and with both lifetimes. */
function leadingRun(scope: Scope, ids: PrefixBlocks['ids'], startMs: number): LeadingRun {
  let infinite = 0;
  let m5 = 0;
  let h1 = 0;
  for (const id of ids) {
    const slot = scope.slots.get(id);
    if (slot === undefined) break;
    // Sessions come one after another, so another session's use may lie in the future.
    const idleMs = Math.abs(startMs - scope.lastUseMs[slot]!);
    if (m5 === infinite && idleMs <= TTL_5M_MS) m5 += 1;
    if (h1 === infinite && idleMs <= TTL_1H_MS) h1 += 1;
    infinite += 1;
  }
  return { infinite, m5, h1 };
}

/** Uses all blocks of a call and returns the leading run that was present before. */
function useAll(cache: LruBlocks, ids: PrefixBlocks['ids']): number {
  let run = 0;
  while (run < ids.length && cache.has(ids[run]!)) run += 1;
  for (const id of ids) cache.use(id);
  return run;
}

function commonPrefix(a: PrefixBlocks['ids'], b: PrefixBlocks['ids']): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length += 1;
  return length;
}
