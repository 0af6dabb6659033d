import type { TokenRecord } from '../../core/tokens.ts';

/** What a provider's limits count. `work` is weighted tokens (PTU, GSU). */
export type DebitUnit =
  | 'requests'
  | 'tokens'
  | 'inputTokens'
  | 'outputTokens'
  | 'uncachedTokens'
  | 'work'
  | 'usd'
  | 'inFlight';

export type Debit = Readonly<Partial<Record<DebitUnit, number>>>;

/** What is known of a call before it runs. */
export interface CallEstimate {
  /** All input tokens, cached or not. */
  readonly inputTokens: number;
  /** Those expected from a cache; 0 when absent. */
  readonly cacheReadTokens?: number | undefined;
  /** The request's cap: the largest of `max_tokens`, `max_completion_tokens`, `max_output_tokens`. */
  readonly maxOutputTokens?: number | undefined;
  /** The most the model can give: what Bedrock reserves for a call without a cap. */
  readonly modelMaxOutputTokens?: number | undefined;
  /** What the provider (or we) would guess for a call without a cap. */
  readonly expectedOutputTokens?: number | undefined;
  /** `n` or `best_of`; default 1. */
  readonly choices?: number | undefined;
  /** Price at worst; for limits in dollars. */
  readonly usd?: number | undefined;
}

/** What the call turned out to be. */
interface CallUsage {
  readonly tokens: TokenRecord;
  readonly usd?: number | undefined;
}

/** Differences between models of one provider, and points the documentation leaves open. */
export interface DebitOptions {
  /** `requested` of OpenAI: estimate + cap (fits public 429 bodies) or the docs' larger of the two. */
  readonly requested?: 'sum' | 'max' | undefined;
  /** Whether unused output comes back at the end where the provider does not say. Default false. */
  readonly refundUnusedOutput?: boolean | undefined;
  /** Anthropic: cache reads count (Haiku 3.5). Bedrock: they are in the reservation. Default false. */
  readonly cacheReadsCount?: boolean | undefined;
  /** Weight of an output token: Bedrock 5 (Claude ≥ 3.7) or 1, PTU 4, 6 or 8, GSU 4 to 9. Default 1. */
  readonly outputWeight?: number | undefined;
  /** Weight of a cached input token where it is neither 0 nor 1: GSU 0.1. */
  readonly cacheReadWeight?: number | undefined;
}

/**
 * How a provider counts one call. `reserve` is debited at admission; `settle` corrects it when the
 * usage is known, and what it does not name stays as reserved.
 */
export interface DebitRule {
  readonly reserve: (call: CallEstimate, options: DebitOptions) => Debit;
  readonly settle: (usage: CallUsage, call: CallEstimate, options: DebitOptions) => Debit;
  /** Units a refused call still counts against. */
  readonly countRefused: readonly DebitUnit[];
  /** Units a failed call (5xx, cut stream) keeps although its tokens are returned. */
  readonly keptOnFailure: readonly DebitUnit[];
}
