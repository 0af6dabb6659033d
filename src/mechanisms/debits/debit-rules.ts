import { cacheWriteTokens, inputTokens } from '../../core/tokens.ts';
import type { TokenRecord } from '../../core/tokens.ts';
import type { CallEstimate, DebitOptions, DebitRule } from './debit-rule.ts';

export type ProviderRule =
  | 'openai'
  | 'anthropic'
  | 'azure-standard'
  | 'azure-ptu'
  | 'bedrock-runtime'
  | 'bedrock-mantle'
  | 'gemini'
  | 'vertex'
  | 'groq'
  | 'xai'
  | 'cerebras'
  | 'fireworks'
  | 'deepseek'
  | 'mistral'
  | 'moonshot'
  | 'generic';

const ONE_REQUEST = { countRefused: [], keptOnFailure: ['requests'] } as const;
const COUNTS_REFUSED = { countRefused: ['requests'], keptOnFailure: ['requests'] } as const;

/** Everything counts once: estimate and cap at admission, real usage at the end. */
const generic: DebitRule = {
  ...ONE_REQUEST,
  reserve: (call) => ({
    requests: 1,
    tokens: call.inputTokens + cappedOutput(call),
    inputTokens: call.inputTokens,
    outputTokens: cappedOutput(call),
    uncachedTokens: uncachedEstimate(call),
    inFlight: 1,
    usd: call.usd ?? 0,
  }),
  settle: ({ tokens, usd }, call) => ({
    tokens: inputTokens(tokens) + tokens.output,
    inputTokens: inputTokens(tokens),
    outputTokens: tokens.output,
    uncachedTokens: uncached(tokens),
    usd: usd ?? call.usd ?? 0,
  }),
};

/**
 * One rule per provider, from the providers' own pages as of 2026-11-20. Where the provider is
 * silent the comment says what is assumed.
 */
const rules = {
  generic,

  /**
   * Requested = character estimate + cap × n; settlement is undocumented: unused output comes back
   * only with `refundUnusedOutput`, and output beyond the estimate of a call without a cap counts
   * [inf]. Cached tokens count (docs do not exempt them).
   */
  openai: {
    ...COUNTS_REFUSED,
    reserve: (call, options) => ({ requests: 1, tokens: openaiRequested(call, options) }),
    settle: ({ tokens }, call, options) => ({
      tokens:
        options.refundUnusedOutput === true
          ? inputTokens(tokens) + tokens.output
          : openaiRequested(call, options) + Math.max(0, tokens.output - cappedOutput(call)),
    }),
  },

  /** Cache reads are free, `max_tokens` is ignored, output is counted while it is generated. */
  anthropic: {
    ...ONE_REQUEST,
    reserve: (call, options) => ({
      requests: 1,
      inputTokens: options.cacheReadsCount === true ? call.inputTokens : uncachedEstimate(call),
      outputTokens: 0,
      usd: call.usd ?? 0,
    }),
    settle: ({ tokens, usd }, call, options) => ({
      inputTokens: uncached(tokens) + (options.cacheReadsCount === true ? tokens.cacheRead : 0),
      outputTokens: tokens.output,
      usd: usd ?? call.usd ?? 0,
    }),
  },

  /** Estimate + cap × best_of in a fixed minute, never corrected. */
  'azure-standard': {
    ...COUNTS_REFUSED,
    reserve: (call) => ({ requests: 1, tokens: call.inputTokens + cappedOutput(call) }),
    settle: () => ({}),
  },

  /** Utilisation: uncached prompt + weighted output; corrected at the end. */
  'azure-ptu': {
    ...ONE_REQUEST,
    reserve: (call, options) => ({
      requests: 1,
      work: uncachedEstimate(call) + (options.outputWeight ?? 1) * cappedOutput(call),
    }),
    settle: ({ tokens }, _call, options) => ({
      work: uncached(tokens) + (options.outputWeight ?? 1) * tokens.output,
    }),
  },

  /** Whole input + cap at 1x; settles to input + cache writes + output × burndown. */
  'bedrock-runtime': {
    ...ONE_REQUEST,
    reserve: (call, options) => ({
      requests: 1,
      tokens:
        (options.cacheReadsCount === true ? call.inputTokens : uncachedEstimate(call)) +
        (call.maxOutputTokens ?? call.modelMaxOutputTokens ?? cappedOutput(call)),
    }),
    settle: ({ tokens }, _call, options) => ({
      tokens: uncached(tokens) + (options.outputWeight ?? 1) * tokens.output,
    }),
  },

  /** Separate input and output pools; AWS does not say how they are reserved: input, then real output. */
  'bedrock-mantle': {
    ...ONE_REQUEST,
    reserve: (call) => ({ requests: 1, inputTokens: call.inputTokens, outputTokens: 0 }),
    settle: ({ tokens }) => ({ inputTokens: inputTokens(tokens), outputTokens: tokens.output }),
  },

  /** TPM counts input only; the dollar sum is debited at the estimate and corrected. */
  gemini: {
    ...ONE_REQUEST,
    reserve: (call) => ({ requests: 1, inputTokens: call.inputTokens, usd: call.usd ?? 0 }),
    settle: ({ tokens, usd }, call) => ({
      inputTokens: inputTokens(tokens),
      usd: usd ?? call.usd ?? 0,
    }),
  },

  /** Provisioned throughput: tokens × weights; output estimated at admission, reconciled after. */
  vertex: {
    ...ONE_REQUEST,
    reserve: (call, options) => ({
      requests: 1,
      tokens: call.inputTokens + cappedOutput(call),
      work:
        uncachedEstimate(call) +
        (options.cacheReadWeight ?? VERTEX_CACHE_WEIGHT) * (call.cacheReadTokens ?? 0) +
        (options.outputWeight ?? 1) * (call.expectedOutputTokens ?? cappedOutput(call)),
    }),
    settle: ({ tokens }, _call, options) => ({
      tokens: inputTokens(tokens) + tokens.output,
      work:
        uncached(tokens) +
        (options.cacheReadWeight ?? VERTEX_CACHE_WEIGHT) * tokens.cacheRead +
        (options.outputWeight ?? 1) * tokens.output,
    }),
  },

  /** As OpenAI without cached tokens; what was cached is known at the end. */
  groq: {
    ...ONE_REQUEST,
    reserve: (call) => ({ requests: 1, tokens: uncachedEstimate(call) + cappedOutput(call) }),
    settle: ({ tokens }, call, options) => ({
      tokens:
        uncached(tokens) +
        (options.refundUnusedOutput === true ? tokens.output : cappedOutput(call)),
    }),
  },

  /** Prompt, completion, reasoning and cached tokens all count. */
  xai: {
    ...ONE_REQUEST,
    reserve: (call) => ({ requests: 1, tokens: call.inputTokens + cappedOutput(call) }),
    settle: ({ tokens }) => ({ tokens: inputTokens(tokens) + tokens.output }),
  },

  /** Estimate + cap into the total bucket; the part that is not cached also into the uncached one. */
  cerebras: {
    ...ONE_REQUEST,
    reserve: (call) => ({
      requests: 1,
      tokens: call.inputTokens + cappedOutput(call),
      uncachedTokens: uncachedEstimate(call) + cappedOutput(call),
    }),
    settle: ({ tokens }) => ({
      tokens: inputTokens(tokens) + tokens.output,
      uncachedTokens: uncached(tokens) + tokens.output,
    }),
  },

  /** Prompt tokens in total, prompt tokens not cached, generated tokens: three buckets. */
  fireworks: {
    ...ONE_REQUEST,
    reserve: (call) => ({
      requests: 1,
      inputTokens: call.inputTokens,
      uncachedTokens: uncachedEstimate(call),
      outputTokens: 0,
    }),
    settle: ({ tokens }) => ({
      inputTokens: inputTokens(tokens),
      uncachedTokens: uncached(tokens),
      outputTokens: tokens.output,
    }),
  },

  /** Calls in flight only. */
  deepseek: { ...ONE_REQUEST, reserve: () => ({ inFlight: 1 }), settle: () => ({}) },

  /** Input and output together. */
  mistral: {
    ...ONE_REQUEST,
    reserve: (call) => ({ requests: 1, tokens: call.inputTokens + cappedOutput(call) }),
    settle: ({ tokens }) => ({ tokens: inputTokens(tokens) + tokens.output }),
  },

  /** Calls in flight and the token buckets, account-wide. */
  moonshot: {
    ...ONE_REQUEST,
    reserve: (call) => ({
      requests: 1,
      tokens: call.inputTokens + cappedOutput(call),
      inFlight: 1,
    }),
    settle: ({ tokens }) => ({ tokens: inputTokens(tokens) + tokens.output }),
  },
} as const satisfies Record<ProviderRule, DebitRule>;

/** How each provider counts. */
export const DEBIT_RULES: Readonly<Record<ProviderRule, DebitRule>> = rules;

/** Cached input burns a tenth of a Vertex GSU (docs.cloud.google.com, 1,000 cached tokens burn 100). */
const VERTEX_CACHE_WEIGHT = 0.1;

function openaiRequested(call: CallEstimate, options: DebitOptions): number {
  const output = cappedOutput(call);
  return options.requested === 'max'
    ? Math.max(call.inputTokens, output)
    : call.inputTokens + output;
}

/** The cap of all choices; without a cap what somebody expects, or nothing. */
function cappedOutput(call: CallEstimate): number {
  return (call.maxOutputTokens ?? call.expectedOutputTokens ?? 0) * (call.choices ?? 1);
}

function uncachedEstimate(call: CallEstimate): number {
  return Math.max(0, call.inputTokens - (call.cacheReadTokens ?? 0));
}

function uncached(tokens: TokenRecord): number {
  return tokens.uncached + cacheWriteTokens(tokens);
}
