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
  const words = wordsOf(text.slice(0, MOST_CHARS).toLowerCase());
  const hashes = words.map((word) => Math.trunc(hashOfText(word) / 2 ** 21));
  const all = new Set<number>();
  if (words.length < 3) all.add(mixed(hashes[0] ?? 0) ^ mixed(hashes[1] ?? 1));
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
  const shingles = Uint32Array.from(all).toSorted().slice(0, MOST_SHINGLES);
  return { text: hashOfText(words.join(' ')), shingles, before };
}

function wordsOf(text: string): readonly string[] {
  const words: string[] = [];
  let start = 0;
  for (let at = 0; at <= text.length; at += 1) {
    const code = at < text.length ? text.charCodeAt(at) : 0;
    // The expression knows all scripts and is several times slower.
    if (code > 127) return text.match(WORD) ?? [];
    if (IS_WORD[code] === 1) continue;
    if (at > start) words.push(text.slice(start, at));
    start = at + 1;
  }
  return words;
}

/** What WORD matches of ASCII. */
const IS_WORD = Uint8Array.from({ length: 128 }, (_, code) =>
  /[\p{L}\p{N}\p{M}_]/u.test(String.fromCharCode(code)) ? 1 : 0,
);

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
