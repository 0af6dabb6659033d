/**
 * Numbers by 53-bit hash, 24 to 48 bytes each where a Map of the texts takes 150: for millions of
 * ids. Two of a million ids share a hash with probability 1 in 18,000. Open addressing with linear
 * probing.
 */
export class HashTable {
  /** 0 is an empty slot; a hash of 0 is kept as 1. */
  #slots = new Float64Array(64);
  #values = new Float64Array(64);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param hash whole number in [0, 2^53) */
  set(hash: number, value: number): void {
    const key = hash === 0 ? 1 : hash;
    const slot = this.#slotOf(key);
    this.#values[slot] = value;
    if (this.#slots[slot] === key) return;
    this.#slots[slot] = key;
    this.#size += 1;
    if (this.#size * 2 > this.#slots.length) this.#grow();
  }

  /** NaN when the hash is not there. */
  get(hash: number): number {
    const key = hash === 0 ? 1 : hash;
    const slot = this.#slotOf(key);
    return this.#slots[slot] === key ? this.#values[slot]! : Number.NaN;
  }

  #slotOf(key: number): number {
    const mask = this.#slots.length - 1;
    // The low bits of a hash are as good as any; the length is a power of two below 2^32.
    let slot = (key % 4_294_967_296) & mask;
    while (this.#slots[slot] !== 0 && this.#slots[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const [slots, values] = [this.#slots, this.#values];
    this.#slots = new Float64Array(slots.length * 2);
    this.#values = new Float64Array(slots.length * 2);
    for (const [index, key] of slots.entries()) {
      if (key === 0) continue;
      const slot = this.#slotOf(key);
      this.#slots[slot] = key;
      this.#values[slot] = values[index]!;
    }
  }
}
