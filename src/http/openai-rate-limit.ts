import { formatGoDuration } from '../mechanisms/go-duration.ts';

/** State of one limit as rate-limit headers tell it. */
export interface RateLimitState {
  /** As the headers spell it: `requests`, `tokens`, `input-tokens`, `output-tokens`. */
  readonly name: string;
  readonly limit: number;
  readonly remaining: number;
  /** Time until the limit is whole again, not until the next call may pass. */
  readonly resetMs: number;
}

/** `x-ratelimit-{limit,remaining,reset}-{name}`; resets are Go durations. */
export function openaiRateLimitHeaders(
  states: readonly RateLimitState[],
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const { name, limit, remaining, resetMs } of states) {
    headers[`x-ratelimit-limit-${name}`] = String(limit);
    headers[`x-ratelimit-remaining-${name}`] = String(Math.max(0, Math.floor(remaining)));
    headers[`x-ratelimit-reset-${name}`] = formatGoDuration(resetMs);
  }
  return headers;
}
