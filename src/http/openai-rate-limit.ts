import { MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND } from '../core/units.ts';

/** State of one limit as the `x-ratelimit-*` headers tell it. */
export interface RateLimitState {
  /** `requests` or `tokens`. */
  readonly name: string;
  readonly limit: number;
  readonly remaining: number;
  /** Time until the limit is whole again, not until the next call may pass. */
  readonly resetMs: number;
}

/** `x-ratelimit-{limit,remaining,reset}-{name}`. */
export function openaiRateLimitHeaders(
  states: readonly RateLimitState[],
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const { name, limit, remaining, resetMs } of states) {
    headers[`x-ratelimit-limit-${name}`] = String(limit);
    headers[`x-ratelimit-remaining-${name}`] = String(Math.max(0, Math.floor(remaining)));
    headers[`x-ratelimit-reset-${name}`] = openaiDuration(resetMs);
  }
  return headers;
}

/** Go's time.Duration rounded to ms, as OpenAI prints waits: `120ms`, `9.816s`, `7m12s`, `1h0m5s`. */
export function openaiDuration(ms: number): string {
  const whole = Math.round(ms);
  if (whole < MS_PER_SECOND) return `${whole}ms`;
  const hours = Math.floor(whole / MS_PER_HOUR);
  const minutes = Math.floor((whole % MS_PER_HOUR) / MS_PER_MINUTE);
  const seconds = (whole % MS_PER_MINUTE) / MS_PER_SECOND;
  const head = hours > 0 ? `${hours}h${minutes}m` : minutes > 0 ? `${minutes}m` : '';
  return `${head}${seconds}s`;
}

/** The dimension names of 429 texts. */
export const OPENAI_DIMENSIONS = {
  rpm: 'requests per min (RPM)',
  tpm: 'tokens per min (TPM)',
  rpd: 'requests per day (RPD)',
  tpd: 'tokens per day (TPD)',
} as const;

export interface OpenaiRefusal {
  readonly model: string;
  readonly organization: string;
  readonly dimension: keyof typeof OPENAI_DIMENSIONS;
  readonly limit: number;
  readonly used: number;
  readonly requested: number;
  /** Infinity when the request can never pass. */
  readonly waitMs: number;
}

/** Text of a 429, to the letter of public reports (codel#72, MetaGPT#523, shell_gpt#653). */
export function openaiRefusalText(refusal: OpenaiRefusal): string {
  const { model, organization, dimension, limit, requested, waitMs } = refusal;
  const place = `${model} in organization ${organization} on ${OPENAI_DIMENSIONS[dimension]}`;
  if (waitMs === Number.POSITIVE_INFINITY) {
    return `Request too large for ${place}: Limit ${limit}, Requested ${requested}. The input or output tokens must be reduced in order to run successfully. Visit https://platform.openai.com/account/rate-limits to learn more.`;
  }
  const used = Math.round(refusal.used);
  return `Rate limit reached for ${place}: Limit ${limit}, Used ${used}, Requested ${requested}. Please try again in ${openaiDuration(waitMs)}. Visit https://platform.openai.com/account/rate-limits to learn more.`;
}
