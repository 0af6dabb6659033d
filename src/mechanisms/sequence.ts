import type { KvBlocks, PrefixUnit } from './kv-blocks.ts';
import type { BatchRequest } from './batch-request.ts';

/** Room for this many submissions per priority in the queue's single numeric key. */
const ORDERS_PER_PRIORITY = 2 ** 42;

/** A request inside the batching engine: how far it is and which KV blocks it holds. */
export class Sequence<Request extends BatchRequest> {
  readonly request: Request;
  readonly priority: number;
  /** Priority, then arrival: a preempted sequence comes before everyone who arrived later. */
  readonly queueKey: number;
  waiting = true;
  cancelled = false;
  /** Tokens whose keys and values are in the cache. */
  computed = 0;
  /** Tokens it computes in the step in progress. */
  planned = 0;
  generated = 0;
  /** Tokens to compute before it decodes: the prompt, and what it had generated when preempted. */
  #target: number;
  /** Prefix-cache tokens at the first admission; what the provider reports as cached. */
  cachedPrompt: number | undefined;
  /** See speculation.ts. */
  credit = 0;
  #privateBlocks = 0;
  #sharedBlocks = 0;
  #units: PrefixUnit[] = [];
  /** Prefix ids already held or passed over. */
  #idsDone = 0;

  constructor(request: Request, order: number) {
    this.request = request;
    this.priority = request.priority ?? 0;
    this.queueKey = this.priority * ORDERS_PER_PRIORITY + order;
    this.#target = Math.max(1, request.promptTokens);
  }

  get decoding(): boolean {
    return this.computed >= this.#target;
  }

  get done(): boolean {
    return this.decoding && this.generated >= this.request.outputTokens;
  }

  get missingPrompt(): number {
    return this.#target - this.computed;
  }

  get missingOutput(): number {
    return this.request.outputTokens - this.generated;
  }

  /**
   * Takes the cached prefix and blocks for a first piece of at most `budget` tokens.
   * @returns the size of the piece; undefined (nothing taken) when blocks are missing
   */
  startIn(kv: KvBlocks, budget: number): number | undefined {
    const { prefix } = this.request;
    let units = 0;
    let cached = 0;
    let idle = 0;
    if (kv.canShare(prefix)) {
      // The last token is always computed: its output is the first new token.
      units = kv.match(prefix.ids, Math.floor((this.#target - 1) / prefix.blockTokens));
      cached = units * prefix.blockTokens;
      idle = kv.idleBlocksAmong(prefix.ids, units);
    }
    const piece = Math.min(this.#target - cached, budget);
    const needed = kv.blocksFor(cached + piece) - kv.blocksFor(cached);
    if (needed + idle > kv.free) return undefined;
    for (let index = 0; index < units; index += 1) {
      const unit = kv.hold(prefix!.ids[index]!);
      this.#units.push(unit);
      this.#sharedBlocks += unit.blocks;
    }
    kv.allocate(needed);
    this.#privateBlocks = needed;
    this.#idsDone = units;
    this.computed = cached;
    this.cachedPrompt ??= cached;
    return piece;
  }

  /** Allocates what `tokens` computed tokens need; false (nothing taken) when blocks are missing. */
  growTo(kv: KvBlocks, tokens: number): boolean {
    const missing = kv.blocksFor(tokens) - this.#privateBlocks - this.#sharedBlocks;
    if (missing <= 0) return true;
    if (!kv.allocate(missing)) return false;
    this.#privateBlocks += missing;
    return true;
  }

  /** Counts computed tokens and offers the prefix units they complete to others. */
  advance(kv: KvBlocks, tokens: number): void {
    this.computed += tokens;
    const { prefix } = this.request;
    if (prefix === undefined || this.#idsDone >= prefix.ids.length || !kv.canShare(prefix)) return;
    const blocks = prefix.blockTokens / kv.blockTokens;
    while (
      this.#idsDone < prefix.ids.length &&
      (this.#idsDone + 1) * prefix.blockTokens <= this.computed
    ) {
      const unit = kv.share(prefix.ids[this.#idsDone]!, blocks);
      this.#idsDone += 1;
      if (unit === undefined) continue;
      this.#units.push(unit);
      this.#privateBlocks -= blocks;
      this.#sharedBlocks += blocks;
    }
  }

  releaseTo(kv: KvBlocks): void {
    kv.release(this.#privateBlocks, this.#units);
    this.#units = [];
    this.#privateBlocks = 0;
    this.#sharedBlocks = 0;
    this.#idsDone = 0;
  }

  /** Preempted: everything is computed again, the generated tokens as part of the prompt. */
  restart(): void {
    this.#target = Math.max(1, this.request.promptTokens) + this.generated;
    this.computed = 0;
    this.planned = 0;
  }
}
