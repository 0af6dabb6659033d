import type { LimitSettings } from '../config/provider.ts';
import { MS_PER_MINUTE, MS_PER_SECOND } from '../core/units.ts';
import { RateLimit } from '../mechanisms/rate-limit.ts';
import { TokenBucket } from '../mechanisms/token-bucket.ts';
import type { KeyLimits, LimitDecision, LimitRequest } from './key-limits.ts';
import { retryAfterSeconds } from './retry-after.ts';

/** Output guess where the client sets no cap; Azure's own estimate is not published. */
const OUTPUT_GUESS = 1000;

/**
 * Azure provisioned throughput: one leaky bucket of utilisation. A call weighs uncached input plus
 * output (its cap at first) times the model's ratio, corrected at the end; calls are admitted while
 * utilisation is at or below 100 %, so that one call may overshoot and the next ones are refused.
 */
export class AzurePtuLimits implements KeyLimits {
  readonly #settings: LimitSettings & { readonly style: 'azure-ptu' };
  readonly #bucket: TokenBucket;
  readonly #limit: RateLimit;

  constructor(settings: LimitSettings & { readonly style: 'azure-ptu' }, nowMs: number) {
    this.#settings = settings;
    const refillPerSecond = (settings.tpm * MS_PER_SECOND) / MS_PER_MINUTE;
    this.#bucket = new TokenBucket({ capacity: settings.tpm, refillPerSecond }, nowMs);
    this.#limit = new RateLimit([{ name: 'utilisation', meter: this.#bucket }]);
  }

  admit(nowMs: number, { input, outputCap }: LimitRequest): LimitDecision {
    const { outputRatio } = this.#settings;
    const fresh = input.uncached + input.cacheWrite5m + input.cacheWrite1h;
    const weight = fresh + outputRatio * (outputCap ?? OUTPUT_GUESS);
    const waitMs = this.#bucket.waitMs(nowMs, 0);
    if (waitMs > 0) {
      return {
        admitted: false,
        dimension: 'utilisation',
        error: {
          status: 429,
          code: '429',
          type: 'too_many_requests',
          message: `Requests to the deployment have exceeded its provisioned throughput. Please retry after ${retryAfterSeconds(waitMs)} seconds.`,
        },
        headers: {
          'retry-after-ms': String(Math.ceil(waitMs)),
          'retry-after': retryAfterSeconds(waitMs),
        },
      };
    }
    // Nothing is asked of the bucket, everything is debited: it may go below zero.
    const decision = this.#limit.reserve(nowMs, { utilisation: 0 });
    if (!decision.admitted) throw new RangeError('an empty request was refused');
    this.#limit.extend(nowMs, decision.reservation, 'utilisation', weight);
    return {
      admitted: true,
      ticket: {
        progress: () => {},
        settle: (atMs, used) => {
          const real = used.uncached + used.cacheWrite5m + used.cacheWrite1h;
          const amount = real + outputRatio * used.output;
          this.#limit.settle(atMs, decision.reservation, { utilisation: amount });
        },
      },
    };
  }

  headers(): Readonly<Record<string, string>> {
    return {};
  }
}
