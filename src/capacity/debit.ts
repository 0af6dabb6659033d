import { cacheWriteTokens, inputTokens, NO_TOKENS } from '../core/tokens.ts';
import type { TokenRecord } from '../core/tokens.ts';
import { MS_PER_MINUTE } from '../core/units.ts';
import type { CallEstimate, Debit, DebitOptions } from '../mechanisms/debits/debit-rule.ts';
import { DEBIT_RULES } from '../mechanisms/debits/debit-rules.ts';
import type { ProviderRule } from '../mechanisms/debits/debit-rules.ts';

/** How a catalog entry counts: one of the limiters' own rules and its options. */
export interface CountingRule {
  readonly rule: ProviderRule;
  readonly options: DebitOptions;
  /** The provider's TPM counts input only (Gemini). */
  readonly tokensAreInput?: boolean | undefined;
}

/** Names that catalogs and plans use. */
export const COUNTING_RULES = {
  /** Every token counts once: the rule when the provider states none. */
  generic: { rule: 'generic', options: {} },
  openai: { rule: 'openai', options: {} },
  anthropic: { rule: 'anthropic', options: {} },
  /** Claude Haiku 3.5: as Anthropic, but cache reads count. */
  'anthropic-cache-counts': { rule: 'anthropic', options: { cacheReadsCount: true } },
  azure: { rule: 'azure-standard', options: {} },
  'bedrock-runtime': { rule: 'bedrock-runtime', options: {} },
  /** Claude 3.7 and later on Bedrock: one output token counts five. */
  'bedrock-claude': { rule: 'bedrock-runtime', options: { outputWeight: 5 } },
  'bedrock-mantle': { rule: 'bedrock-mantle', options: {} },
  gemini: { rule: 'gemini', options: {}, tokensAreInput: true },
  groq: { rule: 'groq', options: {} },
  xai: { rule: 'xai', options: {} },
  cerebras: { rule: 'cerebras', options: {} },
  fireworks: { rule: 'fireworks', options: {} },
  mistral: { rule: 'mistral', options: {} },
  deepseek: { rule: 'deepseek', options: {} },
} as const satisfies Record<string, CountingRule>;

/** Whether a request without `max_tokens` reserves the most its model can give (Bedrock). */
export function reservesModelMaximum(counting: CountingRule): boolean {
  const tokens = { ...NO_TOKENS, uncached: 1, output: 1 };
  const most = admissionDebit(counting, { tokens, modelMaxOutputTokens: 1000 });
  return most.tokens > admissionDebit(counting, { tokens }).tokens;
}

export type CountingRuleId = keyof typeof COUNTING_RULES;

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
  /** The most the model can give: what Bedrock reserves for a request without `max_tokens`. */
  readonly modelMaxOutputTokens?: number | undefined;
}

/**
 * What the call takes of a minute's limits: what is settled, and for as long as the call runs the
 * part of its reservation that comes back afterwards. Over many calls that part is the number in
 * flight times its size: calls a minute × share of the minute they run × size.
 * @param call.durationMs how long it runs; a whole minute at most counts
 */
export function debit(
  counting: CountingRule,
  call: DebitedCall & { readonly durationMs: number },
): CallDebit {
  const settled = settledDebit(counting, call);
  const reserved = admissionDebit(counting, call);
  const held = Math.min(1, Math.max(0, call.durationMs) / MS_PER_MINUTE);
  const taken = (name: 'tokens' | 'inputTokens' | 'uncachedTokens'): number =>
    settled[name] + Math.max(0, reserved[name] - settled[name]) * held;
  return {
    ...settled,
    tokens: taken('tokens'),
    inputTokens: taken('inputTokens'),
    uncachedTokens: taken('uncachedTokens'),
  };
}

/** What the call has counted once it is over: as reserved, corrected by what is settled. */
export function settledDebit(counting: CountingRule, call: DebitedCall): CallDebit {
  const estimate = estimateOf(call);
  const { reserve, settle } = DEBIT_RULES[counting.rule];
  return complete(counting, call.tokens, {
    ...reserve(estimate, counting.options),
    ...settle({ tokens: call.tokens }, estimate, counting.options),
  });
}

/** What must be free in each bucket for the call to be admitted at all. */
export function admissionDebit(counting: CountingRule, call: DebitedCall): CallDebit {
  const reserved = DEBIT_RULES[counting.rule].reserve(estimateOf(call), counting.options);
  return complete(counting, call.tokens, reserved);
}

/**
 * Whether `max_tokens` is reserved, so that asking for less frees the limit: for good where the
 * provider does not correct it, else for as long as a call runs.
 */
export function countsMaxTokens(counting: CountingRule): boolean {
  const tokens = { ...NO_TOKENS, uncached: 1, output: 1 };
  const capped = admissionDebit(counting, { tokens, maxOutputTokens: 1000 });
  return capped.tokens > admissionDebit(counting, { tokens }).tokens;
}

function estimateOf(call: DebitedCall): CallEstimate {
  const { maxOutputTokens, modelMaxOutputTokens, tokens } = call;
  return {
    inputTokens: inputTokens(tokens),
    cacheReadTokens: tokens.cacheRead,
    maxOutputTokens,
    modelMaxOutputTokens,
    expectedOutputTokens: tokens.output,
  };
}

/** A limit the provider does not document is counted in full: every token once. */
function complete(counting: CountingRule, tokens: TokenRecord, known: Debit): CallDebit {
  const input = known.inputTokens ?? inputTokens(tokens);
  const output = known.outputTokens ?? tokens.output;
  return {
    requests: 1,
    tokens: known.tokens ?? (counting.tokensAreInput === true ? input : input + output),
    inputTokens: input,
    outputTokens: output,
    uncachedTokens: known.uncachedTokens ?? tokens.uncached + cacheWriteTokens(tokens),
  };
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
