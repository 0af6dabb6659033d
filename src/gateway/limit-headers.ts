import { wallNowMs } from '../system.ts';
import type { DimensionState } from './agent-limits.ts';
import type { Route } from './route.ts';

/** The agent's own limits in the headers its SDK knows. They replace the provider's. */
export function limitHeaders(
  upstream: Route['upstream'],
  states: readonly DimensionState[],
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { name, limit, remaining, resetMs } of states) {
    if (upstream === 'anthropic') {
      headers[`anthropic-ratelimit-${name}-limit`] = String(limit);
      headers[`anthropic-ratelimit-${name}-remaining`] = String(remaining);
      headers[`anthropic-ratelimit-${name}-reset`] = rfc3339(wallNowMs() + resetMs);
    } else {
      headers[`x-ratelimit-limit-${name}`] = String(limit);
      headers[`x-ratelimit-remaining-${name}`] = String(remaining);
      headers[`x-ratelimit-reset-${name}`] = goDuration(resetMs);
    }
  }
  return headers;
}

/** Go's time.Duration as OpenAI prints it: `12ms`, `1s`, `1.5s`, `6m0s`, `1h2m3s`. */
export function goDuration(ms: number): string {
  const whole = Math.round(ms);
  if (whole < 1000) return `${whole}ms`;
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor((whole % 3_600_000) / 60_000);
  const seconds = (whole % 60_000) / 1000;
  const head = hours > 0 ? `${hours}h${minutes}m` : minutes > 0 ? `${minutes}m` : '';
  return `${head}${seconds}s`;
}

/** Whole seconds in UTC, rounded up so that nobody comes back early. */
function rfc3339(epochMs: number): string {
  return new Date(Math.ceil(epochMs / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}
