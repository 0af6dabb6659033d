import type { LimitSettings } from '../config/provider.ts';
import { inputTokens } from '../core/tokens.ts';
import { MS_PER_DAY, MS_PER_MINUTE, MS_PER_SECOND } from '../core/units.ts';
import type { OPENAI_DIMENSIONS } from '../http/openai-rate-limit.ts';
import { openaiRateLimitHeaders, openaiRefusalText } from '../http/openai-rate-limit.ts';
import type { RateLimitState } from '../http/openai-rate-limit.ts';
import { RateLimit } from '../mechanisms/rate-limit.ts';
import type { Dimension } from '../mechanisms/rate-limit.ts';
import { TokenBucket } from '../mechanisms/token-bucket.ts';
import type { KeyLimits, LimitDecision, LimitRequest } from './key-limits.ts';
import { ORGANIZATION, retryAfterSeconds } from './retry-after.ts';

type Name = keyof typeof OPENAI_DIMENSIONS;

const WINDOW_MS: Readonly<Record<Name, number>> = {
  rpm: MS_PER_MINUTE,
  tpm: MS_PER_MINUTE,
  rpd: MS_PER_DAY,
  tpd: MS_PER_DAY,
};

/**
 * OpenAI: one continuously refilled bucket per dimension with capacity = limit. What a call asks
 * is a guess from characters plus its output cap (times n), cached tokens included; a refused call
 * counts too. `Requested > Limit` can never pass.
 */
export class OpenaiLimits implements KeyLimits {
  readonly #settings: LimitSettings & { readonly style: 'openai' };
  readonly #limit: RateLimit;

  constructor(settings: LimitSettings & { readonly style: 'openai' }, nowMs: number) {
    this.#settings = settings;
    const dimensions = (['rpm', 'tpm', 'rpd', 'tpd'] as const).flatMap((name) => {
      const capacity = settings[name];
      if (capacity === undefined) return [];
      const refillPerSecond = (capacity * MS_PER_SECOND) / WINDOW_MS[name];
      return [{ name, meter: new TokenBucket({ capacity, refillPerSecond }, nowMs) }];
    });
    this.#limit = new RateLimit(dimensions, { countRefused: ['rpm', 'tpm', 'rpd', 'tpd'] });
  }

  admit(nowMs: number, request: LimitRequest): LimitDecision {
    const input = inputTokens({ ...request.input, output: 0, reasoning: 0 });
    const cap = request.outputCap ?? 0;
    const tokens = this.#settings.requested === 'sum' ? input + cap : Math.max(input, cap);
    const decision = this.#limit.reserve(nowMs, { rpm: 1, rpd: 1, tpm: tokens, tpd: tokens });
    if (!decision.admitted) {
      const dimension = decision.dimension as Name;
      const { used, requested, limit, waitMs } = decision;
      const { model } = request;
      const facts = { model, organization: ORGANIZATION, dimension, limit, used, requested };
      return {
        admitted: false,
        dimension,
        error: {
          status: 429,
          message: openaiRefusalText({ ...facts, waitMs }),
          type: dimension === 'rpm' || dimension === 'rpd' ? 'requests' : 'tokens',
          code: 'rate_limit_exceeded',
        },
        headers: retryHeaders(waitMs),
      };
    }
    const { reservation } = decision;
    return {
      admitted: true,
      ticket: {
        progress: () => {},
        settle: (atMs, used) => {
          const real = inputTokens(used) + used.output;
          // Undocumented whether unused output comes back; output above the guess always counts.
          const amount = this.#settings.refundUnusedOutput ? real : Math.max(tokens, real);
          this.#limit.settle(atMs, reservation, { tpm: amount, tpd: amount });
        },
      },
    };
  }

  headers(nowMs: number): Readonly<Record<string, string>> {
    if (this.#settings.headers === 'absent') return {};
    return openaiRateLimitHeaders(
      this.#limit.dimensions.flatMap((dimension) => state(dimension, nowMs)),
    );
  }
}

/** Requests and tokens per minute; the day's limits have no headers. */
function state({ name, meter }: Dimension, nowMs: number): RateLimitState[] {
  if (name !== 'rpm' && name !== 'tpm') return [];
  const remaining = meter.limit - meter.used(nowMs);
  const resetMs = meter.resetMs(nowMs);
  return [{ name: name === 'rpm' ? 'requests' : 'tokens', limit: meter.limit, remaining, resetMs }];
}

function retryHeaders(waitMs: number): Readonly<Record<string, string>> {
  // A request larger than the limit never passes: no time to come back can be told.
  if (waitMs === Number.POSITIVE_INFINITY) return {};
  return {
    'retry-after-ms': String(Math.ceil(waitMs)),
    'retry-after': retryAfterSeconds(waitMs),
  };
}
