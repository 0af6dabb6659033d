import { MS_PER_MINUTE } from '../core/units.ts';
import type { JsonCursor } from './json-cursor.ts';
import { identityHash, identityHashOfBytes } from './split-claims.ts';
import { isoMs } from './timestamp.ts';
import type { WordTable } from './word-table.ts';
import { NO_WORD } from './word-table.ts';

/** Longest text whose bytes are kept to know it again. */
const KEPT_BYTES = 128;

/**
 * One text of a record that is read again and again into the same object. It becomes a string only
 * when somebody asks, and the same string as long as the bytes stay the same: neighbouring lines
 * share their session, model and message. Empty texts and values of other kinds count as none.
 */
export class TextField {
  isSet = false;
  #bytes: Buffer = NO_BYTES;
  #start = 0;
  #end = 0;
  /** The text of a string with escapes. */
  #unescaped: string | undefined;
  readonly #keptBytes = new Uint8Array(KEPT_BYTES);
  #keptLength = 0;
  #keptText = '';
  /** Start of the minute of the kept text, when that is a plain time. */
  #minuteMs = Number.NaN;

  /** Takes the cursor's value, whatever it is. */
  take(cursor: JsonCursor): void {
    this.isSet = false;
    if (!cursor.string()) {
      cursor.skip();
      return;
    }
    this.#unescaped = cursor.isEscaped ? cursor.text() : undefined;
    this.#bytes = cursor.bytes;
    this.#start = cursor.textStart;
    this.#end = cursor.textEnd;
    this.isSet = this.#end > this.#start;
  }

  /** Undefined when there is none. Valid until the next line is read. */
  text(): string | undefined {
    if (!this.isSet) return undefined;
    if (this.#unescaped !== undefined) return this.#unescaped;
    const length = this.#end - this.#start;
    if (length === this.#keptLength && this.#isKept(length)) return this.#keptText;
    const text = this.#bytes.toString('utf8', this.#start, this.#end);
    if (length <= KEPT_BYTES) {
      for (let at = 0; at < length; at += 1) this.#keptBytes[at] = this.#bytes[this.#start + at]!;
      this.#keptLength = length;
      this.#keptText = text;
    }
    return text;
  }

  /** Index among the words; NO_WORD for any other text and for none. */
  word(words: WordTable): number {
    if (!this.isSet) return NO_WORD;
    if (this.#unescaped !== undefined) return words.words.indexOf(this.#unescaped);
    return words.find(this.#bytes, this.#start, this.#end);
  }

  /** Its identityHash; NaN when there is none. */
  hash(): number {
    if (!this.isSet) return Number.NaN;
    if (this.#unescaped !== undefined) return identityHash(this.#unescaped);
    return identityHashOfBytes(this.#bytes, this.#start, this.#end);
  }

  /** The text as a time, see isoMs; NaN when it is none. */
  timeMs(): number {
    const minuteMs = this.#sameMinuteMs();
    if (Number.isNaN(minuteMs)) return this.#anyTimeMs();
    const bytes = this.#bytes;
    const at = this.#start + MINUTE_BYTES;
    const seconds = 10 * (bytes[at]! - ZERO) + (bytes[at + 1]! - ZERO);
    const millis =
      100 * (bytes[at + 3]! - ZERO) + 10 * (bytes[at + 4]! - ZERO) + (bytes[at + 5]! - ZERO);
    return minuteMs + 1000 * seconds + millis;
  }

  #anyTimeMs(): number {
    const text = this.text() ?? '';
    const ms = isoMs(text) ?? Number.NaN;
    const isPlain = this.#unescaped === undefined && PLAIN_TIME.test(text);
    this.#minuteMs = isPlain ? Math.floor(ms / MS_PER_MINUTE) * MS_PER_MINUTE : Number.NaN;
    return ms;
  }

  /** Start of the minute when the time is written plainly and of the minute of the time before; else NaN. */
  #sameMinuteMs(): number {
    if (Number.isNaN(this.#minuteMs) || !this.isSet || this.#unescaped !== undefined)
      return Number.NaN;
    if (this.#end - this.#start !== PLAIN_BYTES || !this.#isKept(MINUTE_BYTES)) return Number.NaN;
    const bytes = this.#bytes;
    const at = this.#start + MINUTE_BYTES;
    const isPlain =
      isDigit(bytes[at]!) &&
      bytes[at]! < ZERO + 6 &&
      isDigit(bytes[at + 1]!) &&
      bytes[at + 2] === POINT &&
      isDigit(bytes[at + 3]!) &&
      isDigit(bytes[at + 4]!) &&
      isDigit(bytes[at + 5]!) &&
      bytes[at + 6] === UPPER_Z;
    return isPlain ? this.#minuteMs : Number.NaN;
  }

  #isKept(length: number): boolean {
    for (let at = 0; at < length; at += 1) {
      if (this.#keptBytes[at] !== this.#bytes[this.#start + at]) return false;
    }
    return true;
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

/** As Date.toISOString writes times. */
const PLAIN_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d\.\d{3}Z$/;
const PLAIN_BYTES = 24;
/** `2026-01-01T00:00:` */
const MINUTE_BYTES = 17;
const POINT = 46;
const ZERO = 48;
const UPPER_Z = 90;
const NO_BYTES = Buffer.alloc(0);
