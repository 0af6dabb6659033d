import { argumentsSeeds } from './argument-hash.ts';

/**
 * 53-bit hash of a tool's name and its arguments as they stand in JSON bytes [start, end); NaN for
 * null and for an empty range. To be compared with other hashes of this function in this process
 * only. Equal values get equal hashes however they are written: bytes that are not as
 * JSON.stringify writes them (white space, \u escapes, numbers like 1.0, keys that are whole
 * numbers) are brought to that form first. Only a key that stands twice counts, where JSON.parse
 * would forget the first.
 */
export function jsonArgumentsHash(name: string, json: Buffer, start: number, end: number): number {
  if (end === start || json[start] === LOWER_N) return Number.NaN;
  const plain = hashOfJson(name, json, start, end);
  if (!Number.isNaN(plain)) return plain;
  const value: unknown = JSON.parse(json.toString('utf8', start, end));
  const bytes = Buffer.from(JSON.stringify(value));
  return hashOfBytes(name, bytes, 0, bytes.length);
}

/** NaN when the bytes may not be what JSON.stringify would write. */
function hashOfJson(name: string, json: Buffer, start: number, end: number): number {
  let inString = false;
  let startsWithDigit = false;
  let digits = 0;
  for (let at = start; at < end; at += 1) {
    const byte = json[at]!;
    if (inString) {
      if (byte === BACKSLASH) {
        at += 1;
        if (json[at] === LOWER_U || json[at] === SLASH) return Number.NaN;
      } else if (byte === QUOTE) {
        inString = false;
        // JSON.parse puts keys that are whole numbers first.
        if (startsWithDigit && json[at + 1] === COLON) return Number.NaN;
      }
    } else if (byte === QUOTE) {
      inString = true;
      digits = 0;
      startsWithDigit = isDigit(json[at + 1]!);
    } else if (isDigit(byte)) {
      digits += 1;
      if (digits > EXACT_DIGITS) return Number.NaN;
    } else {
      const isPower = digits > 0 && (byte === LOWER_E || byte === UPPER_E);
      if (byte <= SPACE || byte === POINT || isPower) return Number.NaN;
      if (byte === MINUS && json[at + 1] === ZERO) return Number.NaN;
      digits = 0;
    }
  }
  return hashOfBytes(name, json, start, end);
}

/** Four bytes at a time: arguments are files now and then. */
function hashOfBytes(name: string, bytes: Buffer, start: number, end: number): number {
  let low = argumentsSeeds[0] ^ (end - start);
  let high = argumentsSeeds[1] ^ name.length;
  for (let index = 0; index < name.length; index += 1) {
    const unit = name.charCodeAt(index);
    low = Math.imul(low ^ unit, LOW_FACTOR);
    high = Math.imul(high ^ unit, HIGH_FACTOR);
  }
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word =
      bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    low = Math.imul(low ^ word, LOW_FACTOR);
    low ^= low >>> 15;
    high = Math.imul(high ^ word, HIGH_FACTOR);
    high ^= high >>> 13;
  }
  for (; at < end; at += 1) {
    low = Math.imul(low ^ bytes[at]!, LOW_FACTOR);
    high = Math.imul(high ^ bytes[at]!, HIGH_FACTOR);
  }
  low = Math.imul(low ^ (low >>> 16), HIGH_FACTOR) ^ (high >>> 13);
  high = Math.imul(high ^ (high >>> 16), LOW_FACTOR) ^ (low >>> 13);
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

/** MurmurHash3's multipliers. */
const LOW_FACTOR = 0x85ebca6b;
const HIGH_FACTOR = 0xc2b2ae35;
/** A whole number of so many digits is printed as it was read. */
const EXACT_DIGITS = 15;
const SPACE = 32;
const QUOTE = 34;
const MINUS = 45;
const POINT = 46;
const SLASH = 47;
const ZERO = 48;
const COLON = 58;
const UPPER_E = 69;
const BACKSLASH = 92;
const LOWER_E = 101;
const LOWER_N = 110;
const LOWER_U = 117;
