import type { Random } from '../core/random.ts';
import { SliceCounter } from './slice-counter.ts';

export interface CircuitBreakerOptions {
  /** Window over which shares are taken. */
  readonly windowMs: number;
  /** Outcomes the window must hold before it is judged. */
  readonly minimumCalls: number;
  /** Opens when this share of the window failed, 0 to 1. */
  readonly failureShare: number;
  /** Opens when this share of the window was slow; never when absent. */
  readonly slowShare?: number | undefined;
  /** How long it stays open the first time; doubled by each failed probe up to `maxOpenMs`. */
  readonly openMs: number;
  readonly maxOpenMs?: number | undefined;
  /** Probes that must succeed, one after the other or together, before it closes. Default 1. */
  readonly probes?: number | undefined;
  /** A probe that has not reported by then no longer holds its place. Default `openMs`. */
  readonly probeTimeoutMs?: number | undefined;
}

export type CircuitState = 'closed' | 'open' | 'half-open';

/**
 * How a call ended, told at its very end (a stream that opened well may still be cut). `neutral`
 * (the caller's own fault, a throttle) says nothing about the health of the target.
 */
export type CircuitOutcome = 'success' | 'failure' | 'slow' | 'neutral';

/** Permission for one call. Outcomes of calls from before a change of state are not counted. */
export interface CircuitTicket {
  readonly generation: number;
  readonly probe: boolean;
}

export type CircuitDecision =
  | { readonly allowed: true; readonly ticket: CircuitTicket }
  | { readonly allowed: false; readonly waitMs: number };

/** Share of `openMs` by which jitter may lengthen it, so that many breakers do not probe at once. */
const JITTER = 0.25;

/**
 * Circuit breaker per target: closed until the failure or slow share of the window is too high,
 * then open (refuses all), then half-open (lets probes through) and closed again, or open for
 * twice as long.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  readonly #random: Random | undefined;
  readonly #calls: SliceCounter;
  readonly #failures: SliceCounter;
  readonly #slow: SliceCounter;
  #state: CircuitState = 'closed';
  #generation = 0;
  #openMs: number;
  #opensAgainMs = 0;
  #probesWon = 0;
  /** When each probe under way was let through. */
  #probesSince: number[] = [];

  constructor(options: CircuitBreakerOptions, random?: Random) {
    this.#options = options;
    this.#random = random;
    this.#calls = new SliceCounter(options.windowMs);
    this.#failures = new SliceCounter(options.windowMs);
    this.#slow = new SliceCounter(options.windowMs);
    this.#openMs = options.openMs;
  }

  state(nowMs: number): CircuitState {
    if (this.#state === 'open' && nowMs >= this.#opensAgainMs) this.#enter('half-open');
    return this.#state;
  }

  /** Asks for one call. A ticket must come back through `record`. */
  allow(nowMs: number): CircuitDecision {
    switch (this.state(nowMs)) {
      case 'closed':
        return { allowed: true, ticket: { generation: this.#generation, probe: false } };
      case 'open':
        return { allowed: false, waitMs: this.#opensAgainMs - nowMs };
      case 'half-open':
        return this.#probe(nowMs);
    }
  }

  record(nowMs: number, ticket: CircuitTicket, outcome: CircuitOutcome): void {
    if (ticket.generation !== this.#generation) return;
    if (ticket.probe) this.#recordProbe(nowMs, outcome);
    else this.#recordCall(nowMs, outcome);
  }

  /** Opens by hand until `untilMs`: the account is out of money, an operator pulled the plug. */
  open(untilMs: number): void {
    this.#enter('open');
    this.#opensAgainMs = untilMs;
  }

  #probe(nowMs: number): CircuitDecision {
    const { probes = 1, openMs, probeTimeoutMs = openMs } = this.#options;
    this.#probesSince = this.#probesSince.filter((sinceMs) => sinceMs + probeTimeoutMs > nowMs);
    if (this.#probesWon + this.#probesSince.length >= probes) {
      const freeMs = (this.#probesSince[0] ?? nowMs) + probeTimeoutMs;
      return { allowed: false, waitMs: freeMs - nowMs };
    }
    this.#probesSince.push(nowMs);
    return { allowed: true, ticket: { generation: this.#generation, probe: true } };
  }

  #recordProbe(nowMs: number, outcome: CircuitOutcome): void {
    this.#probesSince.shift();
    if (outcome === 'neutral') return;
    if (outcome === 'success') {
      this.#probesWon += 1;
      if (this.#probesWon < (this.#options.probes ?? 1)) return;
      this.#openMs = this.#options.openMs;
      this.#enter('closed');
      return;
    }
    this.#openMs = Math.min(this.#openMs * 2, this.#options.maxOpenMs ?? this.#openMs);
    this.#trip(nowMs);
  }

  #recordCall(nowMs: number, outcome: CircuitOutcome): void {
    if (outcome === 'neutral') return;
    this.#calls.add(nowMs);
    if (outcome === 'failure') this.#failures.add(nowMs);
    if (outcome === 'slow') this.#slow.add(nowMs);
    const { minimumCalls, failureShare, slowShare = Number.POSITIVE_INFINITY } = this.#options;
    const calls = this.#calls.sum(nowMs);
    if (calls < minimumCalls) return;
    const failed = this.#failures.sum(nowMs) / calls;
    const slow = this.#slow.sum(nowMs) / calls;
    if (outcome !== 'success' && (failed >= failureShare || slow >= slowShare)) this.#trip(nowMs);
  }

  #trip(nowMs: number): void {
    const jitter = this.#random === undefined ? 0 : JITTER * this.#random.uniform();
    this.#enter('open');
    this.#opensAgainMs = nowMs + this.#openMs * (1 + jitter);
  }

  #enter(state: CircuitState): void {
    this.#state = state;
    this.#generation += 1;
    this.#probesWon = 0;
    this.#probesSince = [];
    this.#calls.clear();
    this.#failures.clear();
    this.#slow.clear();
  }
}
