import { inputTokens } from '../core/tokens.ts';
import type { TokenRecord } from '../core/tokens.ts';
import type { InfraLine } from './infra.ts';
import type { PlanInput, Route, Volume } from './plan-input.ts';
import { priceTimes } from './price.ts';
import { withRoutes, withTokens } from './what-if.ts';

/** A plan with one assumption moved. */
export interface Variant {
  readonly input: PlanInput;
  /** Traffic over the base plan's, for the simulated peaks. */
  readonly volumeFactor?: number | undefined;
  /** Parts of the bill over the base plan's, where only their price moves. */
  readonly billFactors?: { readonly [P in 'gpu' | 'infra' | 'ops']?: number } | undefined;
}

interface Factor {
  readonly label: string;
  readonly range: number;
  readonly unit: 'relative' | 'points';
  readonly basis: string;
  /** @param change signed: -0.2 is 20 % less; undefined when the plan does not have it */
  readonly vary: (input: PlanInput, change: number) => Variant | undefined;
}

/** Where nobody measured: the usual planning tolerance. */
const PLANNING = 'planning tolerance; measure to narrow it';

/** The assumptions of a plan; the ranges are ours unless the plan gives its own. */
export const SENSITIVITY_FACTORS = {
  traffic: {
    label: 'users and sessions',
    range: 0.25,
    unit: 'relative',
    basis: PLANNING,
    vary: (input, change) => moreTraffic(input, 1 + change),
  },
  inputTokens: {
    label: 'input tokens per call',
    range: 0.2,
    unit: 'relative',
    basis: PLANNING,
    vary: (input, change) =>
      withSizes(input, (tokens) => ({ ...tokens, ...inputTimes(tokens, 1 + change) })),
  },
  outputTokens: {
    label: 'output tokens per call',
    range: 0.2,
    unit: 'relative',
    basis: PLANNING,
    vary: (input, change) =>
      withSizes(input, (tokens) => ({
        ...tokens,
        output: tokens.output * (1 + change),
        reasoning: tokens.reasoning * (1 + change),
      })),
  },
  promptCache: {
    label: 'share of input read from the prompt cache',
    range: 0.1,
    unit: 'points',
    basis: 'hit rates move with traffic per prefix and with changes of the prompt',
    vary: (input, change) => withSizes(input, (tokens) => moveCached(tokens, change)),
  },
  responseCache: {
    label: 'share of calls answered by response caches',
    range: 0.1,
    unit: 'points',
    basis: 'depends on how alike the questions are; measure it',
    vary: (input, change) => {
      const now = input.answeredFromCache ?? 0;
      if (now === 0) return undefined;
      const then = Math.min(0.99, Math.max(0, now + change));
      const factor = (1 - then) / (1 - now);
      const routes = input.routes.map((route) => ({ ...route, share: route.share * factor }));
      return { input: { ...input, routes, answeredFromCache: then } };
    },
  },
  tokenizer: {
    label: 'tokens per text of the other tokenizers',
    range: 0.15,
    unit: 'relative',
    basis: 'spread of published tokenizer comparisons',
    vary: (input, change) =>
      input.routes.every((route) => (route.tokenFactor ?? 1) === 1)
        ? undefined
        : byRoute(input, (route) =>
            (route.tokenFactor ?? 1) === 1
              ? route
              : { ...route, tokenFactor: route.tokenFactor! * (1 + change) },
          ),
  },
  escalation: {
    label: 'share of answers that are escalated',
    range: 0.5,
    unit: 'relative',
    basis: 'depends on the judge; measure it on your own tasks',
    vary: (input, change) =>
      input.routes.every((route) => route.escalatedFrom === undefined)
        ? undefined
        : byRoute(input, (route) => {
            if (route.escalatedFrom === undefined) return route;
            const most = input.routes[route.escalatedFrom]!.share;
            return { ...route, share: Math.min(most, route.share * (1 + change)) };
          }),
  },
  apiPrice: {
    label: 'API prices',
    range: 0.1,
    unit: 'relative',
    basis: 'discounts and price changes within a quarter',
    vary: (input, change) =>
      byRoute(input, (route) => ({
        ...route,
        price: route.price === null ? null : priceTimes(route.price, 1 + change),
      })),
  },
  gpuPrice: {
    label: 'price per GPU hour',
    range: 0.3,
    unit: 'relative',
    basis: 'list prices of one GPU differ by more than this between clouds',
    vary: (input, change) =>
      input.pool === undefined ? undefined : { input, billFactors: { gpu: 1 + change } },
  },
  machineLoad: {
    label: 'load that one machine holds',
    range: 0.3,
    unit: 'relative',
    basis: PLANNING,
    vary: (input, change) =>
      withInfra(input, (line) =>
        line.quantity.kind === 'machines'
          ? { ...line, quantity: { ...line.quantity, each: line.quantity.each * (1 + change) } }
          : line,
      ),
  },
  infraPrice: {
    label: 'infrastructure prices',
    range: 0.2,
    unit: 'relative',
    basis: 'regions and one-year commitments',
    vary: (input, change) =>
      input.infra.length === 0 && input.stack === undefined
        ? undefined
        : { input, billFactors: { infra: 1 + change } },
  },
  operations: {
    label: 'operations',
    range: 0.3,
    unit: 'relative',
    basis: PLANNING,
    vary: (input, change) =>
      input.ops.length === 0 && input.stack === undefined
        ? undefined
        : { input, billFactors: { ops: 1 + change } },
  },
  activeHours: {
    label: 'hours of busy traffic a month',
    range: 0.25,
    unit: 'relative',
    basis: PLANNING,
    vary: (input, change) => ({
      input: withVolume(input, (volume) => ({
        ...volume,
        turnsPerDay: volume.turnsPerDay * (1 + change),
      })),
    }),
  },
} as const satisfies Record<string, Factor>;

export type FactorId = keyof typeof SENSITIVITY_FACTORS;

function moreTraffic(input: PlanInput, factor: number): Variant {
  const changed = withVolume(input, (volume) => ({
    ...volume,
    turnsPerMinute: volume.turnsPerMinute * factor,
    turnsPerDay: volume.turnsPerDay * factor,
    concurrentUsers: volume.concurrentUsers === null ? null : volume.concurrentUsers * factor,
  }));
  return { input: changed, volumeFactor: factor };
}

function withVolume(input: PlanInput, map: (volume: Volume) => Volume): PlanInput {
  return { ...input, volume: map(input.volume) };
}

function withSizes(
  input: PlanInput,
  map: (tokens: TokenRecord) => TokenRecord,
): Variant | undefined {
  if (!input.traffic.tokensKnown) return undefined;
  return { input: { ...input, traffic: withTokens(input.traffic, map) } };
}

function byRoute(input: PlanInput, map: (route: Route) => Route): Variant | undefined {
  return input.routes.length === 0 ? undefined : { input: withRoutes(input, map) };
}

function withInfra(input: PlanInput, map: (line: InfraLine) => InfraLine): Variant | undefined {
  if (input.infra.length === 0) return undefined;
  return { input: { ...input, infra: input.infra.map(map) } };
}

function inputTimes(tokens: TokenRecord, factor: number): Partial<TokenRecord> {
  return {
    uncached: tokens.uncached * factor,
    cacheRead: tokens.cacheRead * factor,
    cacheWrite5m: tokens.cacheWrite5m * factor,
    cacheWrite1h: tokens.cacheWrite1h * factor,
  };
}

/** Points of the prompt move between cache reads and uncached input; writes stay. */
function moveCached(tokens: TokenRecord, points: number): TokenRecord {
  const wanted = tokens.cacheRead + points * inputTokens(tokens);
  const cacheRead = Math.min(tokens.cacheRead + tokens.uncached, Math.max(0, wanted));
  return { ...tokens, cacheRead, uncached: tokens.uncached + tokens.cacheRead - cacheRead };
}
