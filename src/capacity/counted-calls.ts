import type { TokenRecord } from '../core/tokens.ts';
import { admissionDebit, debit, settledDebit } from './debit.ts';
import type { CallDebit, CountingRule } from './debit.ts';
import type { Route } from './plan-input.ts';
import { routeTokens } from './routing.ts';
import type { Traffic } from './traffic.ts';

/** What of a route decides how it counts a call; its share, limits and price do not. */
type Counting = Pick<
  Route,
  | 'rule'
  | 'tokenFactor'
  | 'minCacheableTokens'
  | 'cacheKept'
  | 'maxOutputTokens'
  | 'modelMaxOutputTokens'
>;

/** One number per call of the traffic and token limit, in the order of its sessions. */
export type DebitColumns = Readonly<Record<Exclude<keyof CallDebit, 'requests'>, Float64Array>>;

/**
 * Every call of a traffic as a route counts it. A plan asks for the same figures hundreds of
 * times, mostly for routes that differ only in share, limits or price, so they are kept per way
 * of counting.
 */
export interface CountedCalls {
  /** In tokens of the route's own model. */
  readonly tokens: readonly TokenRecord[];
  /** What each counts over the minute it runs in. */
  readonly debits: () => DebitColumns;
  /** What each has counted once it is over. */
  readonly settled: () => DebitColumns;
  /** What must be free for each to be admitted. */
  readonly admissions: () => DebitColumns;
}

/** @returns always the same object for the same traffic and the same way of counting */
export function countedCalls(traffic: Traffic, route: Counting): CountedCalls {
  const known = knownCalls.get(traffic) ?? [];
  const key = keyOf(route);
  for (const entry of known) if (isSame(entry.key, key)) return entry.calls;
  const calls = count(traffic, route);
  known.push({ key, calls });
  knownCalls.set(traffic, known);
  return calls;
}

interface Key {
  readonly rule: CountingRule;
  readonly tokenFactor: number;
  readonly minCacheableTokens: number;
  readonly cacheKept: number;
  readonly maxOutputTokens: number | undefined;
  readonly modelMaxOutputTokens: number | undefined;
}

const knownCalls = new WeakMap<Traffic, { readonly key: Key; readonly calls: CountedCalls }[]>();

function keyOf(route: Counting): Key {
  const { cacheKept = 1, maxOutputTokens, minCacheableTokens = 0, modelMaxOutputTokens } = route;
  const { rule, tokenFactor = 1 } = route;
  return {
    rule,
    tokenFactor,
    minCacheableTokens,
    cacheKept,
    maxOutputTokens,
    modelMaxOutputTokens,
  };
}

function isSame(a: Key, b: Key): boolean {
  return (
    a.rule === b.rule &&
    a.tokenFactor === b.tokenFactor &&
    a.minCacheableTokens === b.minCacheableTokens &&
    a.cacheKept === b.cacheKept &&
    a.maxOutputTokens === b.maxOutputTokens &&
    a.modelMaxOutputTokens === b.modelMaxOutputTokens
  );
}

function count({ sessions }: Traffic, route: Counting): CountedCalls {
  const calls = sessions.flatMap((session) => session.calls);
  const tokens = calls.map((call) => routeTokens(route, call.tokens));
  const durations = calls.map((call) => call.durationMs);
  let debits: DebitColumns | undefined;
  let settled: DebitColumns | undefined;
  let admissions: DebitColumns | undefined;
  return {
    tokens,
    debits: () => (debits ??= columns(tokens, route, durations, debit)),
    settled: () => (settled ??= columns(tokens, route, durations, settledDebit)),
    admissions: () => (admissions ??= columns(tokens, route, durations, admissionDebit)),
  };
}

function columns(
  calls: readonly TokenRecord[],
  { maxOutputTokens, modelMaxOutputTokens, rule }: Counting,
  durations: readonly number[],
  counts: typeof debit,
): DebitColumns {
  const found = {
    tokens: new Float64Array(calls.length),
    inputTokens: new Float64Array(calls.length),
    outputTokens: new Float64Array(calls.length),
    uncachedTokens: new Float64Array(calls.length),
  };
  for (const [index, tokens] of calls.entries()) {
    const durationMs = durations[index]!;
    const one = counts(rule, { tokens, maxOutputTokens, modelMaxOutputTokens, durationMs });
    found.tokens[index] = one.tokens;
    found.inputTokens[index] = one.inputTokens;
    found.outputTokens[index] = one.outputTokens;
    found.uncachedTokens[index] = one.uncachedTokens;
  }
  return found;
}
