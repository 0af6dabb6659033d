/**
 * A set of 53-bit hashes, 16 to 32 bytes each where a Map of the texts takes 150: for millions of
 * ids that are only asked whether they were seen. Open addressing with linear probing.
 */
export class HashSet {
  /** 0 is an empty slot; a hash of 0 is kept as 1. */
  #slots = new Float64Array(64);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param hash whole number in [0, 2^53) */
  add(hash: number): void {
    const value = hash === 0 ? 1 : hash;
    const slot = this.#slotOf(value);
    if (this.#slots[slot] === value) return;
    this.#slots[slot] = value;
    this.#size += 1;
    if (this.#size * 2 > this.#slots.length) this.#grow();
  }

  has(hash: number): boolean {
    const value = hash === 0 ? 1 : hash;
    return this.#slots[this.#slotOf(value)] === value;
  }

  #slotOf(value: number): number {
    const mask = this.#slots.length - 1;
    // The low bits of a hash are as good as any; the length is a power of two below 2^32.
    let slot = (value % 4_294_967_296) & mask;
    while (this.#slots[slot] !== 0 && this.#slots[slot] !== value) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Float64Array(old.length * 2);
    for (const value of old) if (value !== 0) this.#slots[this.#slotOf(value)] = value;
  }
}
