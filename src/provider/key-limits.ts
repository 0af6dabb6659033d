import type { LimitSettings } from '../config/provider.ts';
import type { TokenRecord } from '../core/tokens.ts';
import { NO_TOKENS, inputTokens } from '../core/tokens.ts';
import type { ApiError } from '../http/dialect.ts';
import type {
  CallEstimate,
  Debit,
  DebitOptions,
  DebitRule,
} from '../mechanisms/debits/debit-rule.ts';
import { DEBIT_RULES } from '../mechanisms/debits/debit-rules.ts';
import { GrowthLimit } from '../mechanisms/growth-limit.ts';
import { LIMITS, createProviderLimit } from '../mechanisms/provider-limit.ts';
import type { Enforcements, LimitName } from '../mechanisms/provider-limit.ts';
import type { RateLimit, Reservation } from '../mechanisms/rate-limit.ts';
import { presentationOf } from './limit-presentation.ts';
import type { LimitPresentation, PublishedState } from './limit-presentation.ts';
import { spendOf } from './spend-price.ts';

/** What a call asks of its key's limits, before it runs. Plain data: it crosses processes. */
export interface LimitRequest {
  readonly model: string;
  readonly input: Pick<TokenRecord, 'uncached' | 'cacheRead' | 'cacheWrite5m' | 'cacheWrite1h'>;
  /** The client's output cap for one choice; undefined when it set none. */
  readonly outputCap: number | undefined;
  readonly choices: number;
  readonly modelMaxOutput: number;
  /** What the provider would guess for a call without a cap. */
  readonly expectedOutput: number;
}

export type LimitDecision =
  | { readonly admitted: true; readonly ticket: LimitTicket }
  | { readonly admitted: false; readonly refusal: LimitRefusal };

export interface LimitRefusal {
  readonly error: ApiError;
  readonly headers: Readonly<Record<string, string>>;
  /** For the log: the limit that refused. */
  readonly dimension: string;
}

/** An admitted call's hold on the limits; closed once. */
export interface LimitTicket {
  /** Output tokens generated so far; absent where they do not count before the end. */
  readonly progress?: ((nowMs: number, outputTokens: number) => void) | undefined;
  /** The call is over, with what it really used. */
  settle(nowMs: number, used: TokenRecord): void;
}

/** Limits of one key and model, by the rules of mechanisms/. All calls are handed the time. */
export interface KeyLimits {
  admit(nowMs: number, request: LimitRequest): LimitDecision;
  /** State headers for any reply, after the call was counted. */
  headers(nowMs: number, nowEpochMs: number): Readonly<Record<string, string>>;
}

/**
 * Fresh limits of one key; without settings everything passes.
 * @param epochAtZeroMs wall time at `nowMs` = 0: months follow the calendar
 */
export function createKeyLimits(
  settings: LimitSettings | undefined,
  nowMs: number,
  epochAtZeroMs: number,
): KeyLimits {
  return settings === undefined ? UNLIMITED : new RuledLimits(settings, nowMs, epochAtZeroMs);
}

const UNLIMITED: KeyLimits = {
  admit: () => ({ admitted: true, ticket: { settle: () => {} } }),
  headers: () => ({}),
};

/** Limit names a document may state, with their values. */
type Values = Partial<Record<LimitName, number | undefined>>;

class RuledLimits implements KeyLimits {
  readonly #settings: LimitSettings;
  readonly #rule: DebitRule;
  readonly #options: DebitOptions;
  readonly #limit: RateLimit;
  readonly #presentation: LimitPresentation;

  constructor(settings: LimitSettings, nowMs: number, epochAtZeroMs: number) {
    const { style, ramp, spend, ...rest } = settings;
    const values: Values = {
      ...(rest as Values),
      spendPerMonth: spend?.perMonth,
      spendPer10Min: spend?.per10Minutes,
    };
    this.#settings = settings;
    this.#rule = DEBIT_RULES[style];
    this.#options = rest;
    this.#presentation = presentationOf(style);
    this.#limit = createProviderLimit(style, values, nowMs, {
      epochAtZeroMs,
      enforcement: enforcementOf(settings),
      ...(ramp === undefined
        ? {}
        : {
            extra: [
              {
                name: 'ramp',
                unit: 'inputTokens',
                meter: new GrowthLimit({ ...ramp, periodMs: ramp.period }),
              },
            ],
          }),
    });
    for (const { name, meter } of this.#limit.dimensions) {
      if (name === 'spendPerMonth') meter.force(nowMs, spend?.spent ?? 0);
    }
  }

  admit(nowMs: number, request: LimitRequest): LimitDecision {
    const call = estimateOf(request);
    const decision = this.#limit.reserve(nowMs, this.#reserved(request, call));
    if (decision.admitted) {
      return { admitted: true, ticket: this.#ticket(decision.reservation, call) };
    }
    const { dimension } = decision;
    const facts = { ...decision, limit: this.#published(dimension) ?? decision.limit };
    return {
      admitted: false,
      refusal: { dimension, ...this.#presentation.refusal(facts, request.model) },
    };
  }

  headers(nowMs: number, nowEpochMs: number): Readonly<Record<string, string>> {
    if (this.#settings.headers === 'absent') return {};
    const states: PublishedState[] = [];
    for (const { name, meter } of this.#limit.dimensions) {
      const limit = this.#published(name);
      if (limit === undefined) continue;
      const used = meter.used(nowMs);
      // A burst smaller than the limit bounds what is left, not what is published.
      const most = Math.min(limit, meter.limit);
      states.push({ name, limit, remaining: most - used, resetMs: meter.resetMs(nowMs) });
    }
    return this.#presentation.headers(states, nowEpochMs);
  }

  #ticket(reservation: Reservation, call: CallEstimate): LimitTicket {
    let counted = 0;
    // Rules that reserve no output count it as it is generated.
    const isLive = this.#rule.reserve(call, this.#options).outputTokens === 0;
    const progress = (nowMs: number, outputTokens: number): void => {
      if (outputTokens <= counted) return;
      this.#limit.extend(nowMs, reservation, 'outputTokens', outputTokens - counted);
      counted = outputTokens;
    };
    return {
      progress: isLive ? progress : undefined,
      settle: (nowMs, tokens) => {
        const { spend } = this.#settings;
        const usd = spend === undefined ? {} : { usd: spendOf(spend.prices, tokens) };
        const actual = { ...this.#rule.settle({ tokens }, call, this.#options), ...usd };
        this.#limit.settle(nowMs, reservation, actual);
      },
    };
  }

  /** Dollars of the input are known at once, those of the output at the end. */
  #reserved({ input }: LimitRequest, call: CallEstimate): Debit {
    const { spend } = this.#settings;
    const amounts = this.#rule.reserve(call, this.#options);
    if (spend === undefined) return amounts;
    return { ...amounts, usd: spendOf(spend.prices, { ...NO_TOKENS, ...input }) };
  }

  /** The limit as the provider states it, per its own period. */
  #published(name: string): number | undefined {
    return name in LIMITS ? (this.#settings as Values)[name as LimitName] : undefined;
  }
}

/** What the document says about windows and bursts, in place of the provider's own. */
function enforcementOf({ requestBurst, requestWindow }: LimitSettings): Enforcements {
  if (requestBurst !== undefined) return { rpm: { kind: 'bucket', burstMs: requestBurst } };
  if (requestWindow !== undefined) return { rpm: { kind: 'fixed', windowMs: requestWindow } };
  return {};
}

function estimateOf(request: LimitRequest): CallEstimate {
  return {
    inputTokens: inputTokens({ ...NO_TOKENS, ...request.input }),
    cacheReadTokens: request.input.cacheRead,
    maxOutputTokens: request.outputCap,
    modelMaxOutputTokens: request.modelMaxOutput,
    expectedOutputTokens: request.expectedOutput,
    choices: request.choices,
  };
}
