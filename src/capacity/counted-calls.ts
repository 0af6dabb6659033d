import type { TokenRecord } from '../core/tokens.ts';
import { admissionDebit, debit } from './debit.ts';
import type { CallDebit, CountingRule } from './debit.ts';
import type { Route } from './plan-input.ts';
import { routeTokens } from './routing.ts';
import type { Traffic } from './traffic.ts';

/** What of a route decides how it counts a call; its share, limits and price do not. */
type Counting = Pick<Route, 'rule' | 'tokenFactor' | 'minCacheableTokens' | 'maxOutputTokens'>;

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
  readonly maxOutputTokens: number | undefined;
}

const knownCalls = new WeakMap<Traffic, { readonly key: Key; readonly calls: CountedCalls }[]>();

function keyOf(route: Counting): Key {
  const { maxOutputTokens, minCacheableTokens = 0, rule, tokenFactor = 1 } = route;
  return { rule, tokenFactor, minCacheableTokens, maxOutputTokens };
}

function isSame(a: Key, b: Key): boolean {
  return (
    a.rule === b.rule &&
    a.tokenFactor === b.tokenFactor &&
    a.minCacheableTokens === b.minCacheableTokens &&
    a.maxOutputTokens === b.maxOutputTokens
  );
}

function count({ sessions }: Traffic, route: Counting): CountedCalls {
  const tokens = sessions.flatMap((session) =>
    session.calls.map((call) => routeTokens(route, call.tokens)),
  );
  let debits: DebitColumns | undefined;
  let admissions: DebitColumns | undefined;
  return {
    tokens,
    debits: () => (debits ??= columns(tokens, route, debit)),
    admissions: () => (admissions ??= columns(tokens, route, admissionDebit)),
  };
}

function columns(
  calls: readonly TokenRecord[],
  { maxOutputTokens, rule }: Counting,
  counts: typeof debit,
): DebitColumns {
  const found = {
    tokens: new Float64Array(calls.length),
    inputTokens: new Float64Array(calls.length),
    outputTokens: new Float64Array(calls.length),
    uncachedTokens: new Float64Array(calls.length),
  };
  for (const [index, tokens] of calls.entries()) {
    const one = counts(rule, { tokens, maxOutputTokens });
    found.tokens[index] = one.tokens;
    found.inputTokens[index] = one.inputTokens;
    found.outputTokens[index] = one.outputTokens;
    found.uncachedTokens[index] = one.uncachedTokens;
  }
  return found;
}
