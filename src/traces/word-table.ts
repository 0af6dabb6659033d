/** What `find` gives for a word that is not in the table. */
export const NO_WORD = -1;
/** What `likely` gives when another word comes. */
const UNLIKELY = -2;

/**
 * Finds a few ASCII words in bytes without making strings of them. `find` takes a slot by length,
 * first and last byte, then compares all bytes with the words of the slot. `likely` compares only
 * with the two keys that followed the key before lately: one writer writes the keys of its objects
 * in the same order. For that the table also learns the keys that nobody asks for.
 */
export class WordTable<Word extends string = string> {
  readonly words: readonly Word[];
  /** The words, and behind them the keys learnt on the way. */
  readonly #known: Uint8Array[] = [];
  /** Each as it stands before its value, `"word":`, in 4-byte numbers. */
  readonly #patterns: Int32Array[] = [];
  /** First word of each slot, and the word after each word in its slot. */
  readonly #first = new Int16Array(SLOTS).fill(NO_WORD);
  readonly #next = new Int16Array(MOST_KNOWN).fill(NO_WORD);
  /** By key before (its index + 1): the key that came next, and the one that came next before that. */
  readonly #followers = new Int16Array(MOST_KNOWN + 1).fill(NO_WORD);
  readonly #seconds = new Int16Array(MOST_KNOWN + 1).fill(NO_WORD);

  /** @param words ASCII, not empty */
  constructor(words: readonly Word[]) {
    this.words = words;
    for (const word of words) this.#learn(Buffer.from(word, 'latin1'));
  }

  /** Whether the index is that of one of the words. */
  has(index: number): boolean {
    return index >= 0 && index < this.words.length;
  }

  /** Index of the word that bytes [start, end) spell, else NO_WORD. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const index = this.#indexOf(bytes, start, end);
    return index < this.words.length ? index : NO_WORD;
  }

  /**
   * Index of the key in bytes [start, end), counting those beyond the words, after the key of index
   * `before`; remembered for `likely`.
   */
  follow(before: number, bytes: Uint8Array, start: number, end: number): number {
    let index = this.#indexOf(bytes, start, end);
    const isShort = end > start && end - start <= LONGEST_LEARNT;
    if (index === NO_WORD && isShort && this.#known.length < MOST_KNOWN) {
      index = this.#learn(Buffer.from(bytes.subarray(start, end)));
    }
    if (index !== NO_WORD) {
      this.#seconds[before + 1] = this.#followers[before + 1]!;
      this.#followers[before + 1] = index;
    }
    return index;
  }

  /** One of the last two keys after `before`, if it stands at `at` again, quote to colon; else UNLIKELY. */
  likely(before: number, view: DataView, at: number): number {
    const first = this.#followers[before + 1]!;
    if (first === NO_WORD) return UNLIKELY;
    if (isPattern(this.#patterns[first]!, view, at)) return first;
    const second = this.#seconds[before + 1]!;
    return second !== NO_WORD && isPattern(this.#patterns[second]!, view, at) ? second : UNLIKELY;
  }

  /** Bytes of a key. */
  lengthOf(index: number): number {
    return this.#known[index]!.length;
  }

  #indexOf(bytes: Uint8Array, start: number, end: number): number {
    if (end === start) return NO_WORD;
    let index = this.#first[slotOf(bytes, start, end)]!;
    while (index !== NO_WORD && !isWord(this.#known[index]!, bytes, start, end)) {
      index = this.#next[index]!;
    }
    return index;
  }

  #learn(word: Uint8Array): number {
    const index = this.#known.length;
    this.#known.push(word);
    this.#patterns.push(patternOf(word));
    const slot = slotOf(word, 0, word.length);
    this.#next[index] = this.#first[slot]!;
    this.#first[slot] = index;
    return index;
  }
}

/** `"word":` in 4-byte numbers, the last one overlapping, and where that one stands. */
function patternOf(word: Uint8Array): Int32Array {
  const bytes = Buffer.concat([QUOTE, word, QUOTE_COLON]);
  const whole = Math.floor((bytes.length - 1) / 4);
  const numbers = Array.from({ length: whole }, (_, index) => bytes.readInt32LE(4 * index));
  return Int32Array.from([...numbers, bytes.readInt32LE(bytes.length - 4), bytes.length - 4]);
}

function isPattern(pattern: Int32Array, view: DataView, at: number): boolean {
  const last = pattern.length - 2;
  const tail = at + pattern[last + 1]!;
  if (tail + 4 > view.byteLength) return false;
  for (let index = 0; index < last; index += 1) {
    if (view.getInt32(at + 4 * index, true) !== pattern[index]) return false;
  }
  return view.getInt32(tail, true) === pattern[last];
}

function slotOf(bytes: Uint8Array, start: number, end: number): number {
  return (end - start + bytes[start]! * 7 + bytes[end - 1]! * 3) & (SLOTS - 1);
}

function isWord(word: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (word.length !== end - start) return false;
  for (let at = 0; at < word.length; at += 1) if (word[at] !== bytes[start + at]) return false;
  return true;
}

const QUOTE = Buffer.from('"');
const QUOTE_COLON = Buffer.from('":');
/** Power of two; a few dozen words rarely share one. */
const SLOTS = 256;
/** Keys learnt at most, the words included. */
const MOST_KNOWN = 100;
/** Bytes of a key that is learnt: longer ones are data. */
const LONGEST_LEARNT = 64;
