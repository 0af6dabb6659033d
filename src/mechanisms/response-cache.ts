export interface ResponseCacheOptions {
  /** Bound on the sum of the sizes given to `set`. */
  readonly maxBytes: number;
  readonly maxEntries?: number | undefined;
  /** Life of an entry unless `set` gives its own. */
  readonly ttlMs: number;
}

export interface CacheEntryOptions {
  readonly ttlMs?: number | undefined;
  /** Words by which a group of entries can be dropped (a tool that mutates, a tenant). */
  readonly tags?: readonly string[] | undefined;
}

export interface CacheCounters {
  readonly entries: number;
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
}

interface Entry<Value> {
  readonly value: Value;
  readonly bytes: number;
  readonly expiresAtMs: number;
  readonly tags: readonly string[];
}

/**
 * Exact-match cache with least-recently-used eviction, a time to live and a byte bound. What makes
 * two requests equal is the caller's key; what may be stored at all is the caller's rule.
 */
export class ResponseCache<Value> {
  readonly #options: ResponseCacheOptions;
  /** Insertion order is age of last use: a hit moves the entry to the end. */
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #keysByTag = new Map<string, Set<string>>();
  #bytes = 0;
  #hits = 0;
  #misses = 0;
  #evictions = 0;

  constructor(options: ResponseCacheOptions) {
    this.#options = options;
  }

  get(nowMs: number, key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.expiresAtMs <= nowMs) {
      if (entry !== undefined) this.delete(key);
      this.#misses += 1;
      return undefined;
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    this.#hits += 1;
    return entry.value;
  }

  /** Stores a value; false when it alone is larger than the cache (an older value is dropped). */
  set(
    nowMs: number,
    key: string,
    value: Value,
    bytes: number,
    options: CacheEntryOptions = {},
  ): boolean {
    this.delete(key);
    const { maxBytes, maxEntries = Number.POSITIVE_INFINITY, ttlMs } = this.#options;
    if (bytes > maxBytes || maxEntries < 1) return false;
    const tags = options.tags ?? [];
    const expiresAtMs = nowMs + (options.ttlMs ?? ttlMs);
    this.#entries.set(key, { value, bytes, expiresAtMs, tags });
    this.#bytes += bytes;
    for (const tag of tags) {
      const keys = this.#keysByTag.get(tag);
      if (keys === undefined) this.#keysByTag.set(tag, new Set([key]));
      else keys.add(key);
    }
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= maxBytes && this.#entries.size <= maxEntries) break;
      this.delete(oldest);
      this.#evictions += 1;
    }
    return true;
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
    for (const tag of entry.tags) {
      const keys = this.#keysByTag.get(tag);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysByTag.delete(tag);
    }
    return true;
  }

  /** Drops every entry with the tag. Returns how many. */
  invalidateTag(tag: string): number {
    const keys = this.#keysByTag.get(tag) ?? [];
    let dropped = 0;
    for (const key of keys) if (this.delete(key)) dropped += 1;
    return dropped;
  }

  clear(): void {
    this.#entries.clear();
    this.#keysByTag.clear();
    this.#bytes = 0;
  }

  counters(): CacheCounters {
    return {
      entries: this.#entries.size,
      bytes: this.#bytes,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
    };
  }
}
