/** Least-recently-used set of blocks: a linked list over typed arrays, so that a million evictions stay cheap. */
export class LruBlocks {
  readonly capacity: number;
  readonly #slots = new Map<number | string, number>();
  readonly #ids: (number | string)[] = [];
  readonly #older: Int32Array;
  readonly #newer: Int32Array;
  #oldest = -1;
  #newest = -1;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#older = new Int32Array(capacity);
    this.#newer = new Int32Array(capacity);
  }

  has(id: number | string): boolean {
    return this.#slots.has(id);
  }

  /** Makes a block the most recent one; evicts the oldest when full. */
  use(id: number | string): void {
    let slot = this.#slots.get(id);
    if (slot === undefined) {
      slot = this.#ids.length < this.capacity ? this.#ids.length : this.#evict();
      this.#ids[slot] = id;
      this.#slots.set(id, slot);
    } else {
      if (slot === this.#newest) return;
      this.#unlink(slot);
    }
    this.#older[slot] = this.#newest;
    this.#newer[slot] = -1;
    if (this.#newest !== -1) this.#newer[this.#newest] = slot;
    this.#newest = slot;
    if (this.#oldest === -1) this.#oldest = slot;
  }

  #evict(): number {
    const slot = this.#oldest;
    this.#slots.delete(this.#ids[slot]!);
    this.#unlink(slot);
    return slot;
  }

  #unlink(slot: number): void {
    const older = this.#older[slot]!;
    const newer = this.#newer[slot]!;
    if (older === -1) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === -1) this.#newest = older;
    else this.#older[newer] = older;
  }
}
