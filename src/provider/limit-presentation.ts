import { anthropicRateLimitHeaders } from '../http/anthropic-rate-limit.ts';
import type { ApiError } from '../http/dialect.ts';
import { openaiRateLimitHeaders } from '../http/openai-rate-limit.ts';
import type { RateLimitState } from '../http/openai-rate-limit.ts';
import type { ProviderRule } from '../mechanisms/debits/debit-rules.ts';
import { LIMIT_WORDS, openaiLimitMessage } from '../mechanisms/limit-message.ts';
import type { LimitWord } from '../mechanisms/limit-message.ts';
import { retryAfterSeconds, retryHint } from '../mechanisms/retry-hint.ts';
import { ORGANIZATION } from './organization.ts';

/** State of a limit under its name in the configuration (`rpm`, `itpm`, …). */
export type PublishedState = RateLimitState;

interface RefusalFacts {
  readonly dimension: string;
  readonly limit: number;
  readonly used: number;
  readonly requested: number;
  /** Infinity when the call can never pass. */
  readonly waitMs: number;
}

/** How a provider tells its callers about limits: headers on every reply, and the 429. */
export interface LimitPresentation {
  headers(states: readonly PublishedState[], nowEpochMs: number): Readonly<Record<string, string>>;
  refusal(
    facts: RefusalFacts,
    model: string,
  ): { readonly error: ApiError; readonly headers: Readonly<Record<string, string>> };
}

/** The presentation of a rule: OpenAI-compatible providers speak OpenAI's. */
export function presentationOf(rule: ProviderRule): LimitPresentation {
  if (rule === 'anthropic') return anthropic;
  return rule === 'azure-ptu' ? azurePtu : openai;
}

const OPENAI_NAMES: Readonly<Record<string, string>> = { rpm: 'requests', tpm: 'tokens' };

const openai: LimitPresentation = {
  headers: (states) => openaiRateLimitHeaders(renamed(states, OPENAI_NAMES)),
  refusal: ({ dimension, ...facts }, model) => {
    if (isMonthly(dimension)) return { error: QUOTA_GONE, headers: {} };
    const known = dimension in LIMIT_WORDS ? (dimension as LimitWord) : undefined;
    const { waitMs } = facts;
    return {
      error: {
        status: 429,
        message:
          known === undefined
            ? `Rate limit reached for ${model} on ${dimension}. Please try again in ${retryAfterSeconds(waitMs)}s.`
            : openaiLimitMessage({ ...facts, dimension: known, model, organization: ORGANIZATION }),
        type: known === undefined ? 'tokens' : LIMIT_WORDS[known].type,
        code: 'rate_limit_exceeded',
      },
      headers: retryHint('openai', waitMs),
    };
  },
};

/** The month's money is gone: not to be retried. */
const QUOTA_GONE: ApiError = {
  status: 429,
  message:
    'You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.',
  type: 'insufficient_quota',
  code: 'insufficient_quota',
};

/** Limits of a calendar month are told without a time to come back. */
function isMonthly(dimension: string): boolean {
  return dimension === 'spendPerMonth' || dimension === 'tokensPerMonth';
}

const ANTHROPIC_NAMES: Readonly<Record<string, string>> = {
  rpm: 'requests',
  itpm: 'input-tokens',
  otpm: 'output-tokens',
};

const ANTHROPIC_WORDS: Readonly<Record<string, string>> = {
  rpm: 'requests per minute',
  itpm: 'input tokens per minute',
  otpm: 'output tokens per minute',
};

const anthropic: LimitPresentation = {
  headers: (states, nowEpochMs) =>
    anthropicRateLimitHeaders(renamed(states, ANTHROPIC_NAMES), nowEpochMs),
  refusal: ({ dimension, limit, waitMs }, model) => {
    if (isMonthly(dimension)) {
      const message =
        'You have reached your specified API usage limits. You will regain access on the first day of the next month at 00:00 UTC.';
      const error = { status: 429, message, code: 'enforced_spend_limit_reached' };
      return { error, headers: {} };
    }
    const headers = retryHint('anthropic', waitMs);
    if (dimension === 'ramp') {
      const message =
        'Your organization has increased its usage too quickly and reached its acceleration limit. Please ramp up gradually.';
      return { error: { status: 429, message, code: 'ramp_limit_exceeded' }, headers };
    }
    const amount = String(limit).replaceAll(/\B(?=(\d{3})+$)/g, ',');
    const words = ANTHROPIC_WORDS[dimension] ?? dimension;
    const message = `This request would exceed your organization's rate limit of ${amount} ${words} (org: ${ORGANIZATION}, model: ${model}). For details, refer to: https://docs.claude.com/en/api/rate-limits. You can see the response headers for current usage. Please reduce the prompt length or the maximum tokens requested, or try again later.`;
    return { error: { status: 429, message }, headers };
  },
};

const azurePtu: LimitPresentation = {
  headers: () => ({}),
  refusal: ({ waitMs }) => ({
    error: {
      status: 429,
      code: '429',
      type: 'too_many_requests',
      message: `Requests to the deployment have exceeded its provisioned throughput. Please retry after ${retryAfterSeconds(waitMs)} seconds.`,
    },
    headers: retryHint('azure-ptu', waitMs),
  }),
};

function renamed(
  states: readonly PublishedState[],
  names: Readonly<Record<string, string>>,
): RateLimitState[] {
  return states.flatMap((state) => {
    const name = names[state.name];
    return name === undefined ? [] : [{ ...state, name }];
  });
}
