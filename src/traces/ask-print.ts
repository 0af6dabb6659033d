import { hashOfText, mixed, TextHash } from '../core/text-hash.ts';
import type { AskPrint, CallDetails } from '../core/trace.ts';

/** Trigrams kept of a message: up to here Jaccard shares are exact, beyond they are sampled. */
const MOST_SHINGLES = 64;
/** Longer messages are looked at up to here: what users paste says little about what they ask. */
const MOST_CHARS = 16_384;

/** A word: letters, digits and underscores of any script. */
const WORD = /[\p{L}\p{N}\p{M}_]+/gu;

/**
 * Fingerprints of a user's message: the hash of its words in lower case, and the smallest hashes of
 * its word trigrams (bottom-k sketch, Broder 1997). A message of fewer than three words is one shingle.
 * @param before hash of the prompt up to the message
 */
export function askPrint(text: string, before?: number): AskPrint {
  const words = new WordHashes();
  const head = text.length > MOST_CHARS ? text.slice(0, MOST_CHARS) : text;
  // Plain text, by far the most common, without a regular expression and a string per word.
  if (!words.addPlain(head)) {
    words.clear();
    for (const word of head.toLowerCase().match(WORD) ?? []) words.add(word);
  }
  const { hashes } = words;
  const all = new Set<number>();
  if (hashes.length < 3) all.add((mixed(hashes[0] ?? 0) ^ mixed(hashes[1] ?? 1)) >>> 0);
  for (let at = 0; at + 2 < hashes.length; at += 1) {
    // Three different odd factors, so that the order of the words counts.
    all.add(
      mixed(
        Math.imul(hashes[at]!, 0x85eb_ca6b) ^
          Math.imul(hashes[at + 1]!, 0xc2b2_ae35) ^
          Math.imul(hashes[at + 2]!, 0x27d4_eb2f),
      ),
    );
  }
  const shingles = Uint32Array.from(all).sort().slice(0, MOST_SHINGLES);
  return { text: words.value, shingles, before };
}

/** Hashes of the words of a text, one by one and together. */
class WordHashes {
  hashes: number[] = [];
  #low = FNV_START;
  #high = HIGH_START;
  #word = FNV_START;
  #length = 0;

  /** Hash of all words, 53 bits. */
  get value(): number {
    return mixed(this.#high) * 2 ** 21 + (mixed(this.#low) >>> 11);
  }

  clear(): void {
    this.hashes = [];
    this.#low = FNV_START;
    this.#high = HIGH_START;
    this.#word = FNV_START;
    this.#length = 0;
  }

  add(word: string): void {
    for (let index = 0; index < word.length; index += 1) this.#unit(word.charCodeAt(index));
    this.#endWord();
  }

  /** Adds the words of a text of ASCII characters; false, with some of them added, for any other. */
  addPlain(text: string): boolean {
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit > 127) return false;
      const isUpper = unit >= 65 && unit <= 90;
      const isWord =
        isUpper || (unit >= 97 && unit <= 122) || (unit >= 48 && unit <= 57) || unit === 95;
      if (isWord) this.#unit(isUpper ? unit + 32 : unit);
      else if (this.#length > 0) this.#endWord();
    }
    if (this.#length > 0) this.#endWord();
    return true;
  }

  #unit(unit: number): void {
    this.#word = Math.imul(this.#word ^ unit, 16_777_619);
    this.#high = Math.imul(this.#high ^ unit, 0x5bd1_e995);
    this.#length += 1;
  }

  #endWord(): void {
    this.hashes.push(this.#word);
    this.#low = Math.imul(this.#low ^ mixed(this.#word), 16_777_619);
    this.#high = Math.imul(this.#high ^ (this.#high >>> 15) ^ 32, 0x5bd1_e995);
    this.#word = FNV_START;
    this.#length = 0;
  }
}

const FNV_START = 2_166_136_261;
const HIGH_START = 0x9e37_79b9;

/** The hash of a prompt that grows message by message. */
export class PromptHash {
  readonly #hash = new TextHash();

  add(role: string, texts: readonly string[]): void {
    this.#hash.add(role);
    for (const text of texts) this.#hash.add(text);
  }

  get value(): number {
    return this.#hash.value;
  }
}

/**
 * The user's messages of a session log, which holds no whole prompts. Before the first one stand a
 * system prompt and tools that are not in the log; later ones stand after answers and tool results
 * that no other session has.
 */
export class SessionAsks {
  readonly #id: string;
  #count = 0;
  #ask: AskPrint | undefined;

  constructor(id: string) {
    this.#id = id;
  }

  /** @param print of the message alone */
  asked(print: AskPrint): void {
    const before = this.#count === 0 ? undefined : hashOfText(`${this.#id} ${this.#count}`);
    this.#ask = { ...print, before };
    this.#count += 1;
  }

  /** For the call that is first given the message; once. */
  take(): CallDetails | undefined {
    if (this.#ask === undefined) return undefined;
    const ask = this.#ask;
    this.#ask = undefined;
    return { ask };
  }
}
