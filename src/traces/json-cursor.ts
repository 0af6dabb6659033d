import type { WordTable } from './word-table.ts';

/** What `key` gives at the end of the object. */
export const END = -2;

/** Thrown for bytes that are not JSON; one object, because it says nothing but that. */
export const NOT_JSON = new Error('not JSON');

/**
 * Walks one JSON text in bytes, from value to value, and looks at nothing that is not asked for:
 * traces are mostly prompts and replies of which a profile needs no letter, and JSON.parse makes
 * strings and objects of all of them. Strings that are passed over are crossed by the native
 * search for their closing quote, at memory speed.
 *
 * Strictness: everything outside strings is checked as JSON.parse checks it, so a line that is cut
 * off, torn or mixed with another is refused. Inside a string that is passed over, raw control
 * characters, unknown escapes and broken UTF-8 are not noticed; JSON.parse would refuse the first
 * two. Strings that are read go through JSON.parse when they hold an escape.
 *
 * All methods throw NOT_JSON where the text is none. Each value is taken exactly once: by `skip`,
 * by one of the readers, or by `object`/`array` with all their members.
 */
export class JsonCursor {
  bytes: Buffer = NO_BYTES;
  /** The last string taken by `string`, without its quotes. */
  textStart = 0;
  textEnd = 0;
  /** Whether a backslash stands in it. */
  isEscaped = false;
  #view: DataView = new DataView(NO_BYTES.buffer);
  #at = 0;
  #end = 0;
  /** No member of the object or array has been taken yet. */
  #isFresh = false;
  /** Kinds of the brackets around the value being skipped. */
  #brackets = new Uint8Array(64);

  /** Begins with bytes [start, end). */
  open(bytes: Buffer, start: number, end: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    this.#at = start;
    this.#end = end;
    this.#space();
  }

  /** Nothing but white space may follow. */
  close(): void {
    this.#space();
    if (this.#at !== this.#end) throw NOT_JSON;
  }

  /** Where the next value starts, or the last one ended. */
  get position(): number {
    return this.#at;
  }

  /** Enters the value when it is an object; else it is left to be taken otherwise. */
  object(): boolean {
    if (this.#byte() !== OPEN_BRACE) return false;
    this.#at += 1;
    this.#isFresh = true;
    return true;
  }

  /** Enters the value when it is an array. */
  array(): boolean {
    if (this.#byte() !== OPEN_BRACKET) return false;
    this.#at += 1;
    this.#isFresh = true;
    return true;
  }

  /**
   * Moves to the next member's value: index of its key in the table (from `words.length` on: a key
   * that nobody asks for), else NO_WORD; END after the last.
   * @param before what was given for the member before; NO_WORD at first
   */
  key(words: WordTable, before: number): number {
    const { bytes } = this;
    const at = this.#at;
    if (bytes[at] === CLOSE_BRACE && at < this.#end) {
      this.#at = at + 1;
      this.#isFresh = false;
      return END;
    }
    // The usual case, all in one: `,"key":` without white space, and the key that came last time.
    const quote = this.#isFresh ? at : at + 1;
    if (bytes[quote] === QUOTE && (this.#isFresh || bytes[at] === COMMA)) {
      const index = words.likely(before, this.#view, quote);
      if (index >= 0) {
        this.#isFresh = false;
        this.#at = quote + words.lengthOf(index) + 3;
        if (bytes[this.#at]! <= SPACE) this.#space();
        return index;
      }
    }
    return this.#anyKey(words, before);
  }

  #anyKey(words: WordTable, before: number): number {
    let byte = this.#next();
    if (byte === CLOSE_BRACE) {
      this.#at += 1;
      this.#isFresh = false;
      return END;
    }
    if (!this.#isFresh) {
      if (byte !== COMMA) throw NOT_JSON;
      this.#at += 1;
      byte = this.#next();
    }
    this.#isFresh = false;
    if (byte !== QUOTE) throw NOT_JSON;
    const { bytes } = this;
    const start = this.#at + 1;
    this.string();
    const end = this.textEnd;
    this.#colon();
    if (!this.isEscaped) return words.follow(before, bytes, start, end);
    return words.words.indexOf(parsed(bytes.toString('utf8', start - 1, end + 1)) as string);
  }

  /** Moves to the next element's value; false after the last. */
  element(): boolean {
    const byte = this.#next();
    if (byte === CLOSE_BRACKET) {
      this.#at += 1;
      this.#isFresh = false;
      return false;
    }
    if (!this.#isFresh) {
      if (byte !== COMMA) throw NOT_JSON;
      this.#at += 1;
      this.#space();
    }
    this.#isFresh = false;
    return true;
  }

  /**
   * Takes the value when it is a string: its place stands in textStart, textEnd, isEscaped. Byte by
   * byte, because strings that are asked for are short.
   */
  string(): boolean {
    if (this.#byte() !== QUOTE) return false;
    const { bytes } = this;
    const last = this.#end;
    let at = this.#at + 1;
    this.textStart = at;
    this.isEscaped = false;
    while (at < last && bytes[at] !== QUOTE) {
      if (bytes[at] === BACKSLASH) {
        this.isEscaped = true;
        at += 1;
      }
      at += 1;
    }
    if (at >= last) throw NOT_JSON;
    this.textEnd = at;
    this.#at = at + 1;
    return true;
  }

  /** The string that was taken last. */
  text(): string {
    const { bytes, textStart, textEnd } = this;
    if (!this.isEscaped) return bytes.toString('utf8', textStart, textEnd);
    return parsed(bytes.toString('utf8', textStart - 1, textEnd + 1)) as string;
  }

  /** Whether the value is a string; it is left to be taken. */
  isString(): boolean {
    return this.#byte() === QUOTE;
  }

  /** Takes the value; whether it is `true`. */
  isTrue(): boolean {
    const isTrue = this.#byte() === LOWER_T;
    this.skip();
    return isTrue;
  }

  /** Takes the value: a number, also one written as a string (as amountOf reads them), else undefined. */
  scalar(): number | string | undefined {
    const byte = this.#byte();
    if (byte === QUOTE) {
      this.string();
      return this.text();
    }
    const start = this.#at;
    if (byte !== MINUS && !isDigit(byte)) {
      this.skip();
      return undefined;
    }
    const { bytes } = this;
    let value = 0;
    let at = start;
    for (let digit = byte; isDigit(digit); digit = bytes[at]!) {
      value = value * 10 + digit - ZERO;
      at += 1;
    }
    this.#number();
    // A plain whole number, by far the most common.
    if (this.#at === at && at - start <= EXACT_DIGITS) return value;
    return Number(bytes.toString('latin1', start, this.#at));
  }

  /** Passes over the value. */
  skip(): void {
    const byte = this.#byte();
    if (byte === QUOTE) this.#at = this.#endOfString(this.#at + 1) + 1;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#skipNested();
    else this.#skipPlain(byte);
  }

  #skipPlain(byte: number): void {
    if (byte === LOWER_T) this.#word(TRUE);
    else if (byte === LOWER_F) this.#word(FALSE);
    else if (byte === LOWER_N) this.#word(NULL);
    else this.#number();
  }

  /** Without recursion: depth is the input's, the stack is ours. */
  #skipNested(): void {
    let depth = 0;
    for (;;) {
      // A value begins here.
      let byte = this.#next();
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        this.#at += 1;
        if (depth === this.#brackets.length) this.#deepen();
        const close = byte === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
        this.#brackets[depth] = close;
        depth += 1;
        if (this.#next() !== close) {
          if (close === CLOSE_BRACE) this.#skipKey();
          continue;
        }
      } else if (byte === QUOTE) this.#at = this.#endOfString(this.#at + 1) + 1;
      else this.#skipPlain(byte);
      // A value has ended here, or an empty object or array is to be closed.
      for (;;) {
        byte = this.#next();
        if (byte === COMMA) break;
        if (byte !== this.#brackets[depth - 1]) throw NOT_JSON;
        this.#at += 1;
        depth -= 1;
        if (depth === 0) return;
      }
      this.#at += 1;
      if (this.#brackets[depth - 1] === CLOSE_BRACE) this.#skipKey();
    }
  }

  #skipKey(): void {
    if (this.#next() !== QUOTE) throw NOT_JSON;
    this.#at = this.#endOfString(this.#at + 1) + 1;
    this.#colon();
  }

  #colon(): void {
    if (this.#next() !== COLON) throw NOT_JSON;
    this.#at += 1;
    this.#space();
  }

  /** Place of the quote that closes the string whose content starts at `from`. */
  #endOfString(from: number): number {
    const { bytes } = this;
    for (let at = from; ; at += 1) {
      at = bytes.indexOf(QUOTE, at);
      if (at === -1 || at >= this.#end) throw NOT_JSON;
      if (bytes[at - 1] !== BACKSLASH) return at;
      let before = at - 2;
      while (before >= from && bytes[before] === BACKSLASH) before -= 1;
      // An even number of backslashes are escaped backslashes.
      if ((at - 1 - before) % 2 === 0) return at;
    }
  }

  #word(word: Uint8Array): void {
    for (const byte of word) {
      if (this.#byte() !== byte) throw NOT_JSON;
      this.#at += 1;
    }
  }

  /** -?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)? */
  #number(): void {
    if (this.#byte() === MINUS) this.#at += 1;
    if (this.#byte() === ZERO) this.#at += 1;
    else this.#digits();
    if (this.#byte() === POINT) {
      this.#at += 1;
      this.#digits();
    }
    if ((this.#byte() | LOWER) === LOWER_E) {
      this.#at += 1;
      const sign = this.#byte();
      if (sign === PLUS || sign === MINUS) this.#at += 1;
      this.#digits();
    }
  }

  #digits(): void {
    if (!isDigit(this.#byte())) throw NOT_JSON;
    do this.#at += 1;
    while (isDigit(this.#byte()));
  }

  /** The byte here after any white space. */
  #next(): number {
    const byte = this.#byte();
    if (byte > SPACE) return byte;
    this.#space();
    return this.#byte();
  }

  #space(): void {
    while (this.#at < this.#end) {
      const byte = this.bytes[this.#at];
      if (byte !== SPACE && byte !== TAB && byte !== NEWLINE && byte !== RETURN) return;
      this.#at += 1;
    }
  }

  /** 0 at the end. */
  #byte(): number {
    return this.#at < this.#end ? this.bytes[this.#at]! : 0;
  }

  #deepen(): void {
    const deeper = new Uint8Array(this.#brackets.length * 2);
    deeper.set(this.#brackets);
    this.#brackets = deeper;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw NOT_JSON;
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

const NO_BYTES = Buffer.alloc(0);
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');
/** Any whole number of so many digits is a double exactly. */
const EXACT_DIGITS = 15;
const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const QUOTE = 34;
const PLUS = 43;
const COMMA = 44;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const COLON = 58;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const LOWER = 32;
const LOWER_E = 101;
const LOWER_F = 102;
const LOWER_N = 110;
const LOWER_T = 116;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
