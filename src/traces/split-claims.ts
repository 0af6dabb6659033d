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

  /** The same for what is hashed already, by identityHash. */
  addHash(hash: number): void {
    this.#hashes.push(hash);
  }

  /** Ascending, each once. */
  hashes(): Float64Array {
    const sorted = this.#hashes.toArray().sort();
    let count = 0;
    // By index: lists of millions, and an iterator makes an object per value until it is compiled.
    for (let at = 0; at < sorted.length; at += 1) {
      if (count === 0 || sorted[at] !== sorted[count - 1]) sorted[count++] = sorted[at]!;
    }
    return sorted.slice(0, count);
  }
}

/** How many hashes both ascending lists hold. */
export function sharedHashes(a: Float64Array, b: Float64Array): number {
  let shared = 0;
  let at = 0;
  for (let index = 0; index < a.length; index += 1) {
    const hash = a[index]!;
    while (at < b.length && b[at]! < hash) at += 1;
    if (b[at] === hash) shared += 1;
  }
  return shared;
}

/** 53 bits of two multiplicative hashes side by side, mixed at the end (the constants are murmur3's and xxHash's). */
export function identityHash(text: string): number {
  let high = HIGH_SEED;
  let low = LOW_SEED;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    high = Math.imul(high ^ unit, HIGH_FACTOR);
    low = Math.imul(low ^ unit, LOW_FACTOR);
  }
  return mixed(high, low);
}

/** The identityHash of UTF-8 text in bytes [start, end). */
export function identityHashOfBytes(bytes: Buffer, start: number, end: number): number {
  let high = HIGH_SEED;
  let low = LOW_SEED;
  for (let index = start; index < end; index += 1) {
    const byte = bytes[index]!;
    // Beyond ASCII bytes are not the text's units.
    if (byte > 127) return identityHash(bytes.toString('utf8', start, end));
    high = Math.imul(high ^ byte, HIGH_FACTOR);
    low = Math.imul(low ^ byte, LOW_FACTOR);
  }
  return mixed(high, low);
}

/**
 * identityHash of two texts together, from those of each; NaN without the first (NaN).
 * @param second NaN for none
 */
export function pairHash(first: number, second: number): number {
  if (Number.isNaN(first)) return Number.NaN;
  const other = Number.isNaN(second) ? 0 : second;
  const high = Math.imul(highOf(first), HIGH_FACTOR) ^ highOf(other);
  const low = Math.imul(lowOf(first), LOW_FACTOR) ^ lowOf(other);
  return mixed(high ^ HIGH_SEED, low ^ LOW_SEED);
}

function highOf(hash: number): number {
  return Math.floor(hash / 2 ** 32);
}

function lowOf(hash: number): number {
  return (hash % 2 ** 32) | 0;
}

function mixed(first: number, second: number): number {
  const high =
    Math.imul(first ^ (first >>> 16), 2_246_822_507) ^
    Math.imul(second ^ (second >>> 13), 3_266_489_909);
  const low =
    Math.imul(second ^ (second >>> 16), 2_246_822_507) ^
    Math.imul(high ^ (high >>> 13), 3_266_489_909);
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}

const HIGH_SEED = 0xdeadbeef;
const LOW_SEED = 0x41c6ce57;
const HIGH_FACTOR = 2_654_435_761;
const LOW_FACTOR = 1_597_334_677;
