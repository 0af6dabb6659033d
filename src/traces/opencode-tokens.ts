import type { TokenRecord } from '../core/tokens.ts';
import { amountOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { exclusiveUsage } from './usage.ts';

/** `tokens` of a step or message, as stored. */
export interface OpencodeTokens {
  readonly input: number;
  readonly output: number;
  readonly reasoning: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  /** The provider's own sum; stored since February 2026. */
  readonly total: number | undefined;
}

/** Who wrote the counts: which of opencode's rules held then. */
export interface OpencodeOrigin {
  readonly provider: string | undefined;
  readonly model: string | undefined;
  /** That the session began with; undefined for builds without a number. */
  readonly version: OpencodeVersion | undefined;
}

export type OpencodeVersion = readonly [major: number, minor: number, patch: number];

/**
 * Undefined when nothing was counted: opencode stores zeros where a provider reported no usage, and
 * reasoning alone while an answer is under way. A call without any input there is not.
 */
export function opencodeTokens(value: unknown): OpencodeTokens | undefined {
  const tokens = objectOf(value);
  const cache = objectOf(tokens['cache']);
  const part = (from: JsonObject, key: string): number => amountOf(from[key]) ?? 0;
  const counted = {
    input: part(tokens, 'input'),
    output: part(tokens, 'output'),
    reasoning: part(tokens, 'reasoning'),
    cacheRead: part(cache, 'read'),
    cacheWrite: part(cache, 'write'),
  };
  const isCounted = counted.input + counted.cacheRead + counted.cacheWrite > 0;
  const total = amountOf(tokens['total']);
  return isCounted ? { ...counted, total: total === 0 ? undefined : total } : undefined;
}

/**
 * The normalised record. opencode takes cached tokens out of the input, and since 1.3.16 reasoning
 * out of the output (`Session.getUsage`, packages/opencode/src/session/session.ts; anomalyco/opencode
 * #21047), so that the five parts are disjoint. What it wrote before:
 * - reasoning inside the output, as most providers count it; only Google's adapter counted it apart
 *   (vercel/ai#7542). Where `total` is stored it shows which of the two holds.
 * - before 1.0.62 cached tokens stayed in the input of every provider but Anthropic and Bedrock
 *   (#2653), and in 1.3.4 and 1.3.5 in theirs (#19758).
 * A session keeps the version that it began with while later ones go on with it, so the input is
 * corrected only where it is large enough to hold the cached tokens.
 */
export function opencodeUsage(tokens: OpencodeTokens, origin: OpencodeOrigin): TokenRecord {
  const { input, output, reasoning, cacheRead, cacheWrite } = tokens;
  const cached = cachedInInput(tokens, origin);
  return exclusiveUsage({
    input: input - cached,
    cacheRead,
    cacheWrite5m: cacheWrite,
    output: isReasoningApart(tokens, origin) ? output + reasoning : output,
    reasoning,
  });
}

/** `1.3.16`; undefined for `local` and for preview builds (`0.0.0-…`). */
export function opencodeVersion(value: unknown): OpencodeVersion | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(textOf(value) ?? '');
  if (match === null) return undefined;
  const version = [Number(match[1]), Number(match[2]), Number(match[3])] as const;
  return version.every((number) => number === 0) ? undefined : version;
}

/** Cached tokens that are counted in the input as well. */
function cachedInInput(
  tokens: OpencodeTokens,
  { provider, model, version }: OpencodeOrigin,
): number {
  if (version === undefined) return 0;
  const { input, cacheRead, cacheWrite } = tokens;
  const isAnthropic =
    /anthropic|bedrock/.test(provider ?? '') ||
    (provider === 'opencode' && /claude/.test(model ?? ''));
  let cached = 0;
  if (isBefore(version, CACHE_OUT_OF_INPUT)) cached = isAnthropic ? 0 : cacheRead;
  else if (isAnthropic && !isBefore(version, SDK_6) && isBefore(version, SDK_6_FIXED))
    cached = cacheRead + cacheWrite;
  return cached <= input ? cached : 0;
}

function isReasoningApart(tokens: OpencodeTokens, { provider, version }: OpencodeOrigin): boolean {
  const { input, output, reasoning, cacheRead, cacheWrite, total } = tokens;
  const withoutReasoning = input + output + cacheRead + cacheWrite;
  if (total === withoutReasoning + reasoning || reasoning > output) return true;
  if (total === withoutReasoning) return false;
  if (version !== undefined && !isBefore(version, REASONING_APART)) return true;
  return /google|gemini/.test(provider ?? '');
}

function isBefore(version: OpencodeVersion, other: OpencodeVersion): boolean {
  const at = version.findIndex((number, index) => number !== other[index]);
  return at !== -1 && version[at]! < other[at]!;
}

/** First releases of each rule; release commits of anomalyco/opencode, 2025-11 to 2026-04. */
const CACHE_OUT_OF_INPUT: OpencodeVersion = [1, 0, 62];
const SDK_6: OpencodeVersion = [1, 3, 4];
const SDK_6_FIXED: OpencodeVersion = [1, 3, 6];
const REASONING_APART: OpencodeVersion = [1, 3, 16];
