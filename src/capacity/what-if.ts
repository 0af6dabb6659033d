import type { TokenRecord } from '../core/tokens.ts';
import type { PlanInput, Route } from './plan-input.ts';
import type { Traffic } from './traffic.ts';

/** The same plan with every route mapped. */
export function withRoutes(input: PlanInput, map: (route: Route) => Route): PlanInput {
  return { ...input, routes: input.routes.map(map) };
}

/** The same plan with a share of the calls: of every kind, at unchanged sizes. */
export function withCallFactor(input: PlanInput, factor: number): PlanInput {
  const { volume } = input;
  return {
    ...input,
    volume: {
      ...volume,
      turnsPerMinute: volume.turnsPerMinute * factor,
      turnsPerDay: volume.turnsPerDay * factor,
    },
  };
}

/** The same calls with other sizes. */
export function withTokens(traffic: Traffic, map: (tokens: TokenRecord) => TokenRecord): Traffic {
  return {
    ...traffic,
    sessions: traffic.sessions.map((session) => ({
      ...session,
      calls: session.calls.map((call) => ({ ...call, tokens: map(call.tokens) })),
    })),
  };
}
