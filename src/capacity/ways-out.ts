import { formatCount, formatShare, formatUsd, round } from '../core/units.ts';
import { keysWanted } from './caching.ts';
import { countsMaxTokens } from './debit.ts';
import { limitPools, oversizeRequests, sustainedBreak } from './limits.ts';
import type { Break, LimitPool } from './limits.ts';
import { DIMENSIONS, formatScale, SPEND_DIMENSIONS } from './limit.ts';
import type { Dimension, Limits } from './limit.ts';
import { callVolume, meanCall } from './mean-demand.ts';
import type { PlanInput, Route } from './plan-input.ts';
import { commonSelection } from './routing.ts';
import type { TokenRecord } from '../core/tokens.ts';
import { trafficMeans } from './traffic.ts';
import { withCallFactor, withRoutes, withTokens } from './what-if.ts';

/** One way to carry more: what to change, and what the same plan says after the change. */
export interface WayOut {
  readonly kind: WayOutKind;
  readonly change: string;
  /** Utilisation of the binding dimension at the required scale after the change (mean demand). */
  readonly utilisation: number;
  /** Where mean demand then meets the first limit of this provider and model; null when none is left. */
  readonly breaksAt: Break | null;
  /** A limit of another route that breaks earlier still; null when there is none. */
  readonly thenBreaksAt: Break | null;
  readonly fitsRequired: boolean;
  /** Change of the monthly API bill at the required scale; null when prices are unknown. */
  readonly apiUsdPerMonth: number | null;
  /** Conditions, and what the figure rests on. */
  readonly note: string | null;
}

type WayOutKind =
  | 'higher-tier'
  | 'route-share'
  | 'fewer-calls'
  | 'response-cache'
  | 'prompt-cache'
  | 'cache-keys'
  | 'shorter-output-reservation'
  | 'batch'
  | 'smoothing'
  | 'raise-limit';

/** Hit rate of a response cache that is shown when a smaller one does not decide: an example, not a promise. */
const EXAMPLE_HIT_RATE = 0.3;
/** Prompt-cache share that agents with a stable prefix reach (Anthropic and OpenAI guides name 80 to 90 %). */
const EXAMPLE_PROMPT_CACHE = 0.8;
/** Share of calls that a second provider takes in the example split. */
const EVEN_SPLIT = 0.5;
/** Calls that may wait a day, as an example. */
const EXAMPLE_BATCH = 0.2;

/**
 * All ways out that change something, best first: those that reach the required scale, then by
 * where they break.
 * @param peak where the busiest minute breaks today: what smoothing can win back
 */
export function waysOut(input: PlanInput, peak?: Break): WayOut[] {
  const before = sustainedBreak(input);
  if (before === undefined) return [];
  const pool = limitPools(input).find((candidate) => isPoolOf(candidate, before));
  if (pool === undefined) return [];
  const now: Situation = { input, pool, before };
  const found = [
    ...higherTiers(now),
    ...splits(now),
    ...fewerCalls(now),
    ...responseCache(now),
    ...promptCache(now),
    ...cacheKeys(now),
    ...shorterReservation(now),
    ...batch(now),
    ...raisedLimit(now),
  ];
  return found
    .filter((way) => (way.breaksAt?.scale ?? Number.POSITIVE_INFINITY) > before.scale * 1.001)
    .concat(smoothing(now, peak))
    .toSorted((a, b) => rank(b) - rank(a));
}

/** The plan, the limit pool that breaks first, and where. */
interface Situation {
  readonly input: PlanInput;
  readonly pool: LimitPool;
  readonly before: Break;
}

function rank(way: WayOut): number {
  // A number the provider must agree to is not a plan; it comes after what the team can do itself.
  const asked = way.kind === 'raise-limit' ? -1 : 0;
  const scale = Math.min(1e6, way.breaksAt?.scale ?? 1e6);
  return (way.fitsRequired ? 1e9 : 0) + asked * 1e8 + scale;
}

function isPoolOf(pool: LimitPool, before: Break): boolean {
  const { provider, model } = pool.routes[0]!;
  return provider === before.provider && model === before.model;
}

function outcome(
  { input, pool }: Situation,
  changed: PlanInput,
  way: Pick<WayOut, 'kind' | 'change' | 'note'>,
): WayOut {
  const first = sustainedBreak(changed) ?? null;
  const others = new Set(limitPools(input).map(({ key }) => key));
  others.delete(pool.key);
  const touched = changed.routes.filter((route) => !others.has(route.limitPool));
  const breaksAt = sustainedBreak({ ...changed, routes: touched }) ?? null;
  const required = input.goals.fitsAtScale;
  const before = apiCost(input);
  const after = apiCost(changed);
  const oversize = oversizeRequests(changed).length > 0;
  return {
    ...way,
    utilisation: breaksAt === null ? 0 : required / breaksAt.scale,
    breaksAt,
    thenBreaksAt:
      first !== null && first.scale < (breaksAt?.scale ?? Number.POSITIVE_INFINITY) ? first : null,
    fitsRequired: !oversize && (first === null || first.scale >= required),
    apiUsdPerMonth: before === null || after === null ? null : (after - before) * required,
  };
}

function apiCost(input: PlanInput): number | null {
  const { perMonth } = callVolume(input.volume, input.traffic);
  let total = 0;
  for (const route of input.routes) {
    const { costUsd } = meanCall(input.traffic, route);
    if (costUsd === null) return null;
    total += costUsd * route.share * perMonth;
  }
  return total;
}

function higherTiers(now: Situation): WayOut[] {
  const { input, pool } = now;
  return pool.routes[0]!.higherTiers.map((option) =>
    outcome(
      now,
      withRoutes(input, (route) =>
        route.limitPool === pool.key
          ? { ...route, tier: option.tier, limits: option.limits }
          : route,
      ),
      {
        kind: 'higher-tier',
        change: `move ${pool.routes[0]!.provider} to tier ${option.tier}`,
        note: option.qualify,
      },
    ),
  );
}

/** A second provider, region or project with limits of its own takes a share of the calls. */
function splits(now: Situation): WayOut[] {
  const { input, pool, before } = now;
  const named = input.alternatives.map((alternative) =>
    splitWith(now, alternative, `${alternative.provider}/${alternative.model}`, null),
  );
  if (named.length > 0) return named;
  const [route] = pool.routes;
  const twin: Route = { ...route!, limitPool: `${pool.key} (second)` };
  const way = splitWith(now, twin, 'a second model or provider', 'assumes the same limits');
  return [
    { ...way, breaksAt: way.breaksAt === null ? null : { ...way.breaksAt, ...nameOf(before) } },
  ];
}

function nameOf(before: Break): Pick<Break, 'provider' | 'model'> {
  return { provider: before.provider, model: before.model };
}

function splitWith(now: Situation, other: Route, label: string, note: string | null): WayOut {
  const { input, pool } = now;
  const share = balancedShare(input, pool, other) ?? EVEN_SPLIT;
  const moved = pool.routes.reduce((sum, route) => sum + route.share, 0) * share;
  const changed: PlanInput = {
    ...input,
    routes: [
      ...input.routes.map((route) =>
        route.limitPool === pool.key ? { ...route, share: route.share * (1 - share) } : route,
      ),
      { ...other, share: moved, selection: commonSelection(pool.routes) },
    ],
  };
  return outcome(now, changed, {
    kind: 'route-share',
    change: `route ${formatShare(share)} of these calls to ${label}`,
    note,
  });
}

/** The share at which both sides reach their own limits at the same load. */
function balancedShare(input: PlanInput, pool: LimitPool, other: Route): number | null {
  const whole = pool.routes.reduce((sum, route) => sum + route.share, 0);
  const here = sustainedBreak({ ...input, routes: pool.routes });
  const selection = commonSelection(pool.routes);
  const there = sustainedBreak({ ...input, routes: [{ ...other, share: whole, selection }] });
  if (here === undefined || there === undefined) return null;
  return there.scale / (here.scale + there.scale);
}

function fewerCalls(now: Situation): WayOut[] {
  const { input, before } = now;
  const { callsPerTurn } = trafficMeans(input.traffic);
  const fewer = callsPerTurn > 2 ? callsPerTurn - 1 : callsPerTurn / 2;
  if (fewer < 1) return [];
  const needed = callsPerTurn * Math.min(1, before.scale / input.goals.fitsAtScale);
  return [
    outcome(now, withCallFactor(input, fewer / callsPerTurn), {
      kind: 'fewer-calls',
      change: `make ${round(fewer, 2)} instead of ${round(callsPerTurn, 2)} calls per turn`,
      note: `at most ${round(needed, 2)} calls per turn fit at ${input.goals.fitsAtScale}x`,
    }),
  ];
}

function responseCache(now: Situation): WayOut[] {
  const { input, before } = now;
  // The plan says already what its caches answer.
  if (input.answeredFromCache !== undefined) return [];
  const needed = 1 - before.scale / input.goals.fitsAtScale;
  const note =
    needed > 0
      ? `a hit rate of ${formatShare(needed)} is needed at ${input.goals.fitsAtScale}x; measure yours`
      : 'an example hit rate; measure yours';
  return [
    outcome(now, withCallFactor(input, 1 - EXAMPLE_HIT_RATE), {
      kind: 'response-cache',
      change: `answer ${formatShare(EXAMPLE_HIT_RATE)} of calls from a response cache`,
      note,
    }),
  ];
}

function promptCache(now: Situation): WayOut[] {
  const { input, before } = now;
  if (!input.traffic.tokensKnown || before.dimension === 'rpm' || before.dimension === 'rps')
    return [];
  const { tokens } = trafficMeans(input.traffic);
  const all = tokens.uncached + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h;
  if (all === 0 || tokens.cacheRead / all >= EXAMPLE_PROMPT_CACHE) return [];
  const traffic = withTokens(input.traffic, withPromptCache);
  return [
    outcome(
      now,
      { ...input, traffic },
      {
        kind: 'prompt-cache',
        change: `read ${formatShare(EXAMPLE_PROMPT_CACHE)} of input tokens from the prompt cache`,
        note: 'needs a stable prompt prefix; helps limits only where cache reads do not count',
      },
    ),
  ];
}

/** Shared cache keys that miss for their rate: more of them, or one per session. */
function cacheKeys(now: Situation): WayOut[] {
  const { input, pool } = now;
  const missing = pool.routes.filter(({ cacheKept }) => cacheKept !== undefined);
  if (missing.length === 0) return [];
  const wanted = missing.map((route) => keysWanted(input, route, input.goals.fitsAtScale) ?? 1);
  const changed = withRoutes(input, (route) =>
    route.limitPool === pool.key ? { ...route, cacheKept: undefined } : route,
  );
  return [
    outcome(now, changed, {
      kind: 'cache-keys',
      change: `use ${formatCount(Math.max(...wanted))} prompt-cache keys instead of ${formatCount(input.promptKeys ?? 1)}`,
      note: `at most ${missing[0]!.cacheKeyRpm} requests a minute per key find their prompt`,
    }),
  ];
}

function withPromptCache(tokens: TokenRecord): TokenRecord {
  const input = tokens.uncached + tokens.cacheRead;
  return {
    ...tokens,
    uncached: input * (1 - EXAMPLE_PROMPT_CACHE),
    cacheRead: input * EXAMPLE_PROMPT_CACHE,
  };
}

/** Where the provider counts `max_tokens`, asking for less frees the limit. */
function shorterReservation(now: Situation): WayOut[] {
  const { input, pool, before } = now;
  const [route] = pool.routes;
  const reserved = route!.maxOutputTokens ?? route!.modelMaxOutputTokens;
  if (before.dimension !== 'tpm' || reserved === undefined) return [];
  if (!countsMaxTokens(route!.rule)) return [];
  const outputs = input.traffic.sessions.flatMap((s) => s.calls.map((c) => c.tokens.output));
  const sorted = outputs.toSorted((a, b) => a - b);
  const p99 = Math.ceil(sorted[Math.ceil(0.99 * sorted.length) - 1] ?? 0);
  if (p99 >= reserved) return [];
  return [
    outcome(
      now,
      withRoutes(input, (one) =>
        one.limitPool === pool.key ? { ...one, maxOutputTokens: p99 } : one,
      ),
      {
        kind: 'shorter-output-reservation',
        change: `set max_tokens to ${formatCount(p99)} instead of ${formatCount(reserved)}`,
        note: 'the 99th percentile of output; longer answers are cut',
      },
    ),
  ];
}

function batch(now: Situation): WayOut[] {
  const { input, pool } = now;
  const [route] = pool.routes;
  if (route!.price?.batchFactor === undefined || route!.batchShare >= EXAMPLE_BATCH) return [];
  return [
    outcome(
      now,
      withRoutes(input, (one) =>
        one.limitPool === pool.key ? { ...one, batchShare: EXAMPLE_BATCH } : one,
      ),
      {
        kind: 'batch',
        change: `move ${formatShare(EXAMPLE_BATCH)} of calls to the batch interface`,
        note: 'only for calls that may wait up to 24 hours; batch queues have limits of their own',
      },
    ),
  ];
}

/** Queueing on the client's side turns the peak minute into the mean, and wins nothing beyond. */
function smoothing(now: Situation, peak: Break | undefined): WayOut[] {
  const { input, before } = now;
  if (peak === undefined || peak.scale > before.scale * 0.99) return [];
  return [
    outcome(now, input, {
      kind: 'smoothing',
      change: 'queue and spread calls in the client instead of sending bursts',
      note: `first rejections move from ${formatScale(peak.scale)} to ${formatScale(before.scale)}; calls wait instead`,
    }),
  ];
}

function raisedLimit(now: Situation): WayOut[] {
  const { input, pool, before } = now;
  const current = pool.limits[before.dimension]!;
  const demand = (current / before.scale) * input.goals.fitsAtScale;
  const asked = Math.ceil(demand / (1 - input.goals.headroom));
  if (asked <= current) return [];
  const limits: Limits = { ...pool.limits, [before.dimension]: asked };
  return [
    outcome(
      now,
      withRoutes(input, (route) => (route.limitPool === pool.key ? { ...route, limits } : route)),
      {
        kind: 'raise-limit',
        change: `get a higher tier or a raised limit: ${amount(asked, before.dimension)}`,
        note: `${formatShare(input.goals.headroom)} headroom at ${input.goals.fitsAtScale}x; the provider decides`,
      },
    ),
  ];
}

function amount(value: number, dimension: Dimension): string {
  return SPEND_DIMENSIONS.has(dimension)
    ? `${formatUsd(value)} (${DIMENSIONS[dimension].label})`
    : `${formatCount(value)} ${DIMENSIONS[dimension].label}`;
}
