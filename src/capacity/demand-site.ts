import { MS_PER_MINUTE } from '../core/units.ts';
import { countedCalls } from './counted-calls.ts';
import { COUNTING_RULES } from './debit.ts';
import { callVolume, ownPrice } from './mean-demand.ts';
import type { Dimension } from './limit.ts';
import type { PlanInput, Route } from './plan-input.ts';
import { callWeight } from './routing.ts';
import type { Traffic } from './traffic.ts';

/** The fixed parts of the demand simulation: calls laid out flat, pools, and who feeds them. */
export interface Site {
  /** Session k of the pool has the calls from sessionStart[k] to sessionStart[k + 1]. */
  readonly sessionStart: Int32Array;
  readonly offsetMs: Float64Array;
  readonly durationMs: Float64Array;
  /** Share of the calls of each route; 0 for routes that a cascade asks again. */
  readonly shares: readonly number[];
  /** Per route, weights of single calls where it does not take all alike. */
  readonly selections: readonly (Float64Array | undefined)[];
  /** Per route, the routes that its answers are escalated to, each with its probability. */
  readonly escalations: readonly (readonly Escalation[])[];
  readonly pools: readonly SitePool[];
  /** Per route, and one empty entry for calls that no route takes online (batch). */
  readonly feeds: readonly (readonly Feed[])[];
  readonly watched: readonly Watched[];
}

interface Escalation {
  /** Index of the route that is asked again. */
  readonly route: number;
  readonly probability: number;
}

interface SitePool {
  readonly key: string;
  /** How many amounts each call adds. */
  readonly amounts: number;
}

interface Feed {
  /** Index of the pool. */
  readonly pool: number;
  /** Rows of amounts, one per call of the traffic. */
  readonly amounts: Float64Array;
}

/** One peak that the simulation reports. */
export interface Watched {
  readonly key: string;
  /** Index of the pool whose meter has it. */
  readonly pool: number;
  readonly dimension: PeakDimension;
  /** Index among the pool's amounts; unused for requests and calls in flight. */
  readonly amount: number;
  /** Exact mean of the window at 1x. */
  readonly meanPerScale: number;
}

export type PeakDimension = Exclude<Dimension, 'rpd' | 'tpd' | 'spendPerMonth' | 'tokensPerMonth'>;

type AmountDimension = Exclude<PeakDimension, 'rpm' | 'rps' | 'concurrency'>;

/** All calls together, counted without any provider's rule. */
export const TOTAL_POOL = '';

/** The self-hosted pool's place among the limit pools. */
export const SELF_HOSTED_POOL = 'self-hosted';

const WITH_TOKENS = ['tpm', 'itpm', 'otpm'] as const;

export function buildSite(input: PlanInput): Site {
  const { traffic } = input;
  const calls = traffic.sessions.flatMap((session) => session.calls);
  const durationMs = Float64Array.from(calls, (call) => call.durationMs);
  const routes = simulatedRoutes(input);
  const online = routes.map((route) => route.share * (1 - route.batchShare));
  const shares = routes.map((route, index) =>
    route.escalatedFrom === undefined ? online[index]! : 0,
  );
  const total = totalRoute();
  const keys = [TOTAL_POOL, ...new Set(routes.map((route) => route.limitPool))];
  const dimensions = keys.map((key) => amountDimensions(input, routes, key));
  const tables = routes.map((route) => ({
    total: amountTable(traffic, total, dimensions[0]!),
    own: amountTable(traffic, route, dimensions[keys.indexOf(route.limitPool)]!),
    pool: keys.indexOf(route.limitPool),
  }));
  // One route that counts as everybody does needs no second meter: its peaks are those of the total.
  const isSame = routes.length === 1 && sameNumbers(tables[0]!.total, tables[0]!.own);
  const feeds = tables.map((table): Feed[] => [
    { pool: 0, amounts: table.total },
    ...(isSame ? [] : [{ pool: table.pool, amounts: table.own }]),
  ]);
  const perMinute = callVolume(input.volume, traffic).perMinute;
  const watched = keys.flatMap((key, index) =>
    watch(key, isSame ? 0 : index, dimensions[index]!, (dimension) =>
      routes.reduce((sum, route, position) => {
        if (index > 0 && route.limitPool !== key) return sum;
        const counted = index === 0 ? { ...total, selection: route.selection } : route;
        return (
          sum +
          perMinute * online[position]! * meanAmount({ traffic, durationMs }, counted, dimension)
        );
      }, 0),
    ),
  );
  return {
    sessionStart: Int32Array.from(starts(traffic)),
    offsetMs: Float64Array.from(calls, (call) => call.offsetMs),
    durationMs,
    shares,
    selections: routes.map((route) => route.selection),
    escalations: routes.map((route) => escalationsOf(input, routes, route)),
    pools: keys.map((key, index) => ({ key, amounts: dimensions[index]!.length })),
    feeds: [...feeds, []],
    watched,
  };
}

/** Routes of the plan, and the self-hosted pool as one more without limits. */
function simulatedRoutes(input: PlanInput): Route[] {
  const routes = input.routes.filter((route) => route.share > 0);
  if (input.pool === undefined) return routes;
  const { share, selection } = input.pool;
  return [...routes, { ...totalRoute(), share, selection, limitPool: SELF_HOSTED_POOL }];
}

function escalationsOf(
  input: PlanInput,
  routes: readonly Route[],
  from: Route,
): readonly Escalation[] {
  return routes.flatMap((route, index) => {
    if (route.escalatedFrom === undefined || input.routes[route.escalatedFrom] !== from) return [];
    // Escalations are online calls even when their share of batch calls is not 0.
    return [{ route: index, probability: Math.min(1, route.share / from.share) }];
  });
}

function totalRoute(): Route {
  return {
    provider: '',
    model: '',
    tier: null,
    share: 1,
    batchShare: 0,
    rule: COUNTING_RULES.generic,
    limits: {},
    limitPool: TOTAL_POOL,
    price: null,
    higherTiers: [],
  };
}

function amountDimensions(
  input: PlanInput,
  routes: readonly Route[],
  key: string,
): AmountDimension[] {
  if (!input.traffic.tokensKnown) return [];
  const dimensions: AmountDimension[] = [...WITH_TOKENS];
  const limits = routes.find((route) => route.limitPool === key)?.limits ?? {};
  if (limits.uncachedTpm !== undefined) dimensions.push('uncachedTpm');
  if (limits.spendPer10Min !== undefined) dimensions.push('spendPer10Min');
  return dimensions;
}

function watch(
  key: string,
  pool: number,
  amounts: readonly AmountDimension[],
  mean: (dimension: PeakDimension) => number,
): Watched[] {
  const counts = (['rpm', 'rps', 'concurrency'] as const).map((dimension) => ({
    dimension,
    amount: 0,
  }));
  const sums = amounts.map((dimension, amount) => ({ dimension, amount }));
  return [...counts, ...sums].map(({ dimension, amount }) => ({
    key,
    pool,
    dimension,
    amount,
    meanPerScale: mean(dimension),
  }));
}

/** Mean over calls of what one call adds to the dimension's window, per call and minute. */
function meanAmount(
  { durationMs, traffic }: { readonly traffic: Traffic; readonly durationMs: Float64Array },
  route: Route,
  dimension: PeakDimension,
): number {
  if (dimension === 'rpm') return 1;
  if (dimension === 'rps') return 1 / 60;
  const amount = dimension === 'concurrency' ? durationMs : amountsOf(traffic, route, dimension);
  if (amount.length === 0) return 0;
  let sum = 0;
  for (let call = 0; call < amount.length; call += 1)
    sum += callWeight(route, call) * amount[call]!;
  const perCall = sum / amount.length;
  if (dimension === 'concurrency') return perCall / MS_PER_MINUTE;
  return dimension === 'spendPer10Min' ? perCall * 10 : perCall;
}

/** Rows of amounts, one row per call. */
function amountTable(
  traffic: Traffic,
  route: Route,
  dimensions: readonly AmountDimension[],
): Float64Array {
  const columns = dimensions.map((dimension) => amountsOf(traffic, route, dimension));
  const table = new Float64Array(dimensions.length * (columns[0]?.length ?? 0));
  for (const [column, amounts] of columns.entries()) {
    for (let call = 0; call < amounts.length; call += 1) {
      table[call * dimensions.length + column] = amounts[call]!;
    }
  }
  return table;
}

function amountsOf(traffic: Traffic, route: Route, dimension: AmountDimension): Float64Array {
  const counted = countedCalls(traffic, route);
  switch (dimension) {
    case 'tpm':
      return counted.debits().tokens;
    case 'itpm':
      return counted.debits().inputTokens;
    case 'otpm':
      return counted.debits().outputTokens;
    case 'uncachedTpm':
      return counted.debits().uncachedTokens;
    case 'spendPer10Min':
      return Float64Array.from(counted.tokens, (own) => ownPrice(route, own) ?? 0);
  }
}

function sameNumbers(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

function starts({ sessions }: Traffic): number[] {
  const result = [0];
  for (const session of sessions) result.push(result.at(-1)! + session.calls.length);
  return result;
}
