/**
 * Price multiples of the input price: a write for 5 minutes, a write for an hour, a read
 * (Anthropic's price list). 1 h wins iff (1.25 - 0.1) L > (2 - 1.25) W.
 */
const WRITE_5M = 1.25;
const WRITE_1H = 2;
const READ = 0.1;

/**
 * Which cache lifetime costs less. Five minutes: everything is written at 1.25; an hour: W is
 * written at 2 and L, rewritten only because of gaps in (5 min, 1 h], is read at 0.1.
 */
export function betterTtl(h1Tokens: number, rewrittenTokens: number): '5m' | '1h' | null {
  if (h1Tokens + rewrittenTokens === 0) return null;
  const fiveMinutes = WRITE_5M * (h1Tokens + rewrittenTokens);
  const hour = WRITE_1H * h1Tokens + READ * rewrittenTokens;
  return hour < fiveMinutes ? '1h' : '5m';
}
