import { randomStreams } from '../core/random.ts';
import { inputTokens } from '../core/tokens.ts';
import type { TokenRecord } from '../core/tokens.ts';
import { HOURS_PER_MONTH } from '../core/units.ts';
import { countedCalls } from './counted-calls.ts';
import { routePrice } from './mean-demand.ts';
import type { PlanInput, Route } from './plan-input.ts';
import { callShare } from './routing.ts';
import { trafficMeans } from './traffic.ts';

/**
 * Provisioned units (Azure PTU, Google GSU) as a base with the rest spilled to pay-as-you-go. How
 * many units pay is a newsvendor question on the demand of single minutes: a unit is worth buying
 * while the tokens it would take off the bill are worth more than the unit costs.
 */
export interface ProvisionedOffer {
  /** PTU or GSU. */
  readonly unit: string;
  /** Weighted tokens one unit serves per minute. */
  readonly tokensPerMinutePerUnit: number;
  /** What one token of each kind counts. */
  readonly weights: TokenWeights;
  /** Above this prompt length the whole request counts by these weights. */
  readonly long?: (TokenWeights & { readonly aboveTokens: number }) | undefined;
  readonly minimum: number;
  readonly increment: number;
  readonly term: string;
  readonly usdPerUnitMonth: number;
  /** What happens above the units: Azure refuses, Google bills as pay-as-you-go. */
  readonly overflow: 'refused' | 'pay-as-you-go';
}

interface TokenWeights {
  readonly input: number;
  readonly cacheRead: number;
  readonly output: number;
}

export interface ProvisionedBase {
  readonly scale: number;
  readonly unit: string;
  readonly term: string;
  /** Cheapest size that can be bought; 0 when none pays. */
  readonly units: number;
  /** Units the busiest simulated minute would need. */
  readonly peakUnits: number;
  readonly baseUsdPerMonth: number;
  readonly spillUsdPerMonth: number;
  /** Everything at pay-as-you-go. */
  readonly payAsYouGoUsdPerMonth: number;
  /** Sustained use of a unit at which it costs what its tokens would; above 1: never. */
  readonly breakEvenUtilisation: number;
  /** Expected use of the bought units over the whole month, nights included; null without units. */
  readonly utilisation: number | null;
  /** Share of the tokens that spill. */
  readonly spilledShare: number;
  /** Most debited tokens that spill in a minute, for the standard deployment's own TPM. */
  readonly spillPeakTokensPerMinute: number;
  /** Whether the route's own token limits carry that; null when they are not known. */
  readonly spillFits: boolean | null;
  /** Equivalent share of the month that runs at the busy period's rate. */
  readonly busyShare: number;
}

/** Simulated hours whose minutes are the demand. */
const REPLICATIONS = 6;
const MINUTES = 60;
/** Calls of a replication above which a smaller one is spread by the central limit theorem. */
const MOST_CALLS = 60_000;

/** Undefined when the route has no price or the workload no tokens. */
export function provisionedBase(
  input: PlanInput,
  route: Route,
  offer: ProvisionedOffer,
  scale: number,
): ProvisionedBase | undefined {
  if (route.price === null || !input.traffic.tokensKnown || route.share === 0) return undefined;
  const minutes = minuteDemand(input, route, offer, scale);
  const weighted = sum(minutes, ({ weighted: one }) => one);
  const usd = sum(minutes, ({ usd: one }) => one);
  if (weighted === 0) return undefined;
  const { turnsPerDay, turnsPerMinute, daysPerMonth } = input.volume;
  const monthMinutes = HOURS_PER_MONTH * 60;
  const busyMinutes = (turnsPerDay * daysPerMonth) / turnsPerMinute;
  const perMinute = usd / minutes.length;
  const spillUsd = (units: number): number =>
    sum(minutes, (minute) => minute.usd * spilled(minute, units, offer)) / minutes.length;
  const capacity = offer.tokensPerMinutePerUnit;
  const peakUnits = Math.max(...minutes.map((minute) => minute.weighted)) / capacity;
  const cost = (units: number): number =>
    units * offer.usdPerUnitMonth + spillUsd(units) * busyMinutes;
  const units = cheapestSize(offer, peakUnits, cost);
  const used = sum(minutes, (minute) => Math.min(minute.weighted, units * capacity));
  const spillPeak = Math.max(
    ...minutes.map((minute) => minute.tokens * spilled(minute, units, offer)),
  );
  const limit = route.limits.tpm ?? route.limits.itpm ?? null;
  return {
    scale,
    unit: offer.unit,
    term: offer.term,
    units,
    peakUnits,
    baseUsdPerMonth: units * offer.usdPerUnitMonth,
    spillUsdPerMonth: spillUsd(units) * busyMinutes,
    payAsYouGoUsdPerMonth: perMinute * busyMinutes,
    breakEvenUtilisation: offer.usdPerUnitMonth / (((capacity * usd) / weighted) * monthMinutes),
    utilisation:
      units === 0
        ? null
        : (used / minutes.length / (units * capacity)) * (busyMinutes / monthMinutes),
    spilledShare: 1 - used / weighted,
    spillPeakTokensPerMinute: spillPeak,
    spillFits: limit === null ? null : spillPeak <= limit,
    busyShare: busyMinutes / monthMinutes,
  };
}

/** Cost is convex in the units, so the first size that is not cheaper ends the search. */
function cheapestSize(
  offer: ProvisionedOffer,
  peakUnits: number,
  cost: (units: number) => number,
): number {
  let best = offer.minimum;
  let bestUsd = Number.POSITIVE_INFINITY;
  for (let units = offer.minimum; ; units += offer.increment) {
    const now = cost(units);
    if (now >= bestUsd) break;
    [best, bestUsd] = [units, now];
    if (units >= peakUnits) break;
  }
  return bestUsd < cost(0) ? best : 0;
}

interface Minute {
  /** By the units' weights. */
  readonly weighted: number;
  readonly usd: number;
  /** By the provider's own counting rule. */
  readonly tokens: number;
}

function spilled({ weighted }: Minute, units: number, offer: ProvisionedOffer): number {
  if (weighted === 0) return 0;
  return Math.max(0, 1 - (units * offer.tokensPerMinutePerUnit) / weighted);
}

/** Tokens by weight; a prompt above the threshold counts by the long weights as a whole. */
export function weigh(offer: ProvisionedOffer, tokens: TokenRecord): number {
  const prompt = inputTokens(tokens);
  const long = offer.long !== undefined && prompt > offer.long.aboveTokens;
  const { input, cacheRead, output } = long ? offer.long! : offer.weights;
  const fresh = prompt - tokens.cacheRead;
  return fresh * input + tokens.cacheRead * cacheRead + tokens.output * output;
}

/** Demand of single busy minutes: whole sessions on a ring of an hour, as in the demand simulation. */
function minuteDemand(
  input: PlanInput,
  route: Route,
  offer: ProvisionedOffer,
  scale: number,
): Minute[] {
  const { traffic, volume } = input;
  const tables = callTables(input, route, offer);
  const means = trafficMeans(traffic);
  const callsPerHour = volume.turnsPerMinute * MINUTES * means.callsPerTurn * scale;
  const simulated = scale * Math.min(1, MOST_CALLS / callsPerHour);
  const sessionsPerHour = (volume.turnsPerMinute * MINUTES * simulated) / means.turnsPerSession;
  const streams = randomStreams(input.seed);
  const found: Minute[] = [];
  for (let replication = 0; replication < REPLICATIONS; replication += 1) {
    const random = streams(`plan/provisioned/${replication}`);
    const hour = Array.from({ length: MINUTES }, () => ({ weighted: 0, usd: 0, tokens: 0 }));
    for (let at = random.exponential(MINUTES / sessionsPerHour); at < MINUTES;) {
      const session = random.integer(traffic.sessions.length);
      for (const call of tables[session]!) {
        if (call.share < 1 && random.uniform() >= call.share) continue;
        const bin = hour[Math.floor((at + call.offsetMinutes) % MINUTES)]!;
        bin.weighted += call.weighted;
        bin.usd += call.usd;
        bin.tokens += call.tokens;
      }
      at += random.exponential(MINUTES / sessionsPerHour);
    }
    found.push(...hour);
  }
  return simulated === scale ? found : spreadTo(found, scale / simulated);
}

/** Minutes of a larger load: means grow as the scale, deviations as its square root. */
function spreadTo(minutes: readonly Minute[], growth: number): Minute[] {
  const center = (pick: (minute: Minute) => number): ((minute: Minute) => number) => {
    const mean = sum(minutes, pick) / minutes.length;
    return (minute) => Math.max(0, mean * growth + (pick(minute) - mean) * Math.sqrt(growth));
  };
  const weighted = center((minute) => minute.weighted);
  const usd = center((minute) => minute.usd);
  const tokens = center((minute) => minute.tokens);
  return minutes.map((minute) => ({
    weighted: weighted(minute),
    usd: usd(minute),
    tokens: tokens(minute),
  }));
}

interface CallRow extends Minute {
  readonly offsetMinutes: number;
  /** Of this call, online. */
  readonly share: number;
}

function callTables(
  { traffic }: PlanInput,
  route: Route,
  offer: ProvisionedOffer,
): readonly (readonly CallRow[])[] {
  const online = { ...route, batchShare: 0 };
  const counted = countedCalls(traffic, route);
  const { tokens: debits } = counted.debits();
  let index = -1;
  return traffic.sessions.map((session) =>
    session.calls.map(({ offsetMs, tokens }): CallRow => {
      index += 1;
      const own = counted.tokens[index]!;
      return {
        offsetMinutes: offsetMs / 60_000,
        share: callShare(route, index) * (1 - route.batchShare),
        weighted: weigh(offer, own),
        usd: routePrice(online, tokens) ?? 0,
        tokens: debits[index]!,
      };
    }),
  );
}

function sum(minutes: readonly Minute[], pick: (minute: Minute) => number): number {
  let total = 0;
  for (const minute of minutes) total += pick(minute);
  return total;
}
