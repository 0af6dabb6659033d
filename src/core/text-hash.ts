/**
 * Hashes of text for finding repeats within one run: fast, not cryptographic, never stored.
 */

/** State of a hash that grows with what is added; two 32-bit lanes, FNV-1a and a murmur-like one. */
export class TextHash {
  #low = 2_166_136_261;
  #high = 0x9e37_79b9;

  /** Adds a text and its end, so that `ab` + `c` differs from `a` + `bc`. */
  add(text: string): void {
    let low = this.#low;
    let high = this.#high;
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      low = Math.imul(low ^ unit, 16_777_619);
      high = Math.imul(high ^ unit, 0x5bd1_e995);
    }
    this.#low = Math.imul(low ^ text.length, 16_777_619);
    this.#high = Math.imul(high ^ (high >>> 15) ^ text.length, 0x5bd1_e995);
  }

  /** 53 bits: of a million texts, two differing ones share a value with probability 1 in 18,000. */
  get value(): number {
    return mixed(this.#high) * 2 ** 21 + (mixed(this.#low) >>> 11);
  }
}

/** The 53-bit hash of one text. */
export function hashOfText(text: string): number {
  const hash = new TextHash();
  hash.add(text);
  return hash.value;
}

/** murmur3's final mix: every bit of the input changes every bit of the result. */
export function mixed(hash: number): number {
  let bits = Math.imul(hash ^ (hash >>> 16), 2_246_822_507);
  bits = Math.imul(bits ^ (bits >>> 13), 3_266_489_909);
  return (bits ^ (bits >>> 16)) >>> 0;
}
