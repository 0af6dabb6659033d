import type { PrefixBlocks } from '../core/trace.ts';

export interface KvBlocksOptions {
  /** KV blocks of the replica (after weights and activations). */
  readonly blocks: number;
  /** Tokens per block; vLLM's default is 16. */
  readonly blockTokens: number;
  /** Whether finished prefixes stay until their blocks are needed. */
  readonly prefixCache: boolean;
}

/** A hashed piece of a prefix that sequences share; idle when nobody holds it. */
export interface PrefixUnit {
  readonly id: number | string;
  readonly blocks: number;
  holders: number;
}

/**
 * Accounting of KV-cache blocks: private blocks by count, shared prefix units by hash. Idle units
 * count as free and are evicted when blocks are needed, least recently used first; a sequence
 * releases its units tail first, so that the head of a prefix outlives its tail (vLLM v1).
 */
export class KvBlocks {
  readonly blocks: number;
  readonly blockTokens: number;
  readonly #prefixCache: boolean;
  readonly #units = new Map<number | string, PrefixUnit>();
  /** Insertion order is age of last use. */
  readonly #idle = new Set<PrefixUnit>();
  #idleBlocks = 0;
  #used = 0;
  #evictions = 0;

  /** @throws RangeError when blocks or blockTokens is not a positive integer */
  constructor(options: KvBlocksOptions) {
    const { blocks, blockTokens } = options;
    if (!isPositiveInteger(blocks) || !isPositiveInteger(blockTokens)) {
      throw new RangeError('KvBlocks: blocks and blockTokens must be positive integers');
    }
    this.blocks = blocks;
    this.blockTokens = blockTokens;
    this.#prefixCache = options.prefixCache;
  }

  /** Blocks held by sequences. */
  get used(): number {
    return this.#used;
  }

  /** Blocks that can be had, counting idle prefix units. */
  get free(): number {
    return this.blocks - this.#used;
  }

  /** Prefix units dropped to make room. */
  get evictions(): number {
    return this.#evictions;
  }

  blocksFor(tokens: number): number {
    return Math.ceil(tokens / this.blockTokens);
  }

  /** Whether prefixes of this block size can be shared: a unit must be whole blocks. */
  canShare(prefix: PrefixBlocks | undefined): prefix is PrefixBlocks {
    return (
      this.#prefixCache &&
      prefix !== undefined &&
      prefix.blockTokens > 0 &&
      prefix.blockTokens % this.blockTokens === 0
    );
  }

  /** How many leading ids are cached, at most `most`. */
  match(ids: readonly (number | string)[], most: number): number {
    const end = Math.min(most, ids.length);
    let count = 0;
    while (count < end && this.#units.has(ids[count]!)) count += 1;
    return count;
  }

  /** Blocks that holding the first `count` ids would take out of the free ones. */
  idleBlocksAmong(ids: readonly (number | string)[], count: number): number {
    let blocks = 0;
    for (let index = 0; index < count; index += 1) {
      const unit = this.#units.get(ids[index]!);
      if (unit !== undefined && unit.holders === 0) blocks += unit.blocks;
    }
    return blocks;
  }

  /** Holds a cached unit. @throws RangeError when it is not cached (match first) */
  hold(id: number | string): PrefixUnit {
    const unit = this.#units.get(id);
    if (unit === undefined) throw new RangeError('KvBlocks.hold: unit is not cached');
    if (unit.holders === 0) {
      this.#idle.delete(unit);
      this.#idleBlocks -= unit.blocks;
      this.#used += unit.blocks;
    }
    unit.holders += 1;
    return unit;
  }

  /** Takes `count` private blocks, evicting idle units; false (nothing taken) when too few. */
  allocate(count: number): boolean {
    if (count > this.blocks - this.#used) return false;
    if (count > this.blocks - this.#used - this.#idleBlocks) this.#evict(count);
    this.#used += count;
    return true;
  }

  /**
   * Turns private blocks into a shared unit held by the caller. Undefined when another sequence
   * computed the same unit first: the blocks then stay private.
   */
  share(id: number | string, blocks: number): PrefixUnit | undefined {
    if (this.#units.has(id)) return undefined;
    const unit: PrefixUnit = { id, blocks, holders: 1 };
    this.#units.set(id, unit);
    return unit;
  }

  /** Gives back a sequence's private blocks and units (in prefix order). */
  release(privateBlocks: number, units: readonly PrefixUnit[]): void {
    this.#used -= privateBlocks;
    for (let index = units.length - 1; index >= 0; index -= 1) {
      const unit = units[index]!;
      unit.holders -= 1;
      if (unit.holders > 0) continue;
      this.#used -= unit.blocks;
      this.#idle.add(unit);
      this.#idleBlocks += unit.blocks;
    }
  }

  #evict(count: number): void {
    for (const unit of this.#idle) {
      this.#idle.delete(unit);
      this.#units.delete(unit.id);
      this.#idleBlocks -= unit.blocks;
      this.#evictions += 1;
      if (count <= this.blocks - this.#used - this.#idleBlocks) return;
    }
  }
}

function isPositiveInteger(value: number): boolean {
  return Number.isInteger(value) && value > 0;
}
