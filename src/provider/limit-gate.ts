import type { LimitSettings, ProviderConfig } from '../config/provider.ts';
import type { Clock } from '../core/clock.ts';
import { createKeyLimits } from './key-limits.ts';
import type { KeyLimits, LimitDecision, LimitRequest } from './key-limits.ts';

export interface LimitAnswer {
  readonly decision: LimitDecision;
  /** Limit state after this call was counted, for its reply. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Asks the limits of a key and model. The answer comes through a callback because with several
 * workers the limits live in the primary process.
 */
export interface LimitGate {
  admit(key: string, request: LimitRequest, answer: (answer: LimitAnswer) => void): void;
}

/** Keys with limits of their own; later ones share the state of one stranger. */
const MAX_KEYS = 10_000;

/** The limits of all keys and models, in this process. Answers at once. */
export class LocalLimitGate implements LimitGate {
  readonly #settings = new Map<string, LimitSettings | undefined>();
  readonly #limits = new Map<string, KeyLimits>();
  readonly #clock: Clock;
  readonly #nowEpochMs: () => number;

  constructor(config: ProviderConfig, clock: Clock, nowEpochMs: () => number) {
    for (const { id, limits } of [...config.models, ...config.embeddings]) {
      this.#settings.set(id, limits);
    }
    this.#clock = clock;
    this.#nowEpochMs = nowEpochMs;
  }

  admit(key: string, request: LimitRequest, answer: (answer: LimitAnswer) => void): void {
    const now = this.#clock.now();
    const limits = this.#of(key, request.model, now);
    const decision = limits.admit(now, request);
    answer({ decision, headers: limits.headers(now, this.#nowEpochMs()) });
  }

  #of(key: string, model: string, nowMs: number): KeyLimits {
    const name = `${model}\0${key}`;
    const known = this.#limits.get(name);
    if (known !== undefined) return known;
    if (this.#limits.size >= MAX_KEYS && key !== '') return this.#of('', model, nowMs);
    const fresh = createKeyLimits(this.#settings.get(model), nowMs);
    this.#limits.set(name, fresh);
    return fresh;
  }
}
