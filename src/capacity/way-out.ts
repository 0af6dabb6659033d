import { limitPools, oversizeRequests, sustainedBreak } from './limits.ts';
import type { Break, LimitPool } from './limits.ts';
import { callVolume, meanCall } from './mean-demand.ts';
import type { PlanInput } from './plan-input.ts';

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
  | 'second-region'
  | 'fewer-calls'
  | 'response-cache'
  | 'prompt-cache'
  | 'cache-keys'
  | 'shorter-output-reservation'
  | 'batch'
  | 'smoothing'
  | 'raise-limit';

/** The plan, the limit pool that breaks first, and where. */
export interface Situation {
  readonly input: PlanInput;
  readonly pool: LimitPool;
  readonly before: Break;
}

/** The same plan after a change, held against the plan before it. */
export function outcome(
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
