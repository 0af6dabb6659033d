/**
 * Reuse distances of a sequence of blocks: how many different blocks came between two uses of one
 * (the stack distance of Mattson et al. 1970). A shared LRU cache of that many blocks would have
 * kept it. A Fenwick tree over the uses counts them in O(log n) each.
 */
export class ReuseDistances {
  readonly #tree: Int32Array;
  readonly #lastUse = new Map<number, number>();
  /** Counts of reuses up to each limit; the last is of all. */
  readonly #counts: Float64Array;
  readonly #limits: readonly number[];
  #uses = 0;

  /**
   * @param uses of all blocks together, at most
   * @param limits ascending
   */
  constructor(uses: number, limits: readonly number[]) {
    this.#tree = new Int32Array(uses + 1);
    this.#limits = limits;
    this.#counts = new Float64Array(limits.length + 1);
  }

  use(block: number): void {
    this.#uses += 1;
    const now = this.#uses;
    const before = this.#lastUse.get(block);
    if (before !== undefined) {
      this.#count(this.#sum(now - 1) - this.#sum(before) + 1);
      this.#add(before, -1);
    }
    this.#lastUse.set(block, now);
    this.#add(now, 1);
  }

  /** Share of the reuses within each limit; empty without any. */
  shares(): readonly { readonly blocks: number; readonly share: number }[] {
    const all = this.#counts.at(-1)!;
    if (all === 0) return [];
    return this.#limits.map((blocks, index) => ({ blocks, share: this.#counts[index]! / all }));
  }

  /** @param distance the block itself included */
  #count(distance: number): void {
    for (let index = this.#limits.length - 1; index >= 0; index -= 1) {
      if (distance > this.#limits[index]!) break;
      this.#counts[index]! += 1;
    }
    this.#counts[this.#limits.length]! += 1;
  }

  #add(position: number, change: number): void {
    const tree = this.#tree;
    for (let at = position; at < tree.length; at += at & -at) tree[at]! += change;
  }

  #sum(position: number): number {
    const tree = this.#tree;
    let sum = 0;
    for (let at = position; at > 0; at -= at & -at) sum += tree[at]!;
    return sum;
  }
}
