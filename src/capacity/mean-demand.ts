import { NO_TOKENS } from '../core/tokens.ts';
import type { TokenRecord } from '../core/tokens.ts';
import { countedCalls } from './counted-calls.ts';
import type { CountedCalls, DebitColumns } from './counted-calls.ts';
import type { CallDebit } from './debit.ts';
import type { Dimension } from './limit.ts';
import type { PlanInput, Route, Volume } from './plan-input.ts';
import { priceRequest } from './price.ts';
import { callWeight, routeTokens } from './routing.ts';
import { scaleTokens, trafficMeans } from './traffic.ts';
import type { Traffic } from './traffic.ts';

/** Means: exact over the pool of sessions, no simulation. */
export interface MeanCall {
  readonly debit: CallDebit;
  readonly tokens: TokenRecord;
  /** Null without token counts or price. */
  readonly costUsd: number | null;
  readonly seconds: number;
}

/** The average call that a route takes: debits by its rule, price tier chosen per request. */
export function meanCall(traffic: Traffic, route: Route): MeanCall {
  const counted = countedCalls(traffic, route);
  const known = knownMeans.get(counted) ?? [];
  const { batchShare, price, selection } = route;
  for (const one of known) {
    if (one.price !== price || one.selection !== selection) continue;
    if (one.batchShare === batchShare) return one.mean;
  }
  const mean = computeMeanCall(traffic, route, counted);
  known.push({ price, selection, batchShare, mean });
  knownMeans.set(counted, known);
  return mean;
}

/** Of what a route's mean call depends on beyond its way of counting. */
type KnownMean = Pick<Route, 'price' | 'selection' | 'batchShare'> & { readonly mean: MeanCall };

const knownMeans = new WeakMap<CountedCalls, KnownMean[]>();

function computeMeanCall(traffic: Traffic, route: Route, counted: CountedCalls): MeanCall {
  const debits = counted.debits();
  const sums = { requests: 0, tokens: 0, inputTokens: 0, outputTokens: 0, uncachedTokens: 0 };
  const tokens = { ...NO_TOKENS } as { -readonly [P in keyof TokenRecord]: number };
  let count = 0;
  let index = -1;
  let cost: number | null = traffic.tokensKnown && route.price !== null ? 0 : null;
  let durationMs = 0;
  for (const session of traffic.sessions) {
    for (const call of session.calls) {
      index += 1;
      const weight = callWeight(route, index);
      if (weight === 0) continue;
      const own = counted.tokens[index]!;
      sums.tokens += weight * debits.tokens[index]!;
      sums.inputTokens += weight * debits.inputTokens[index]!;
      sums.outputTokens += weight * debits.outputTokens[index]!;
      sums.uncachedTokens += weight * debits.uncachedTokens[index]!;
      count += weight;
      durationMs += weight * call.durationMs;
      tokens.uncached += weight * own.uncached;
      tokens.cacheRead += weight * own.cacheRead;
      tokens.cacheWrite5m += weight * own.cacheWrite5m;
      tokens.cacheWrite1h += weight * own.cacheWrite1h;
      tokens.output += weight * own.output;
      tokens.reasoning += weight * own.reasoning;
      if (cost !== null) cost += weight * (ownPrice(route, own) ?? 0);
    }
  }
  if (count === 0) return { debit: sums, tokens, costUsd: cost, seconds: 0 };
  return {
    debit: {
      requests: 1,
      tokens: sums.tokens / count,
      inputTokens: sums.inputTokens / count,
      outputTokens: sums.outputTokens / count,
      uncachedTokens: sums.uncachedTokens / count,
    },
    tokens: scaleTokens(tokens, 1 / count),
    costUsd: cost === null ? null : cost / count,
    seconds: durationMs / count / 1000,
  };
}

/**
 * Expected price of one call on a route: its batch share at batch rates. Null without a price.
 * @param tokens as the workload counts them
 */
export function routePrice(route: Route, tokens: TokenRecord): number | null {
  return ownPrice(route, routeTokens(route, tokens));
}

/** The same for tokens of the route's own model. */
export function ownPrice(route: Route, own: TokenRecord): number | null {
  if (route.price === null) return null;
  const standard = priceRequest(route.price, own);
  if (route.batchShare === 0 || route.price.batchFactor === undefined) return standard;
  const batch = priceRequest(route.price, own, 'batch');
  return standard + route.batchShare * (batch - standard);
}

/** LLM calls at 1x. */
export interface CallVolume {
  readonly perMinute: number;
  readonly perDay: number;
  readonly perMonth: number;
}

export function callVolume(volume: Volume, traffic: Traffic): CallVolume {
  const { callsPerTurn } = trafficMeans(traffic);
  const perDay = volume.turnsPerDay * callsPerTurn;
  return {
    perMinute: volume.turnsPerMinute * callsPerTurn,
    perDay,
    perMonth: perDay * volume.daysPerMonth,
  };
}

/** Mean demand of a route in a dimension's own unit at 1x; null when it needs numbers nobody gave. */
export function meanDemand(input: PlanInput, route: Route, dimension: Dimension): number | null {
  const volume = callVolume(input.volume, input.traffic);
  const call = meanCall(input.traffic, route);
  // Batch calls have limits of their own (queued tokens), so they leave the per-minute ones.
  const online = route.share * (1 - route.batchShare);
  const known = input.traffic.tokensKnown;
  const perMinute = volume.perMinute * online;
  const perDay = volume.perDay * online;
  switch (dimension) {
    case 'rpm':
      return perMinute;
    case 'rps':
      return perMinute / 60;
    case 'rpd':
      return perDay;
    case 'concurrency':
      return (perMinute / 60) * call.seconds;
    case 'tpm':
      return known ? perMinute * call.debit.tokens : null;
    case 'itpm':
      return known ? perMinute * call.debit.inputTokens : null;
    case 'otpm':
      return known ? perMinute * call.debit.outputTokens : null;
    case 'uncachedTpm':
      return known ? perMinute * call.debit.uncachedTokens : null;
    case 'tpd':
      return known ? perDay * call.debit.tokens : null;
    case 'tokensPerMonth':
      return known ? perDay * input.volume.daysPerMonth * call.debit.tokens : null;
    case 'spendPer10Min':
      return call.costUsd === null ? null : perMinute * 10 * call.costUsd;
    case 'spendPerMonth':
      return call.costUsd === null ? null : volume.perMonth * route.share * call.costUsd;
  }
}

/** Share of requests that fit the bucket, and what the 99th percentile needs at admission. */
export function admissionQuantile(
  traffic: Traffic,
  route: Route,
  dimension: Dimension,
  q: number,
): number | null {
  const part = ADMISSION_PART[dimension];
  if (part === undefined || !traffic.tokensKnown) return null;
  const values = sortedAdmissions(countedCalls(traffic, route), part, route);
  return values[Math.max(0, Math.ceil(q * values.length) - 1)] ?? null;
}

/** What the calls that the route takes need at admission, ascending. */
function sortedAdmissions(
  counted: CountedCalls,
  part: keyof DebitColumns,
  route: Pick<Route, 'selection'>,
): Float64Array {
  const known = knownAdmissions.get(counted) ?? [];
  const { selection } = route;
  for (const one of known) if (one.part === part && one.selection === selection) return one.sorted;
  const sorted = counted
    .admissions()
    [part].filter((_amount, call) => callWeight(route, call) > 0)
    .sort();
  known.push({ part, selection, sorted });
  knownAdmissions.set(counted, known);
  return sorted;
}

type SortedAdmissions = Pick<Route, 'selection'> & {
  readonly part: keyof DebitColumns;
  readonly sorted: Float64Array;
};

const knownAdmissions = new WeakMap<CountedCalls, SortedAdmissions[]>();

const ADMISSION_PART: { readonly [D in Dimension]?: keyof DebitColumns } = {
  tpm: 'tokens',
  itpm: 'inputTokens',
  uncachedTpm: 'uncachedTokens',
};
