/**
 * The normalised token record. Every reader states its source's own counting rule and converts to
 * this: `input = uncached + cacheRead + cacheWrite5m + cacheWrite1h`; `reasoning` is a part of
 * `output`, never added to it.
 */
export interface TokenRecord {
  readonly uncached: number;
  readonly cacheRead: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly output: number;
  readonly reasoning: number;
}

export const NO_TOKENS: TokenRecord = {
  uncached: 0,
  cacheRead: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  output: 0,
  reasoning: 0,
};

/** All input tokens, cached or not. */
export function inputTokens(tokens: TokenRecord): number {
  return tokens.uncached + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h;
}

export function cacheWriteTokens(tokens: TokenRecord): number {
  return tokens.cacheWrite5m + tokens.cacheWrite1h;
}

export function addTokens(a: TokenRecord, b: TokenRecord): TokenRecord {
  return {
    uncached: a.uncached + b.uncached,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite5m: a.cacheWrite5m + b.cacheWrite5m,
    cacheWrite1h: a.cacheWrite1h + b.cacheWrite1h,
    output: a.output + b.output,
    reasoning: a.reasoning + b.reasoning,
  };
}

export interface InclusiveUsage {
  /** Input including cache reads and writes (OpenAI, OTel GenAI, OpenInference). */
  readonly input: number;
  readonly cacheRead?: number | undefined;
  readonly cacheWrite?: number | undefined;
  /** Output including reasoning. */
  readonly output: number;
  readonly reasoning?: number | undefined;
}

/** From a source whose input includes cached tokens. Cache parts larger than the input are cut. */
export function tokensFromInclusive(usage: InclusiveUsage): TokenRecord {
  const cacheRead = Math.min(usage.cacheRead ?? 0, usage.input);
  const cacheWrite = Math.min(usage.cacheWrite ?? 0, usage.input - cacheRead);
  return {
    uncached: usage.input - cacheRead - cacheWrite,
    cacheRead,
    cacheWrite5m: cacheWrite,
    cacheWrite1h: 0,
    output: usage.output,
    reasoning: Math.min(usage.reasoning ?? 0, usage.output),
  };
}
