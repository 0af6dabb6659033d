import { inputTokens, NO_TOKENS } from '../core/tokens.ts';
import type { TokenRecord } from '../core/tokens.ts';
import type { PlanInput, Route } from './plan-input.ts';

/**
 * What a route's model makes of a call's tokens: its own tokenizer counts more or fewer of them,
 * and prompts shorter than its smallest cacheable one are silently billed uncached.
 */
export function routeTokens(route: Route, tokens: TokenRecord): TokenRecord {
  const factor = route.tokenFactor ?? 1;
  const own = factor === 1 ? tokens : timesTokens(tokens, factor);
  const prompt = inputTokens(own);
  if (prompt === own.uncached || prompt >= (route.minCacheableTokens ?? 0)) return own;
  return { ...NO_TOKENS, uncached: prompt, output: own.output, reasoning: own.reasoning };
}

function timesTokens(tokens: TokenRecord, factor: number): TokenRecord {
  return {
    uncached: tokens.uncached * factor,
    cacheRead: tokens.cacheRead * factor,
    cacheWrite5m: tokens.cacheWrite5m * factor,
    cacheWrite1h: tokens.cacheWrite1h * factor,
    output: tokens.output * factor,
    reasoning: tokens.reasoning * factor,
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

/** Routes that answer calls first, without those that are asked again by a cascade. */
export function firstRoutes(input: PlanInput): Route[] {
  return input.routes.filter((route) => route.escalatedFrom === undefined);
}

/** Calls beyond those of the workload that cascades make, as a share of the workload's. */
export function extraCallShare(input: PlanInput): number {
  let extra = 0;
  for (const route of input.routes) if (route.escalatedFrom !== undefined) extra += route.share;
  return extra;
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
