import type { LlmCall } from '../core/trace.ts';
import { inputTokens } from '../core/tokens.ts';

/** What becomes of the last, partial block of a prompt. */
export type PartialBlock = 'kept' | 'dropped';

/**
 * Prefix-chained block ids of prompts in the block size and numbering of an export format. Equal
 * ids mean equal prefixes, so only what the trace knows is shared:
 * - with prefix hashes, blocks are regrouped (sizes must divide each other);
 * - without, the tokens that the provider read from its cache are taken from the prompt before;
 * - everything else gets an id of its own.
 */
export class PrefixBlockIds {
  readonly #blockTokens: number;
  readonly #partial: PartialBlock;
  readonly #numbers = new Map<string, number>();
  readonly #previous = new Map<string, readonly number[]>();
  #next: number;
  /** Calls whose blocks come from neither hashes nor cache reads. */
  unshared = 0;

  constructor(options: {
    readonly blockTokens: number;
    readonly partial: PartialBlock;
    readonly firstId: number;
  }) {
    this.#blockTokens = options.blockTokens;
    this.#partial = options.partial;
    this.#next = options.firstId;
  }

  /** @param chain names the conversation whose prompts extend each other; also the scope of local hashes */
  ids(call: LlmCall, chain: string): number[] {
    const blocks = this.#count(inputTokens(call.tokens));
    const known = this.#fromHashes(call, chain, blocks) ?? this.#fromCacheReads(call, chain);
    const ids = known.slice(0, blocks);
    while (ids.length < blocks) ids.push(this.#next++);
    this.#previous.set(chain, ids);
    return ids;
  }

  #count(tokens: number): number {
    const blocks = tokens / this.#blockTokens;
    return this.#partial === 'kept' ? Math.ceil(blocks) : Math.floor(blocks);
  }

  #fromHashes({ prefix, tokens }: LlmCall, chain: string, blocks: number): number[] | undefined {
    if (prefix === undefined) return undefined;
    const perSource = prefix.blockTokens / this.#blockTokens;
    const isRegular = Number.isInteger(perSource) || Number.isInteger(1 / perSource);
    if (!isRegular || prefix.blockTokens <= 0) return undefined;
    const scope = prefix.scope === 'trace' ? '' : chain;
    const ids: number[] = [];
    for (let block = 0; block < blocks; block += 1) {
      // A block is known by the source block its last token lies in, and by its place in that one.
      const end = Math.min((block + 1) * this.#blockTokens, inputTokens(tokens));
      const source = prefix.ids[Math.ceil(end / prefix.blockTokens) - 1];
      if (source === undefined) break;
      const isWhole = end === (block + 1) * this.#blockTokens;
      ids.push(this.#number(`${scope} ${source} ${isWhole ? block : 'partial'}`));
    }
    return ids;
  }

  /** A conversation's first prompt shares the common start (tools, system) with other conversations. */
  #fromCacheReads({ tokens }: LlmCall, chain: string): readonly number[] {
    const shared = Math.floor(tokens.cacheRead / this.#blockTokens);
    if (shared === 0) this.unshared += 1;
    const before = this.#previous.get(chain);
    if (before !== undefined) return before.slice(0, shared);
    return Array.from({ length: shared }, (_, block) => this.#number(`common ${block}`));
  }

  #number(key: string): number {
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#next++;
      this.#numbers.set(key, number);
    }
    return number;
  }
}
