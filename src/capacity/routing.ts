import { addTokens, inputTokens, NO_TOKENS } from '../core/tokens.ts';
import type { TokenRecord } from '../core/tokens.ts';
import type { PlanInput, Route } from './plan-input.ts';
import { scaleTokens, trafficMeans } from './traffic.ts';
import type { Traffic } from './traffic.ts';

/**
 * What a route's model makes of a call's tokens: its own tokenizer counts more or fewer of them,
 * and prompts shorter than its smallest cacheable one are silently billed uncached.
 */
export function routeTokens(
  route: Pick<Route, 'tokenFactor' | 'minCacheableTokens' | 'cacheKept'>,
  tokens: TokenRecord,
): TokenRecord {
  const factor = route.tokenFactor ?? 1;
  const own = lessCached(factor === 1 ? tokens : scaleTokens(tokens, factor), route.cacheKept ?? 1);
  const prompt = inputTokens(own);
  if (prompt === own.uncached || prompt >= (route.minCacheableTokens ?? 0)) return own;
  return { ...NO_TOKENS, uncached: prompt, output: own.output, reasoning: own.reasoning };
}

/** Reads that find a machine without the prompt are written there instead. */
function lessCached(tokens: TokenRecord, kept: number): TokenRecord {
  if (kept >= 1 || tokens.cacheRead === 0) return tokens;
  const lost = tokens.cacheRead * (1 - kept);
  return {
    ...tokens,
    cacheRead: tokens.cacheRead - lost,
    cacheWrite5m: tokens.cacheWrite5m + lost,
  };
}

/**
 * How much likelier than the average call this call goes to the route: 1 for all when the route
 * takes a share of every kind, 0 for calls that its predicate leaves out.
 * @param call index among the calls of the traffic, session after session
 */
export function callWeight(route: Pick<Route, 'selection'>, call: number): number {
  return route.selection?.[call] ?? 1;
}

/** Share of one call that the route takes. */
export function callShare(route: Pick<Route, 'share' | 'selection'>, call: number): number {
  return route.share * callWeight(route, call);
}

/** Calls beyond those of the workload that cascades make, as a share of the workload's. */
export function extraCallShare(input: PlanInput): number {
  let extra = 0;
  for (const route of input.routes) if (route.escalatedFrom !== undefined) extra += route.share;
  return extra;
}

/** Mean tokens of the calls that are taken, as the workload counts them. */
export function meanTokensOf(traffic: Traffic, selection: Route['selection']): TokenRecord {
  if (selection === undefined) return trafficMeans(traffic).tokens;
  let tokens = NO_TOKENS;
  let weight = 0;
  let index = 0;
  for (const session of traffic.sessions) {
    for (const call of session.calls) {
      const own = selection[index] ?? 0;
      index += 1;
      if (own === 0) continue;
      tokens = addTokens(tokens, scaleTokens(call.tokens, own));
      weight += own;
    }
  }
  return weight === 0 ? NO_TOKENS : scaleTokens(tokens, 1 / weight);
}

/** Which calls a group of routes takes together, as one selection; undefined when all alike. */
export function commonSelection(routes: readonly Route[]): Route['selection'] {
  const [first] = routes;
  if (routes.every((route) => route.selection === first?.selection)) return first?.selection;
  const length = Math.max(...routes.map((route) => route.selection?.length ?? 0));
  const share = routes.reduce((sum, route) => sum + route.share, 0);
  return Float64Array.from({ length }, (_, call) =>
    routes.reduce((sum, route) => sum + callShare(route, call) / share, 0),
  );
}
