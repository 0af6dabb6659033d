/** Narrowing of parsed JSON from foreign files: every function returns undefined for what it does not accept. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value as an object, or an object without keys. */
export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : NO_KEYS;
}

/** The value as a list, or an empty list. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Non-empty text. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A finite number, also written as text (OTLP writes 64-bit integers as strings). */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** A finite number that is not negative: a token count, a duration. */
export function amountOf(value: unknown): number | undefined {
  const number = numberOf(value);
  return number === undefined || number < 0 ? undefined : number;
}

/** JSON text as a value; undefined when it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A value that may arrive as JSON text inside JSON (OTel message arrays, Langfuse metadata). */
export function unpackJson(value: unknown): unknown {
  return typeof value === 'string' ? parseJson(value) : value;
}

/**
 * The longest well-formed beginning of JSON text that was cut off: everything after the last
 * complete value is dropped and the open brackets are closed. Undefined when nothing is complete.
 */
export function parseJsonPrefix(text: string): unknown {
  const { cut } = scan(text, text.length);
  return cut === 0 ? undefined : parseJson(text.slice(0, cut) + scan(text, cut).closers);
}

/** Walks JSON text up to `end`: the last place it may be cut, and what closes it at `end`. */
function scan(text: string, end: number): { cut: number; closers: string } {
  const open: string[] = [];
  let cut = 0;
  let inString = false;
  for (let index = 0; index < end; index += 1) {
    const char = text.charCodeAt(index);
    if (inString) {
      if (char === BACKSLASH) index += 1;
      else if (char === QUOTE) inString = false;
    } else if (char === QUOTE) inString = true;
    else if (char === OPEN_BRACE || char === OPEN_BRACKET) {
      open.push(char === OPEN_BRACE ? '}' : ']');
      cut = index + 1;
    } else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) {
      open.pop();
      cut = index + 1;
      if (open.length === 0) break;
    } else if (char === COMMA) cut = index;
  }
  return { cut, closers: open.toReversed().join('') };
}

const NO_KEYS: JsonObject = {};
const QUOTE = 34;
const COMMA = 44;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
