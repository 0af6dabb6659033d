import { Column } from '../workload/column.ts';

/**
 * What a part of the inputs knows of and no other part may: sessions, messages, request ids.
 * Readers join or suppress records by these, so parts that share one must be read together.
 * Kept as 53-bit hashes: a chance collision only makes two parts be read together needlessly.
 */
export class IdentityClaims {
  readonly #hashes = new Column();

  add(kind: string, id: string): void {
    this.#hashes.push(identityHash(`${kind} ${id}`));
  }

  /** Ascending, each once. */
  hashes(): Float64Array {
    const sorted = this.#hashes.toArray().sort();
    let count = 0;
    for (const hash of sorted)
      if (count === 0 || hash !== sorted[count - 1]) sorted[count++] = hash;
    return sorted.slice(0, count);
  }
}

/** How many hashes both ascending lists hold. */
export function sharedHashes(a: Float64Array, b: Float64Array): number {
  let shared = 0;
  let at = 0;
  for (const hash of a) {
    while (at < b.length && b[at]! < hash) at += 1;
    if (b[at] === hash) shared += 1;
  }
  return shared;
}

/** 53 bits of two multiplicative hashes side by side, mixed at the end (the constants are murmur3's and xxHash's). */
export function identityHash(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    high = Math.imul(high ^ unit, 2_654_435_761);
    low = Math.imul(low ^ unit, 1_597_334_677);
  }
  high =
    Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909);
  low =
    Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909);
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}
