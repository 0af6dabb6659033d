import { MS_PER_DAY, MS_PER_SECOND } from '../core/units.ts';
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
  /** Start of the day of the kept text, when that is a plain time. */
  #dayMs = Number.NaN;

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
    if (Number.isNaN(this.#dayMs) || !this.#isPlainTimeOfDay()) return this.#anyTimeMs();
    const at = this.#start + DATE_BYTES;
    const minutes = this.#digits(at, 2) * 60 + this.#digits(at + 3, 2);
    const seconds = minutes * 60 + this.#digits(at + 6, 2);
    return this.#dayMs + seconds * MS_PER_SECOND + this.#digits(at + 9, 3);
  }

  #anyTimeMs(): number {
    const text = this.text() ?? '';
    const ms = isoMs(text) ?? Number.NaN;
    const isPlain = this.#unescaped === undefined && PLAIN_TIME.test(text);
    this.#dayMs = isPlain ? Math.floor(ms / MS_PER_DAY) * MS_PER_DAY : Number.NaN;
    return ms;
  }

  /** Whether the time is written as Date.toISOString does, and of the day of the time before. */
  #isPlainTimeOfDay(): boolean {
    if (!this.isSet || this.#unescaped !== undefined) return false;
    if (this.#end - this.#start !== PLAIN_BYTES || !this.#isKept(DATE_BYTES)) return false;
    const bytes = this.#bytes;
    const at = this.#start + DATE_BYTES;
    return (
      bytes[at + 2] === COLON &&
      bytes[at + 5] === COLON &&
      bytes[at + 8] === POINT &&
      bytes[at + 12] === UPPER_Z &&
      this.#digits(at, 2) < 24 &&
      this.#digits(at + 3, 2) < 60 &&
      this.#digits(at + 6, 2) < 60 &&
      this.#digits(at + 9, 3) < 1000
    );
  }

  /** NaN when one of the bytes is no digit. */
  #digits(from: number, count: number): number {
    let value = 0;
    for (let at = from; at < from + count; at += 1) {
      const digit = this.#bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) return Number.NaN;
      value = value * 10 + digit;
    }
    return value;
  }

  #isKept(length: number): boolean {
    for (let at = 0; at < length; at += 1) {
      if (this.#keptBytes[at] !== this.#bytes[this.#start + at]) return false;
    }
    return true;
  }
}

/** As Date.toISOString writes times. */
const PLAIN_TIME = /^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
const PLAIN_BYTES = 24;
/** `2026-01-01T` */
const DATE_BYTES = 11;
const POINT = 46;
const ZERO = 48;
const COLON = 58;
const UPPER_Z = 90;
const NO_BYTES = Buffer.alloc(0);
