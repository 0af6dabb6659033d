import { formatCount, formatDuration, formatShare, formatUsd, round } from '../core/units.ts';
import { countsMaxTokens } from './debit.ts';
import { limitPools, sustainedBreak } from './limits.ts';
import type { Break, LimitPool } from './limits.ts';
import { DIMENSIONS, dimensionsOf, formatScale, SPEND_DIMENSIONS } from './limit.ts';
import type { Dimension, Limits } from './limit.ts';
import type { PlanInput, Route } from './plan-input.ts';
import type { Queueing } from './queueing.ts';
import { commonSelection } from './routing.ts';
import { trafficMeans } from './traffic.ts';
import { outcome } from './way-out.ts';
import type { Situation, WayOut } from './way-out.ts';
import { cacheKeys, promptCache, responseCache } from './ways-out-caches.ts';
import { withCallFactor, withRoutes } from './what-if.ts';

/** Share of calls that a second provider takes in the example split. */
const EVEN_SPLIT = 0.5;
/** Calls that may wait a day, as an example. */
const EXAMPLE_BATCH = 0.2;

/**
 * All ways out that change something, best first: those that reach the required scale, then by
 * where they break.
 * @param found where the busiest minute breaks today, what smoothing can win back, and what calls
 *   then wait
 */
export function waysOut(
  input: PlanInput,
  found: {
    readonly peak?: Break | undefined;
    readonly queueing?: readonly Queueing[] | undefined;
  } = {},
): WayOut[] {
  const before = sustainedBreak(input);
  if (before === undefined) return [];
  const pool = limitPools(input).find((candidate) => isPoolOf(candidate, before));
  if (pool === undefined) return [];
  const now: Situation = { input, pool, before };
  const ways = [
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
  return ways
    .filter((way) => (way.breaksAt?.scale ?? Number.POSITIVE_INFINITY) > before.scale * 1.001)
    .concat(smoothing(now, found))
    .toSorted((a, b) => rank(b) - rank(a));
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

function higherTiers(now: Situation): WayOut[] {
  const { input, pool } = now;
  // Limits that nobody has published are unknown, not absent.
  const known = pool.routes[0]!.higherTiers.filter(({ limits }) => dimensionsOf(limits).length > 0);
  return known.map((option) =>
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
  const [route] = pool.routes;
  const twin: Route = { ...route!, limitPool: `${pool.key} (second)` };
  const isCustom = route!.higherTiers.length === 0 && route!.tier === null;
  const label = isCustom
    ? 'a second model or provider'
    : `a second region or account of ${route!.provider}`;
  const way = splitWith(now, twin, label, 'assumes the same limits there');
  const second: WayOut = {
    ...way,
    kind: isCustom ? 'route-share' : 'second-region',
    breaksAt: way.breaksAt === null ? null : { ...way.breaksAt, ...nameOf(before) },
  };
  return isCustom && named.length > 0 ? named : [...named, second];
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
function smoothing(
  now: Situation,
  {
    peak,
    queueing = [],
  }: { readonly peak?: Break | undefined; readonly queueing?: readonly Queueing[] | undefined },
): WayOut[] {
  const { input, before, pool } = now;
  if (peak === undefined || peak.scale > before.scale * 0.99) return [];
  const { model, provider } = pool.routes[0]!;
  const own = queueing.find((one) => one.provider === provider && one.model === model);
  const moved = `first rejections move from ${formatScale(peak.scale)} to ${formatScale(before.scale)}`;
  return [
    outcome(now, input, {
      kind: 'smoothing',
      change: 'queue and spread calls in the client instead of sending bursts',
      note: `${moved}; ${waitNote(own, input.goals.fitsAtScale)}`,
    }),
  ];
}

function waitNote(own: Queueing | undefined, required: number): string {
  if (own === undefined) return 'calls wait instead';
  const { documented } = own;
  if (documented === null) return `at ${formatScale(required)} the queue only grows`;
  if (documented.waiting.value === 0) return `at ${formatScale(required)} no call has to wait`;
  const { meanMs, p95Ms } = documented;
  return `at ${formatScale(required)} calls wait ${formatDuration(meanMs.value)} on average, 95 % of them up to ${formatDuration(p95Ms.value)}`;
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
