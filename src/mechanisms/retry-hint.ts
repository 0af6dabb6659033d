import { MS_PER_SECOND } from '../core/units.ts';
import type { ProviderRule } from './debits/debit-rules.ts';

/**
 * The headers with which a provider tells a refused client when to come back. One place for the
 * simulated provider, which sends them, and the planner, whose clients obey them: Anthropic sends
 * whole seconds, OpenAI-compatible providers milliseconds too.
 * @param waitMs Infinity when the call can never pass: no hint then
 */
export function retryHint(rule: ProviderRule, waitMs: number): Readonly<Record<string, string>> {
  if (waitMs === Number.POSITIVE_INFINITY) return {};
  const seconds = { 'retry-after': retryAfterSeconds(waitMs) };
  if (rule === 'anthropic') return seconds;
  return { 'retry-after-ms': String(Math.max(1, Math.ceil(waitMs))), ...seconds };
}

/** What a client reads out of these headers, in ms: for clients to whom nobody sends any. */
export function hintedMs(rule: ProviderRule, waitMs: number): number | undefined {
  if (waitMs === Number.POSITIVE_INFINITY) return undefined;
  if (rule === 'anthropic') return Math.max(1, Math.ceil(waitMs / MS_PER_SECOND)) * MS_PER_SECOND;
  return Math.max(1, Math.ceil(waitMs));
}

/** Whole seconds for `retry-after`, never 0: a client told 0 comes back at once. */
export function retryAfterSeconds(waitMs: number): string {
  return String(Math.max(1, Math.ceil(waitMs / MS_PER_SECOND)));
}
