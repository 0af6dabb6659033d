import type { CacheSettings } from '../config/provider.ts';
import { MS_PER_HOUR, MS_PER_MINUTE } from '../core/units.ts';
import type { PromptHashes, PromptPoint } from './prompt-hash.ts';

/** How a prompt meets the cache: the three parts sum to the prompt's tokens. */
export interface CacheLookup {
  readonly uncached: number;
  readonly cacheRead: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  /** Makes the prompt's prefix known. Called at the first token: before it, nobody can hit. */
  commit(nowMs: number): void;
}

/** Lifetimes of Anthropic's two cache durations; a read starts them again. */
const TTL_MS = { '5m': 5 * MS_PER_MINUTE, '1h': MS_PER_HOUR } as const;

/** Anthropic looks for an earlier entry at most so many blocks before a breakpoint (its cache docs). */
const LOOKBACK_BLOCKS = 20;

interface Entry {
  expiresAtMs: number;
  readonly ttlMs: number;
  readonly tokens: number;
}

/** Prompt prefixes one model has seen, least recently used first out; owners differ by their salt. */
export class PromptCache {
  readonly #settings: CacheSettings;
  readonly #entries = new Map<number, Entry>();
  #tokens = 0;

  constructor(settings: CacheSettings) {
    this.#settings = settings;
  }

  lookup(prompt: PromptHashes, nowMs: number): CacheLookup {
    switch (this.#settings.kind) {
      case 'none':
      case 'engine': // the engine looks up itself, when it takes the request
        return miss(prompt.tokens);
      case 'automatic':
        return this.#automatic(prompt, this.#settings, nowMs);
      case 'breakpoints':
        return this.#breakpoints(prompt, this.#settings.minTokens, nowMs);
    }
  }

  /** The longest known run of whole blocks, from a minimum on; nothing is charged for writing. */
  #automatic(
    prompt: PromptHashes,
    { minTokens, stepTokens, ttl }: CacheSettings & { kind: 'automatic' },
    nowMs: number,
  ): CacheLookup {
    let hits = 0;
    while (hits < prompt.blocks.length && this.#touch(prompt.blocks[hits]!, nowMs)) hits += 1;
    const found = hits * stepTokens;
    const cacheRead = found >= minTokens ? Math.min(found, prompt.tokens) : 0;
    return {
      uncached: prompt.tokens - cacheRead,
      cacheRead,
      cacheWrite5m: 0,
      cacheWrite1h: 0,
      commit: (atMs) => {
        if (prompt.tokens < minTokens) return;
        for (const block of prompt.blocks) this.#put(block, stepTokens, ttl, atMs);
      },
    };
  }

  /**
   * Reads up to the longest known point within reach of a breakpoint, writes from there to the
   * last breakpoint: 1-hour breakpoints come first, what follows them up to the last one is 5m.
   */
  #breakpoints(prompt: PromptHashes, minTokens: number, nowMs: number): CacheLookup {
    const { parts } = prompt;
    const marked = parts.flatMap((part, index) => (part.breakpoint === undefined ? [] : [index]));
    const read = this.#longestKnown(prompt, marked, nowMs)?.tokens ?? 0;
    const last5m = lastPoint(prompt, marked, '5m', minTokens);
    const last1h = lastPoint(prompt, marked, '1h', minTokens);
    const write1h = Math.max(0, (last1h?.tokens ?? 0) - read);
    const write5m = Math.max(0, (last5m?.tokens ?? 0) - Math.max(read, last1h?.tokens ?? 0));
    return {
      uncached: prompt.tokens - read - write1h - write5m,
      cacheRead: read,
      cacheWrite5m: write5m,
      cacheWrite1h: write1h,
      commit: (atMs) => {
        for (const index of marked) {
          const { hash, tokens, breakpoint } = parts[index]!;
          if (tokens >= minTokens) this.#put(hash, tokens, TTL_MS[breakpoint!], atMs);
        }
      },
    };
  }

  #longestKnown(
    prompt: PromptHashes,
    marked: readonly number[],
    nowMs: number,
  ): PromptPoint | undefined {
    for (const breakpoint of marked.toReversed()) {
      const first = Math.max(0, breakpoint - LOOKBACK_BLOCKS + 1);
      for (let index = breakpoint; index >= first; index -= 1) {
        const point = prompt.parts[index]!;
        if (this.#touch(point.hash, nowMs)) return point;
      }
    }
    return undefined;
  }

  /** True when the entry lives; its life starts again. */
  #touch(hash: number, nowMs: number): boolean {
    const entry = this.#entries.get(hash);
    if (entry === undefined) return false;
    this.#entries.delete(hash);
    if (entry.expiresAtMs <= nowMs) {
      this.#tokens -= entry.tokens;
      return false;
    }
    entry.expiresAtMs = nowMs + entry.ttlMs;
    this.#entries.set(hash, entry);
    return true;
  }

  #put(hash: number, tokens: number, ttlMs: number, nowMs: number): void {
    const known = this.#entries.get(hash);
    this.#entries.delete(hash);
    this.#tokens += tokens - (known?.tokens ?? 0);
    this.#entries.set(hash, { expiresAtMs: nowMs + ttlMs, ttlMs, tokens });
    const capacity = 'capacityTokens' in this.#settings ? this.#settings.capacityTokens : 0;
    for (const [oldest, entry] of this.#entries) {
      if (this.#tokens <= capacity) break;
      this.#entries.delete(oldest);
      this.#tokens -= entry.tokens;
    }
  }
}

function lastPoint(
  { parts }: PromptHashes,
  marked: readonly number[],
  ttl: '5m' | '1h',
  minTokens: number,
): PromptPoint | undefined {
  const index = marked.findLast(
    (at) => parts[at]!.breakpoint === ttl && parts[at]!.tokens >= minTokens,
  );
  return index === undefined ? undefined : parts[index];
}

function miss(tokens: number): CacheLookup {
  return { uncached: tokens, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, commit: () => {} };
}
