import { formatGoDuration } from './go-duration.ts';

export interface LimitRefusal {
  readonly model: string;
  readonly organization: string;
  /** `tokens per min (TPM)` and so on; see LIMIT_WORDS. */
  readonly dimension: LimitWord;
  readonly limit: number;
  readonly used: number;
  readonly requested: number;
  /** Infinity when the request can never pass. */
  readonly waitMs: number;
}

/** Wording of public 429 bodies per dimension, with the `type` of the error. */
export const LIMIT_WORDS = {
  rpm: { words: 'requests per min (RPM)', type: 'requests' },
  rpd: { words: 'requests per day (RPD)', type: 'requests' },
  tpm: { words: 'tokens per min (TPM)', type: 'tokens' },
  tpd: { words: 'tokens per day (TPD)', type: 'tokens' },
} as const;

export type LimitWord = keyof typeof LIMIT_WORDS;

const MORE = 'Visit https://platform.openai.com/account/rate-limits to learn more.';

/** The text of an OpenAI 429, to the letter of the public bodies. */
export function openaiLimitMessage(refusal: LimitRefusal): string {
  const { model, organization, limit, used, requested, waitMs } = refusal;
  const { words } = LIMIT_WORDS[refusal.dimension];
  const where = `for ${model} in organization ${organization} on ${words}`;
  const numbers = { limit: Math.round(limit), used: Math.round(used), asked: Math.ceil(requested) };
  if (waitMs === Number.POSITIVE_INFINITY) {
    return (
      `Request too large ${where}: Limit ${numbers.limit}, Requested ${numbers.asked}. ` +
      `The input or output tokens must be reduced in order to run successfully. ${MORE}`
    );
  }
  return (
    `Rate limit reached ${where}: Limit ${numbers.limit}, Used ${numbers.used}, ` +
    `Requested ${numbers.asked}. Please try again in ${formatGoDuration(waitMs)}. ${MORE}`
  );
}

export interface ParsedLimitMessage {
  readonly limit: number;
  /** Undefined for "Request too large". */
  readonly used: number | undefined;
  readonly requested: number;
}

/** Limit, Used and Requested out of a real 429 body: an organisation's limits without admin access. */
export function parseLimitMessage(text: string): ParsedLimitMessage | undefined {
  const match = /Limit (\d+)(?:, Used (\d+))?, Requested (\d+)/.exec(text);
  if (match === null) return undefined;
  const [, limit, used, requested] = match;
  return {
    limit: Number(limit),
    used: used === undefined ? undefined : Number(used),
    requested: Number(requested),
  };
}

/** Wait in ms that public bodies print: `(Used + Requested − Limit) × window / Limit`. */
export function openaiWaitMs(
  refusal: { readonly limit: number; readonly used: number; readonly requested: number },
  windowMs: number,
): number {
  const { limit, used, requested } = refusal;
  if (requested > limit) return Number.POSITIVE_INFINITY;
  return Math.max(0, ((used + requested - limit) * windowMs) / limit);
}
