import { cacheWriteTokens, inputTokens } from '../core/tokens.ts';
import type { TokenRecord } from '../core/tokens.ts';

/**
 * What one call takes from each of a provider's limits, by that provider's own counting rule.
 * Sources per rule: reference of the catalog entry that names it (profiles/providers/*.yaml).
 */
export interface DebitRule {
  /** Share of cache-read tokens that counts to TPM and ITPM. */
  readonly cacheReadWeight: number;
  /** Factor on output tokens in TPM when the call is settled (Bedrock's burndown). */
  readonly outputWeight: number;
  /**
   * Output that counts to TPM over a minute: the real output, or the `max_tokens` of the request
   * because the provider never corrects its reservation (Azure) or does not document that it does
   * (OpenAI).
   */
  readonly countedOutput: 'actual' | 'reserved';
  /** Output that must fit into the bucket at admission: a request larger than the bucket never passes. */
  readonly admittedOutput: 'none' | 'reserved';
}

const COUNT_ALL: DebitRule = {
  cacheReadWeight: 1,
  outputWeight: 1,
  countedOutput: 'actual',
  admittedOutput: 'reserved',
};

export const DEBIT_RULES = {
  /** Every token counts once: the rule when the provider states none. */
  generic: COUNT_ALL,
  openai: { ...COUNT_ALL, countedOutput: 'reserved' },
  /** Cache reads are free, `max_tokens` is ignored; ITPM and OTPM are separate buckets. */
  anthropic: { ...COUNT_ALL, cacheReadWeight: 0, admittedOutput: 'none' },
  /** Claude Haiku 3.5: as Anthropic, but cache reads count. */
  'anthropic-cache-counts': { ...COUNT_ALL, admittedOutput: 'none' },
  azure: { ...COUNT_ALL, countedOutput: 'reserved' },
  /** Settles to input + cache writes + output; the reservation holds `max_tokens`. */
  'bedrock-runtime': { ...COUNT_ALL, cacheReadWeight: 0 },
  /** The same with the 5x output burndown of Claude 3.7 and later. */
  'bedrock-claude': { ...COUNT_ALL, cacheReadWeight: 0, outputWeight: 5 },
  'bedrock-mantle': { ...COUNT_ALL, admittedOutput: 'none' },
  gemini: { ...COUNT_ALL, outputWeight: 0, admittedOutput: 'none' },
  groq: { ...COUNT_ALL, cacheReadWeight: 0, countedOutput: 'reserved' },
  xai: { ...COUNT_ALL, admittedOutput: 'none' },
  cerebras: { ...COUNT_ALL, countedOutput: 'reserved' },
  fireworks: { ...COUNT_ALL, admittedOutput: 'none' },
  mistral: { ...COUNT_ALL, admittedOutput: 'none' },
  deepseek: { ...COUNT_ALL, admittedOutput: 'none' },
} as const satisfies Record<string, DebitRule>;

export type DebitRuleId = keyof typeof DEBIT_RULES;

/** One call's debits. Tokens are counted as the rule says, not as billed. */
export interface CallDebit {
  readonly requests: number;
  /** TPM. */
  readonly tokens: number;
  /** ITPM. */
  readonly inputTokens: number;
  /** OTPM. */
  readonly outputTokens: number;
  /** The uncached-token bucket (Cerebras, Fireworks). */
  readonly uncachedTokens: number;
}

export interface DebitedCall {
  readonly tokens: TokenRecord;
  /** `max_tokens` of the request; without it the real output is counted. */
  readonly maxOutputTokens?: number | undefined;
}

/** What the call counts over the minute it runs in (after settlement where the provider settles). */
export function debit(rule: DebitRule, call: DebitedCall): CallDebit {
  const { tokens } = call;
  const counted = countedInput(rule, tokens);
  const output =
    rule.countedOutput === 'reserved' ? reservedOutput(call) : tokens.output * rule.outputWeight;
  return {
    requests: 1,
    tokens: counted + output,
    inputTokens: counted,
    outputTokens: tokens.output,
    uncachedTokens: tokens.uncached + cacheWriteTokens(tokens),
  };
}

/** What must be free in each bucket for the call to be admitted at all. */
export function admissionDebit(rule: DebitRule, call: DebitedCall): CallDebit {
  const counted = countedInput(rule, call.tokens);
  return {
    ...debit(rule, call),
    tokens: counted + (rule.admittedOutput === 'reserved' ? reservedOutput(call) : 0),
    // Output buckets are debited while tokens are generated, so they never refuse a call outright.
    outputTokens: 0,
  };
}

function countedInput(rule: DebitRule, tokens: TokenRecord): number {
  return inputTokens(tokens) - (1 - rule.cacheReadWeight) * tokens.cacheRead;
}

function reservedOutput({ tokens, maxOutputTokens }: DebitedCall): number {
  return Math.max(maxOutputTokens ?? 0, tokens.output);
}

/** Tokens that count to Bedrock's quota once a call is done: input + cache writes + output × burndown. */
export function bedrockSettlement(
  tokens: { readonly input: number; readonly cacheWrite: number; readonly output: number },
  burndown: number,
): number {
  return tokens.input + tokens.cacheWrite + tokens.output * burndown;
}

/** Calls whose reservations (input + max_tokens) fit into a token bucket at the same time. */
export function concurrentReservations(
  tokensPerMinute: number,
  request: { readonly inputTokens: number; readonly maxOutputTokens: number },
): number {
  return Math.floor(tokensPerMinute / (request.inputTokens + request.maxOutputTokens));
}

/** All input tokens a minute that fit under an ITPM limit when cache reads are free. */
export function effectiveInputLimit(inputTokensPerMinute: number, hitRate: number): number {
  return inputTokensPerMinute / (1 - hitRate);
}

/** Requests that a per-minute limit allows in a shorter enforcement window. */
export function requestsPerWindow(requestsPerMinute: number, windowSeconds: number): number {
  return (requestsPerMinute * windowSeconds) / 60;
}

/** RPM that comes with a token quota where the provider derives it (Azure's older models). */
export function requestsFromTokenQuota(
  tokensPerMinute: number,
  requestsPerThousandTokens: number,
): number {
  return (tokensPerMinute / 1000) * requestsPerThousandTokens;
}

/**
 * Wait until a continuously refilled bucket of a minute's capacity admits the request; Infinity
 * when the request is larger than the bucket. Matches public OpenAI 429 bodies to the millisecond.
 */
export function retryAfterSeconds(bucket: {
  readonly limitPerMinute: number;
  readonly used: number;
  readonly requested: number;
}): number {
  const { limitPerMinute, used, requested } = bucket;
  if (requested > limitPerMinute) return Number.POSITIVE_INFINITY;
  return Math.max(0, ((used + requested - limitPerMinute) * 60) / limitPerMinute);
}
