import { breakWithCache, cacheAt } from './caching.ts';
import { monthlyCost, poolDemand } from './cost.ts';
import { extrapolated } from './sensitivity-simulation.ts';
import { SENSITIVITY_FACTORS } from './sensitivity-factors.ts';
import type { FactorId, Variant } from './sensitivity-factors.ts';
import type { DemandSimulation } from './demand.ts';
import { sizePool } from './gpu-pool.ts';
import { sustainedBreak } from './limits.ts';
import type { PlanInput } from './plan-input.ts';

/**
 * The tornado: each assumption moved to both ends of its stated range with all others held, and
 * what that does to the monthly bill and to where the plan breaks. Recomputed, not scaled.
 */
export interface Sensitivity {
  /** The multiple of the target it is computed at. */
  readonly scale: number;
  readonly usdPerMonth: number | null;
  readonly breaksAt: number | null;
  /** Largest swing of the bill first; where no price is known, of the breaking point. */
  readonly rows: readonly SensitivityRow[];
}

export interface SensitivityRow {
  readonly factor: FactorId;
  readonly label: string;
  /** Half width: 0.2 is 20 % (or 20 points where the factor is a share) to both sides. */
  readonly range: number;
  readonly unit: 'relative' | 'points';
  /** Where the range comes from. */
  readonly basis: string;
  readonly low: SensitivityEnd;
  readonly high: SensitivityEnd;
}

export interface SensitivityEnd {
  readonly usdPerMonth: number | null;
  readonly breaksAt: number | null;
}

/** Factors that the plan does not have (no cascade, no GPUs) are left out. */
export function planSensitivity(input: PlanInput, simulation: DemandSimulation): Sensitivity {
  const { fitsAtScale } = input.goals;
  const scale = input.scales.includes(fitsAtScale) ? fitsAtScale : input.scales[0]!;
  const base = evaluate({ input }, simulation, scale);
  const rows = (Object.keys(SENSITIVITY_FACTORS) as FactorId[]).flatMap(
    (factor): SensitivityRow[] => {
      const { label, unit, basis, range: ours, vary } = SENSITIVITY_FACTORS[factor];
      const range = input.sensitivity?.[factor] ?? ours;
      const low = vary(input, -range);
      const high = vary(input, range);
      if (low === undefined || high === undefined || range === 0) return [];
      return [
        {
          factor,
          label,
          range,
          unit,
          basis: input.sensitivity?.[factor] === undefined ? basis : 'given by the plan',
          low: evaluate(low, simulation, scale),
          high: evaluate(high, simulation, scale),
        },
      ];
    },
  );
  return {
    scale,
    ...base,
    rows: rows
      .filter((row) => swing(row) > 0 || breakSwing(row) > 0)
      .toSorted((a, b) => swing(b) - swing(a) || breakSwing(b) - breakSwing(a)),
  };
}

/** Distance between the two ends, in US dollars a month; 0 when unknown. */
export function swing({ low, high }: SensitivityRow): number {
  if (low.usdPerMonth === null || high.usdPerMonth === null) return 0;
  const distance = Math.abs(high.usdPerMonth - low.usdPerMonth);
  // Sums in another order differ in their last digits; that is no effect.
  return distance <= 1e-9 * Math.abs(high.usdPerMonth) ? 0 : distance;
}

function breakSwing({ low, high }: SensitivityRow): number {
  if (low.breaksAt === null || high.breaksAt === null) return 0;
  const distance = Math.abs(Math.log(high.breaksAt / low.breaksAt));
  return distance < 1e-9 ? 0 : distance;
}

function evaluate(variant: Variant, simulation: DemandSimulation, scale: number): SensitivityEnd {
  const { volumeFactor = 1, billFactors = {} } = variant;
  const input = cacheAt(variant.input, scale);
  // More traffic is the same plan at another scale; its peaks follow from the simulated ones.
  const moved = extrapolated(input, simulation, scale, volumeFactor);
  const demand = poolDemand(input, moved, scale);
  const pool = demand === undefined ? null : sizePool(input.pool!.spec, demand);
  const gpuUsd = demand === undefined ? 0 : (pool?.costUsdPerMonth ?? null);
  const { monthly } = monthlyCost(input, moved, scale, gpuUsd);
  let usdPerMonth = monthly.total;
  for (const [part, factor] of Object.entries(billFactors)) {
    const before = monthly[part as keyof typeof billFactors];
    if (usdPerMonth !== null && before !== null) usdPerMonth += before * (factor - 1);
  }
  return {
    usdPerMonth,
    breaksAt: breakWithCache(input, sustainedBreak)?.scale ?? null,
  };
}
