import { anthropicRateLimitHeaders } from '../http/anthropic-rate-limit.ts';
import { openaiRateLimitHeaders } from '../http/openai-rate-limit.ts';
import { wallNowMs } from '../system.ts';
import type { DimensionState } from './agent-limits.ts';
import type { Route } from './route.ts';

/** The agent's own limits in the headers its SDK knows. They replace the provider's. */
export function limitHeaders(
  upstream: Route['upstream'],
  states: readonly DimensionState[],
): Readonly<Record<string, string>> {
  return upstream === 'anthropic'
    ? anthropicRateLimitHeaders(states, wallNowMs())
    : openaiRateLimitHeaders(states);
}
