import type { TokenRecord } from '../core/tokens.ts';

/** Usage as some source reports it; undefined parts are not reported. */
export interface ReportedUsage {
  readonly input?: number | undefined;
  readonly cacheRead?: number | undefined;
  readonly cacheWrite5m?: number | undefined;
  readonly cacheWrite1h?: number | undefined;
  readonly output?: number | undefined;
  readonly reasoning?: number | undefined;
  /** The source's own sum: decides between the two counting rules where it can. */
  readonly total?: number | undefined;
}

/**
 * The normalised record of a source whose input includes cached tokens (OpenAI, OTel GenAI,
 * OpenInference, Vercel, LangSmith, LiteLLM), unless the numbers themselves say that it does not:
 * the reported total equals the sum of disjoint parts, or the cached parts exceed the input
 * (langfuse#12306).
 */
export function inclusiveUsage(usage: ReportedUsage): TokenRecord {
  const input = usage.input ?? 0;
  const cached = (usage.cacheRead ?? 0) + (usage.cacheWrite5m ?? 0) + (usage.cacheWrite1h ?? 0);
  const output = usage.output ?? 0;
  const disjointTotal = cached > 0 && usage.total === input + cached + output;
  if (cached > input || disjointTotal) return exclusiveUsage(usage);
  return exclusiveUsage({ ...usage, input: input - cached });
}

/** The normalised record of a source whose input excludes cached tokens (Anthropic, Claude Code). */
export function exclusiveUsage(usage: ReportedUsage): TokenRecord {
  const output = usage.output ?? 0;
  return {
    uncached: usage.input ?? 0,
    cacheRead: usage.cacheRead ?? 0,
    cacheWrite5m: usage.cacheWrite5m ?? 0,
    cacheWrite1h: usage.cacheWrite1h ?? 0,
    output,
    reasoning: Math.min(usage.reasoning ?? 0, output),
  };
}

/** Splits a total of written cache tokens by a 1 h part; the rest has the default lifetime of 5 min. */
export function cacheWrites(
  total: number | undefined,
  parts: { readonly fiveMinutes?: number | undefined; readonly oneHour?: number | undefined } = {},
): { cacheWrite5m: number; cacheWrite1h: number } {
  const oneHour = parts.oneHour ?? 0;
  const sum = oneHour + (parts.fiveMinutes ?? 0);
  // The total is what is billed; fixtures exist whose parts are all 0 beside a total.
  const written = Math.max(total ?? 0, sum);
  return { cacheWrite5m: written - oneHour, cacheWrite1h: oneHour };
}
