import type { Cost } from './cost.ts';
import type { Business, PlanInput } from './plan-input.ts';
import { trafficMeans } from './traffic.ts';

/** What is earned against what it costs, at one scale. */
export interface Margin {
  readonly scale: number;
  readonly unit: 'turn' | 'task' | 'user';
  readonly unitsPerMonth: number;
  readonly valuePerUnitUsd: number;
  /** Everything the plan bills, over the units; tasks that fail are paid by those that succeed. */
  readonly costPerUnitUsd: number | null;
  readonly valueUsdPerMonth: number;
  readonly marginUsdPerMonth: number | null;
  /** Of the value; negative when it costs more than it earns. */
  readonly marginShare: number | null;
}

/** Undefined when the plan gives no value. */
export function marginAt(input: PlanInput, cost: Cost, scale: number): Margin | undefined {
  const { business } = input;
  const priced = business === undefined ? undefined : valueOf(business, input, scale);
  if (priced === undefined) return undefined;
  const { unit, unitsPerMonth, valuePerUnitUsd } = priced;
  const total = cost.monthly.total;
  const value = unitsPerMonth * valuePerUnitUsd;
  return {
    scale,
    unit,
    unitsPerMonth,
    valuePerUnitUsd,
    costPerUnitUsd: total === null || unitsPerMonth === 0 ? null : total / unitsPerMonth,
    valueUsdPerMonth: value,
    marginUsdPerMonth: total === null ? null : value - total,
    marginShare: total === null || value === 0 ? null : (value - total) / value,
  };
}

function valueOf(
  business: Business,
  input: PlanInput,
  scale: number,
): Pick<Margin, 'unit' | 'unitsPerMonth' | 'valuePerUnitUsd'> | undefined {
  const { turnsPerDay, daysPerMonth } = input.volume;
  const turns = turnsPerDay * daysPerMonth * scale;
  if (business.usdPerTurn !== undefined) {
    return { unit: 'turn', unitsPerMonth: turns, valuePerUnitUsd: business.usdPerTurn };
  }
  if (business.usdPerTask !== undefined) {
    const sessions = turns / trafficMeans(input.traffic).turnsPerSession;
    const done = sessions * business.taskSuccess;
    return { unit: 'task', unitsPerMonth: done, valuePerUnitUsd: business.usdPerTask };
  }
  if (business.usdPerUserMonth !== undefined && business.users !== undefined) {
    return {
      unit: 'user',
      unitsPerMonth: business.users * scale,
      valuePerUnitUsd: business.usdPerUserMonth,
    };
  }
  return undefined;
}
