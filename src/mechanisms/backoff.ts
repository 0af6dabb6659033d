import type { Random } from '../core/random.ts';
import { MS_PER_MINUTE, MS_PER_SECOND } from '../core/units.ts';
import { parseHttpDateMs } from './http-date.ts';

/**
 * How a client answers a failed attempt. The SDK policies follow the sources of openai 6.49 and
 * 7.55 and @anthropic-ai/sdk 1.11 (JavaScript) and the Python SDKs of both; they differ only in
 * which server hints they believe, and that changes the load a provider sees while it throttles.
 */
export type RetryPolicy =
  | 'openai-js-6'
  | 'openai-js-7'
  | 'anthropic-js'
  | 'python'
  | 'immediate'
  | 'none';

export interface FailedAttempt {
  /** 1 for the first attempt of the call, 2 for its first retry, … */
  readonly attempt: number;
  /** HTTP status; undefined for a connection error or a timeout before headers. */
  readonly status?: number | undefined;
  /** Response headers, names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Wall time, for `retry-after` dates. */
  readonly nowEpochMs: number;
  /** Replaces the policy's own number of retries. */
  readonly maxRetries?: number | undefined;
  /** True once response headers of a stream were good: no SDK retries after that. */
  readonly streamStarted?: boolean | undefined;
}

interface PolicyRules {
  readonly maxRetries: number;
  /** The delay a server's hint (ms) leads to; undefined falls back to the default back-off. */
  readonly obey: (hintMs: number | undefined) => number | undefined;
  /** Delay without a usable hint, for the n-th retry (0-based). */
  readonly defaultDelayMs: (retry: number, random: Random) => number;
}

/** Retries of every official SDK unless the caller says otherwise. */
const SDK_MAX_RETRIES = 2;
/** Longest hint that openai 7 and the Python SDKs believe. */
const HINT_CAP_MS = MS_PER_MINUTE;
/** setTimeout fires after 1 ms for anything longer; openai 6 sleeps without looking. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const policies = {
  'openai-js-6': {
    maxRetries: SDK_MAX_RETRIES,
    obey: (hint) => (hint === undefined ? undefined : timerDelayMs(hint)),
    defaultDelayMs: sdkDelayMs,
  },
  'openai-js-7': {
    maxRetries: SDK_MAX_RETRIES,
    obey: (hint) => within(hint, (ms) => ms >= 0 && ms <= HINT_CAP_MS),
    defaultDelayMs: sdkDelayMs,
  },
  'anthropic-js': {
    maxRetries: SDK_MAX_RETRIES,
    obey: (hint) => within(hint, (ms) => ms > 0 && ms <= LONGEST_TIMER_MS),
    defaultDelayMs: sdkDelayMs,
  },
  python: {
    maxRetries: SDK_MAX_RETRIES,
    obey: (hint) => within(hint, (ms) => ms > 0 && ms <= HINT_CAP_MS),
    defaultDelayMs: sdkDelayMs,
  },
  immediate: { maxRetries: SDK_MAX_RETRIES, obey: () => 0, defaultDelayMs: () => 0 },
  none: { maxRetries: 0, obey: () => undefined, defaultDelayMs: () => 0 },
} satisfies Record<RetryPolicy, PolicyRules>;

export const RETRY_POLICIES = Object.keys(policies) as readonly RetryPolicy[];

/** How many times a policy retries a call unless told otherwise. */
export function maxRetriesOf(policy: RetryPolicy): number {
  return policies[policy].maxRetries;
}

/**
 * Milliseconds to wait before the next attempt; undefined when the call is given up.
 * @param random draws the jitter; the same stream gives the same delays
 */
export function retryDelayMs(
  policy: RetryPolicy,
  failed: FailedAttempt,
  random: Random,
): number | undefined {
  const { attempt, maxRetries = maxRetriesOf(policy), streamStarted } = failed;
  if (attempt > maxRetries || streamStarted === true || !isRetried(failed)) return undefined;
  const hint = policy === 'python' ? pythonHint(failed) : scriptHint(failed);
  return delayMs(policy, attempt, hint, random);
}

/** The same after a 429 whose headers say `hintMs` (undefined: nothing), without the headers. */
export function hintedDelayMs(
  policy: RetryPolicy,
  attempt: number,
  hintMs: number | undefined,
  random: Random,
): number | undefined {
  return attempt > maxRetriesOf(policy) ? undefined : delayMs(policy, attempt, hintMs, random);
}

function delayMs(
  policy: RetryPolicy,
  attempt: number,
  hintMs: number | undefined,
  random: Random,
): number {
  const rules: PolicyRules = policies[policy];
  return rules.obey(hintMs) ?? rules.defaultDelayMs(attempt - 1, random);
}

/** 408, 409, 429, 500 and above, and anything without a status; `x-should-retry` overrides. */
function isRetried(failed: FailedAttempt): boolean {
  const { status } = failed;
  if (status === undefined) return true;
  const override = header(failed, 'x-should-retry');
  if (override === 'true') return true;
  if (override === 'false') return false;
  return status === 408 || status === 409 || status === 429 || status >= 500;
}

/** min(0.5 × 2ⁿ, 8) s × (1 − U[0, 0.25)): the same constants in all four SDKs. */
function sdkDelayMs(retry: number, random: Random): number {
  const seconds = Math.min(0.5 * 2 ** retry, 8);
  return seconds * (1 - 0.25 * random.uniform()) * MS_PER_SECOND;
}

// Both answer NaN when a header was there but not understood; below 0 for a date in the past.

/** JavaScript: `retry-after-ms` unless zero, then `retry-after` as seconds, then as a date. */
function scriptHint(failed: FailedAttempt): number | undefined {
  const exact = leadingNumber(header(failed, 'retry-after-ms'));
  if (exact !== undefined && exact !== 0) return exact;
  const text = header(failed, 'retry-after');
  if (text === undefined || text === '') return exact;
  const seconds = leadingNumber(text);
  return seconds === undefined ? untilDateMs(text, failed) : seconds * MS_PER_SECOND;
}

/** Python: the first header that parses decides, and `float()` takes no trailing text. */
function pythonHint(failed: FailedAttempt): number | undefined {
  const exact = strictNumber(header(failed, 'retry-after-ms'));
  if (exact !== undefined) return exact;
  const text = header(failed, 'retry-after');
  if (text === undefined) return undefined;
  const seconds = strictNumber(text);
  return seconds === undefined ? untilDateMs(text, failed) : seconds * MS_PER_SECOND;
}

function untilDateMs(text: string, failed: FailedAttempt): number {
  return (parseHttpDateMs(text) ?? Number.NaN) - failed.nowEpochMs;
}

function within(hintMs: number | undefined, accepts: (ms: number) => boolean): number | undefined {
  return hintMs !== undefined && accepts(hintMs) ? hintMs : undefined;
}

/** What setTimeout makes of it: nonsense, past and too-long delays all fire at once. */
function timerDelayMs(ms: number): number {
  return ms > 0 && ms <= LONGEST_TIMER_MS ? ms : 0;
}

/** parseFloat semantics: `12abc` is 12. */
function leadingNumber(text: string | undefined): number | undefined {
  const value = text === undefined ? Number.NaN : Number.parseFloat(text);
  return Number.isNaN(value) ? undefined : value;
}

function strictNumber(text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const value = Number(text);
  return Number.isNaN(value) ? undefined : value;
}

function header(failed: FailedAttempt, name: string): string | undefined {
  const value = failed.headers[name];
  return typeof value === 'string' || value === undefined ? value : value[0];
}
