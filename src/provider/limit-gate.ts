import type { LimitSettings, ProviderConfig } from '../config/provider.ts';
import type { Clock } from '../core/clock.ts';
import { admitInOrder } from '../mechanisms/spillover.ts';
import { createKeyLimits } from './key-limits.ts';
import type { KeyLimits, LimitDecision, LimitRequest } from './key-limits.ts';

export interface LimitAnswer {
  readonly decision: LimitDecision;
  /** Limit state after this call was counted, for its reply. */
  readonly headers: Readonly<Record<string, string>>;
  /** Another model took the call that this one's limits refused. */
  readonly servedBy?: string | undefined;
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
  readonly #spillover = new Map<string, string>();
  readonly #limits = new Map<string, KeyLimits>();
  readonly #clock: Clock;
  readonly #nowEpochMs: () => number;

  constructor(config: ProviderConfig, clock: Clock, nowEpochMs: () => number) {
    for (const { id, limits } of [...config.models, ...config.embeddings]) {
      this.#settings.set(id, limits);
    }
    for (const { id, spillover } of config.models) {
      if (spillover !== undefined) this.#spillover.set(id, spillover);
    }
    this.#clock = clock;
    this.#nowEpochMs = nowEpochMs;
  }

  admit(key: string, request: LimitRequest, answer: (answer: LimitAnswer) => void): void {
    const now = this.#clock.now();
    const epochMs = this.#nowEpochMs();
    const own = this.#of(key, request.model, now);
    const spillover = this.#spillover.get(request.model);
    if (spillover === undefined) {
      const decision = own.admit(now, request);
      answer({ decision, headers: own.headers(now, epochMs) });
      return;
    }
    const other = this.#of(key, spillover, now);
    const { decision, target } = admitInOrder([
      () => own.admit(now, request),
      () => other.admit(now, { ...request, model: spillover }),
    ]);
    const headers = (target === 0 ? own : other).headers(now, epochMs);
    if (target === 0) answer({ decision, headers });
    else {
      const told = spilloverHeaders(request.model, spillover, decision);
      const servedBy = decision.admitted ? spillover : undefined;
      answer({ decision, headers: { ...headers, ...told }, servedBy });
    }
  }

  #of(key: string, model: string, nowMs: number): KeyLimits {
    const name = `${model}\0${key}`;
    const known = this.#limits.get(name);
    if (known !== undefined) return known;
    if (this.#limits.size >= MAX_KEYS && key !== '') return this.#of('', model, nowMs);
    const epochAtZeroMs = this.#nowEpochMs() - this.#clock.now();
    const fresh = createKeyLimits(this.#settings.get(model), nowMs, epochAtZeroMs);
    this.#limits.set(name, fresh);
    return fresh;
  }
}

/** Azure's headers of a call that left its deployment. */
export function spilloverHeaders(
  from: string,
  to: string,
  decision: LimitDecision,
): Readonly<Record<string, string>> {
  const told = { 'x-ms-spillover-from-deployment': from, 'x-ms-deployment-name': to };
  return decision.admitted
    ? told
    : { ...told, 'x-ms-spillover-error': String(decision.refusal.error.status) };
}
