/**
 * Price multiples of the input price: a write for 5 minutes, a write for an hour, a read
 * (Anthropic's price list). 1 h wins iff (1.25 - 0.1) L > (2 - 1.25) W.
 */
const WRITE_5M = 1.25;
const WRITE_1H = 2;
const READ = 0.1;

/** Tokens rewritten after gaps of 5 to 60 min, per token written anyway, from which an hour costs less: 0.652. */
export const BREAK_EVEN = (WRITE_1H - WRITE_5M) / (WRITE_5M - READ);

/** Input tokens by what the two lifetimes make of them. */
export interface LifetimeTokens {
  /** W: written with either lifetime. */
  readonly written: number;
  /** L: read with an hour; written again with five minutes, because of gaps in (5 min, 1 h]. */
  readonly rewritten: number;
  /** Read with either lifetime. */
  readonly read: number;
  /** Sent outside the cache with either lifetime. */
  readonly uncached: number;
}

/**
 * Which cache lifetime costs less. Five minutes: everything is written at 1.25; an hour: W is
 * written at 2 and L, rewritten only because of gaps in (5 min, 1 h], is read at 0.1.
 */
export function betterTtl(h1Tokens: number, rewrittenTokens: number): '5m' | '1h' | null {
  if (h1Tokens + rewrittenTokens === 0) return null;
  return hourSaving(h1Tokens, rewrittenTokens) > 0 ? '1h' : '5m';
}

/** What an hour saves against five minutes, in tokens at the input price; negative when it costs more. */
export function hourSaving(written: number, rewritten: number): number {
  return (WRITE_5M - READ) * rewritten - (WRITE_1H - WRITE_5M) * written;
}

/** The bill of the input with a lifetime of five minutes, in tokens at the input price. */
export function fiveMinuteCost({ written, rewritten, read, uncached }: LifetimeTokens): number {
  return WRITE_5M * (written + rewritten) + READ * read + uncached;
}
