import { createHmac, randomBytes } from 'node:crypto';

/** 64 bits: a chance of 1 in 37,000 that any two of a million hashes of a recording collide. */
const HASH_HEX_DIGITS = 16;

/**
 * HMAC-SHA-256 under a random key of this recording, cut to 64 bits. The key is never stored, so a
 * hash can be compared with hashes of the same recording and guessed by nobody, however short the
 * text was.
 */
export class KeyedHash {
  readonly #key = randomBytes(32);

  of(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('hex').slice(0, HASH_HEX_DIGITS);
  }

  /** Hash of a text and everything before it. */
  chained(before: string, text: string): string {
    return this.of(`${before}\0${text}`);
  }
}
