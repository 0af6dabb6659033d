import { inputTokens } from '../core/tokens.ts';
import type { Outcome, RequestRecord } from './request-log.ts';

/** What one key has done so far. */
export interface KeyCount {
  requests: number;
  outcomes: Record<Outcome, number>;
  /** Refused by a limit: part of `refused`. */
  limited: number;
  inputTokens: number;
  cachedTokens: number;
  outputTokens: number;
}

/** Keys counted apart; later ones are counted together under an empty name. */
const MAX_KEYS = 10_000;

/** Counts by key: the provider's own truth, to check gateways and load tests against. */
export class KeyCounts {
  readonly #byKey = new Map<string, KeyCount>();

  add({ key = '', outcome, limit, tokens }: RequestRecord): void {
    const count = this.#of(key);
    count.requests += 1;
    if (outcome !== undefined) count.outcomes[outcome] += 1;
    if (limit !== undefined) count.limited += 1;
    if (tokens === undefined) return;
    count.inputTokens += inputTokens(tokens);
    count.cachedTokens += tokens.cacheRead;
    count.outputTokens += tokens.output;
  }

  toJSON(): Readonly<Record<string, KeyCount>> {
    return Object.fromEntries(this.#byKey);
  }

  #of(key: string): KeyCount {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    if (this.#byKey.size >= MAX_KEYS && key !== '') return this.#of('');
    const fresh: KeyCount = {
      requests: 0,
      outcomes: { complete: 0, refused: 0, fault: 0, 'client-closed': 0 },
      limited: 0,
      inputTokens: 0,
      cachedTokens: 0,
      outputTokens: 0,
    };
    this.#byKey.set(key, fresh);
    return fresh;
  }
}
