import { MS_PER_SECOND } from '../core/units.ts';
import type { RateLimitState } from './openai-rate-limit.ts';

/** Token counts that are left are told in thousands. */
const REMAINING_STEP = 1000;

/**
 * `anthropic-ratelimit-{requests,input-tokens,output-tokens,tokens}-{limit,remaining,reset}`; the
 * `tokens` group repeats the tightest of the token limits.
 */
export function anthropicRateLimitHeaders(
  states: readonly RateLimitState[],
  nowEpochMs: number,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  const put = (name: string, { limit, remaining, resetMs }: RateLimitState): void => {
    const left = Math.max(0, Math.floor(remaining));
    const shown = name === 'requests' ? left : Math.round(left / REMAINING_STEP) * REMAINING_STEP;
    headers[`anthropic-ratelimit-${name}-limit`] = String(limit);
    headers[`anthropic-ratelimit-${name}-remaining`] = String(Math.min(shown, limit));
    headers[`anthropic-ratelimit-${name}-reset`] = anthropicTime(nowEpochMs + resetMs);
  };
  let tightest: RateLimitState | undefined;
  for (const state of states) {
    put(state.name, state);
    if (state.name === 'requests') continue;
    if (tightest === undefined || share(state) < share(tightest)) tightest = state;
  }
  if (tightest !== undefined) put('tokens', tightest);
  return headers;
}

function share({ limit, remaining }: RateLimitState): number {
  return limit === 0 ? 0 : remaining / limit;
}

/** RFC 3339 in whole seconds, rounded up so that nobody comes back early. */
function anthropicTime(epochMs: number): string {
  const seconds = Math.ceil(epochMs / MS_PER_SECOND) * MS_PER_SECOND;
  return new Date(seconds).toISOString().replace('.000Z', 'Z');
}
