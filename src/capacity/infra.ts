import { HOURS_PER_MONTH } from '../core/units.ts';
import { steppedPrice, withMinimum } from './price.ts';
import type { PriceStep } from './price.ts';

/** Infrastructure and operations lines: simple, but recomputed at each scale, never scaled. */

/** What a quantity grows with. */
type Driver = 'concurrentTurn' | 'concurrentCall' | 'concurrentUser';

export interface InfraLine {
  readonly name: string;
  readonly price: UnitPrice;
  readonly quantity: Quantity;
}

export type Quantity =
  /** A number of machines or subscriptions that does not grow. */
  | { readonly kind: 'fixed'; readonly count: number }
  /** One machine per so many of the driver in the busiest minute, at least so many. */
  | {
      readonly kind: 'machines';
      readonly per: Driver;
      readonly each: number;
      readonly atLeast: number;
    }
  /** Units used per turn or call over the month. */
  | { readonly kind: 'usage'; readonly per: 'turn' | 'call'; readonly units: number };

export interface UnitPrice {
  /** `hour`: billed for every hour of the month; `month`: per month; `unit`: per unit used. */
  readonly per: 'hour' | 'month' | 'unit';
  /** Marginal steps, in units of a month; one step is a flat price. */
  readonly steps: readonly PriceStep[];
  readonly includedPerMonth?: number | undefined;
  readonly minimumUsdPerMonth?: number | undefined;
}

/** The month's drivers at one scale. */
export interface Activity {
  readonly turnsPerMonth: number;
  readonly callsPerMonth: number;
  /** In the busiest minute. */
  readonly concurrentTurns: number;
  readonly concurrentCalls: number;
  readonly concurrentUsers: number | null;
}

export interface InfraCost {
  readonly name: string;
  /** Machines, or units used per month. */
  readonly quantity: number;
  readonly usdPerMonth: number;
}

/** Cost of one line at one scale; null when it needs a driver that is unknown. */
export function infraCost(line: InfraLine, activity: Activity): InfraCost | null {
  const quantity = quantityOf(line.quantity, activity);
  if (quantity === null) return null;
  const { price } = line;
  const billable = Math.max(0, quantity - (price.includedPerMonth ?? 0));
  const usage = steppedPrice(billable, price.steps);
  const monthly = price.per === 'hour' ? usage * HOURS_PER_MONTH : usage;
  return {
    name: line.name,
    quantity,
    usdPerMonth: withMinimum(monthly, price.minimumUsdPerMonth ?? 0),
  };
}

function quantityOf(quantity: Quantity, activity: Activity): number | null {
  switch (quantity.kind) {
    case 'fixed':
      return quantity.count;
    case 'usage':
      return quantity.units * monthly(quantity.per, activity);
    case 'machines': {
      const load = concurrent(quantity.per, activity);
      if (load === null) return null;
      return Math.max(quantity.atLeast, Math.ceil(load / quantity.each - 1e-9));
    }
  }
}

function monthly(per: 'turn' | 'call', activity: Activity): number {
  return per === 'turn' ? activity.turnsPerMonth : activity.callsPerMonth;
}

function concurrent(per: Driver, activity: Activity): number | null {
  switch (per) {
    case 'concurrentUser':
      return activity.concurrentUsers;
    case 'concurrentTurn':
      return activity.concurrentTurns;
    case 'concurrentCall':
      return activity.concurrentCalls;
  }
}

export interface OpsLine {
  readonly name: string;
  readonly usdPerMonth: number;
  /** The line counts from this scale on (a second person on call, for example). */
  readonly fromScale: number;
}

/** Operations cost per month at a scale. */
export function opsCost(lines: readonly OpsLine[], scale: number): number {
  let total = 0;
  for (const line of lines) if (scale >= line.fromScale) total += line.usdPerMonth;
  return total;
}
