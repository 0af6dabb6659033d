/** What the gateway needs to know of a request body. Field names of all dialects at once. */
export interface RequestFacts {
  readonly model: string | undefined;
  readonly stream: boolean;
  /** Explicit cap on output tokens over all choices; undefined when the caller states none. */
  readonly outputCap: number | undefined;
  /** The parsed body; undefined for requests without one. */
  readonly parsed: Readonly<Record<string, unknown>> | undefined;
}

export const NO_FACTS: RequestFacts = {
  model: undefined,
  stream: false,
  outputCap: undefined,
  parsed: undefined,
};

/** Deeper JSON is an attack on recursive code, not a prompt. */
const MAX_DEPTH = 200;

/** Facts of a JSON body, or the reason why it is none. */
export function requestFacts(body: Buffer): RequestFacts | { readonly problem: string } {
  if (exceedsDepth(body)) return { problem: `the body is nested deeper than ${MAX_DEPTH} levels` };
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return { problem: 'the body is not valid JSON' };
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return { problem: 'the body is not a JSON object' };
  }
  const fields = parsed as Record<string, unknown>;
  const { model, stream } = fields;
  if (model !== undefined && typeof model !== 'string') return { problem: 'model is not a string' };
  return { model, stream: stream === true, outputCap: outputCap(fields), parsed: fields };
}

/**
 * The largest of the output caps times the number of choices: a caller that sends
 * `max_tokens: 1, max_completion_tokens: 10000` may get 10,000.
 */
function outputCap(fields: Readonly<Record<string, unknown>>): number | undefined {
  const caps = [fields['max_tokens'], fields['max_completion_tokens'], fields['max_output_tokens']]
    .filter((cap) => typeof cap === 'number')
    .filter((cap) => Number.isFinite(cap) && cap >= 0);
  if (caps.length === 0) return undefined;
  const { n } = fields;
  const choices = typeof n === 'number' && Number.isInteger(n) && n > 1 ? n : 1;
  return Math.max(...caps) * choices;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Bracket depth outside strings, in one pass over the bytes. */
function exceedsDepth(body: Buffer): boolean {
  let depth = 0;
  for (let index = 0; index < body.length; index += 1) {
    const byte = body[index]!;
    if (byte === QUOTE) index = endOfString(body, index + 1);
    else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1;
  }
  return false;
}

/** Index of the quote that closes a string; native search, since bodies are mostly strings. */
function endOfString(body: Buffer, from: number): number {
  let start = from;
  for (;;) {
    const quote = body.indexOf(QUOTE, start);
    if (quote === -1) return body.length;
    let slashes = 0;
    while (quote - 1 - slashes >= from && body[quote - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return quote;
    start = quote + 1;
  }
}
