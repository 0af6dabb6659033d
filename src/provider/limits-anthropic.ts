import type { LimitSettings } from '../config/provider.ts';
import { MS_PER_MINUTE, MS_PER_SECOND } from '../core/units.ts';
import { anthropicRateLimitHeaders } from '../http/anthropic-rate-limit.ts';
import { RateLimit } from '../mechanisms/rate-limit.ts';
import type { Dimension } from '../mechanisms/rate-limit.ts';
import { TokenBucket } from '../mechanisms/token-bucket.ts';
import type { KeyLimits, LimitDecision, LimitRequest } from './key-limits.ts';
import { ORGANIZATION, retryAfterSeconds } from './retry-after.ts';

/** Names as the headers spell them, and as the 429 text does. */
const TEXTS: Readonly<Record<string, string>> = {
  requests: 'requests per minute',
  'input-tokens': 'input tokens per minute',
  'output-tokens': 'output tokens per minute',
};

/** A call may start while one output token is left; what it generates is debited as it comes. */
const OUTPUT_TO_START = 1;

/**
 * Anthropic: token buckets for requests, input and output tokens. Input is estimated at the start
 * and corrected at the end, cache reads free (except where `cacheReadsCount`); output is debited
 * live, `max_tokens` plays no part.
 */
export class AnthropicLimits implements KeyLimits {
  readonly #settings: LimitSettings & { readonly style: 'anthropic' };
  readonly #limit: RateLimit;

  constructor(settings: LimitSettings & { readonly style: 'anthropic' }, nowMs: number) {
    this.#settings = settings;
    const { rpm, itpm, otpm, requestBurst } = settings;
    const dimensions: Dimension[] = [];
    const add = (name: string, perMinute: number | undefined, burst?: number): void => {
      if (perMinute === undefined) return;
      const refillPerSecond = (perMinute * MS_PER_SECOND) / MS_PER_MINUTE;
      const capacity = Math.min(burst ?? perMinute, perMinute);
      dimensions.push({ name, meter: new TokenBucket({ capacity, refillPerSecond }, nowMs) });
    };
    add('requests', rpm, requestBurst);
    add('input-tokens', itpm);
    add('output-tokens', otpm);
    this.#limit = new RateLimit(dimensions);
  }

  admit(nowMs: number, { input, model }: LimitRequest): LimitDecision {
    const counted = this.#countedInput(input);
    const decision = this.#limit.reserve(nowMs, {
      requests: 1,
      'input-tokens': counted,
      'output-tokens': OUTPUT_TO_START,
    });
    if (!decision.admitted) {
      const { dimension, waitMs } = decision;
      const limit = this.#perMinute(dimension);
      return {
        admitted: false,
        dimension,
        error: { status: 429, message: refusalText(limit, dimension, model) },
        headers:
          waitMs === Number.POSITIVE_INFINITY ? {} : { 'retry-after': retryAfterSeconds(waitMs) },
      };
    }
    const { reservation } = decision;
    let debited = OUTPUT_TO_START;
    return {
      admitted: true,
      ticket: {
        progress: (atMs, outputTokens) => {
          const more = outputTokens - debited;
          if (more <= 0) return;
          debited = outputTokens;
          this.#limit.extend(atMs, reservation, 'output-tokens', more);
        },
        settle: (atMs, used) => {
          this.#limit.settle(atMs, reservation, {
            'input-tokens': this.#countedInput(used),
            'output-tokens': used.output,
          });
        },
      },
    };
  }

  headers(nowMs: number, nowEpochMs: number): Readonly<Record<string, string>> {
    if (this.#settings.headers === 'absent') return {};
    const states = this.#limit.dimensions.map(({ name, meter }) => ({
      name,
      limit: this.#perMinute(name),
      remaining: meter.limit - meter.used(nowMs),
      resetMs: meter.resetMs(nowMs),
    }));
    return anthropicRateLimitHeaders(states, nowEpochMs);
  }

  #countedInput(input: LimitRequest['input']): number {
    const { uncached, cacheRead, cacheWrite5m, cacheWrite1h } = input;
    const reads = this.#settings.cacheReadsCount ? cacheRead : 0;
    return uncached + cacheWrite5m + cacheWrite1h + reads;
  }

  /** The published limit, also where the bucket is smaller. */
  #perMinute(dimension: string): number {
    const { rpm, itpm, otpm } = this.#settings;
    if (dimension === 'requests') return rpm ?? 0;
    return (dimension === 'input-tokens' ? itpm : otpm) ?? 0;
  }
}

function refusalText(limit: number, dimension: string, model: string): string {
  const amount = String(limit).replaceAll(/\B(?=(\d{3})+$)/g, ',');
  return `This request would exceed your organization's rate limit of ${amount} ${TEXTS[dimension] ?? dimension} (org: ${ORGANIZATION}, model: ${model}). For details, refer to: https://docs.claude.com/en/api/rate-limits. You can see the response headers for current usage. Please reduce the prompt length or the maximum tokens requested, or try again later.`;
}
