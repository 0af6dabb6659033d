import { RELATIVE_SLACK } from './meter.ts';

export interface BudgetOptions {
  /** `agent:billing`, `tenant:acme`: named in decisions. */
  readonly name: string;
  readonly limitUsd: number;
  /** A hard budget refuses what does not fit; a soft one admits and reports it. */
  readonly mode: 'hard' | 'soft';
  /** Shares of the limit that are reported when spending passes them, for example 0.8. */
  readonly warnAt?: readonly number[] | undefined;
  /** The budget is full again every so often; it never is when absent. */
  readonly periodMs?: number | undefined;
  /** The wider scope that pays as well: session → agent → tenant. */
  readonly parent?: Budget | undefined;
}

export type BudgetDecision =
  | {
      readonly admitted: true;
      readonly reservation: BudgetReservation;
      /** Soft budgets that are exceeded with this reservation, narrowest first. */
      readonly over: readonly string[];
    }
  /** The narrowest hard budget that refuses, and what it has left. */
  | { readonly admitted: false; readonly budget: string; readonly leftUsd: number };

export interface BudgetReservation {
  readonly usd: number;
  readonly open: boolean;
}

export interface BudgetWarning {
  readonly budget: string;
  /** The share that was passed. */
  readonly share: number;
}

interface OpenBudgetReservation extends BudgetReservation {
  open: boolean;
}

/**
 * Money that a scope may spend: reserve the worst case, settle what it cost. A reservation is taken
 * from the whole chain of parents or from none. While calls cost at most what they reserved, a
 * hard budget is never exceeded; a call that costs more is charged in full and stops the next one.
 */
export class Budget {
  readonly name: string;
  readonly limitUsd: number;
  readonly #options: BudgetOptions;
  /** This budget and its parents, narrowest first. */
  readonly #chain: readonly Budget[];
  #period = Number.NEGATIVE_INFINITY;
  #spent = 0;
  #reserved = 0;
  #warned = 0;

  constructor(options: BudgetOptions) {
    this.name = options.name;
    this.limitUsd = options.limitUsd;
    this.#options = options;
    const { parent } = options;
    this.#chain = parent === undefined ? [this] : [this, ...parent.#chain];
  }

  spentUsd(nowMs: number): number {
    this.#turn(nowMs);
    return this.#spent;
  }

  get reservedUsd(): number {
    return this.#reserved;
  }

  /** What may still be reserved here (parents aside); negative after an overrun. */
  leftUsd(nowMs: number): number {
    return this.limitUsd - this.spentUsd(nowMs) - this.#reserved;
  }

  reserve(nowMs: number, usd: number): BudgetDecision {
    const over: string[] = [];
    for (const budget of this.#chain) {
      const leftUsd = budget.leftUsd(nowMs);
      if (usd <= leftUsd + budget.limitUsd * RELATIVE_SLACK) continue;
      if (budget.#options.mode === 'hard') return { admitted: false, budget: budget.name, leftUsd };
      over.push(budget.name);
    }
    for (const budget of this.#chain) budget.#reserved += usd;
    return { admitted: true, reservation: { usd, open: true }, over };
  }

  /**
   * Charges the real cost and frees the rest; a second settlement does nothing.
   * @returns warnings for shares that were passed for the first time in their period
   */
  settle(nowMs: number, reservation: BudgetReservation, usd: number): BudgetWarning[] {
    if (!reservation.open) return [];
    (reservation as OpenBudgetReservation).open = false;
    const warnings: BudgetWarning[] = [];
    for (const budget of this.#chain) {
      budget.#turn(nowMs);
      budget.#reserved = Math.max(0, budget.#reserved - reservation.usd);
      budget.#spent += usd;
      for (const share of budget.#newWarnings()) warnings.push({ budget: budget.name, share });
    }
    return warnings;
  }

  /** The call cost nothing. */
  refund(nowMs: number, reservation: BudgetReservation): void {
    this.settle(nowMs, reservation, 0);
  }

  #newWarnings(): number[] {
    const passed = (this.#options.warnAt ?? [])
      .filter((share) => share > this.#warned && this.#spent >= share * this.limitUsd)
      .toSorted((a, b) => a - b);
    this.#warned = passed.at(-1) ?? this.#warned;
    return passed;
  }

  /** Reservations live on into the new period: their calls will be paid in it. */
  #turn(nowMs: number): void {
    const { periodMs } = this.#options;
    if (periodMs === undefined) return;
    const period = Math.floor(nowMs / periodMs);
    if (period <= this.#period) return;
    this.#period = period;
    this.#spent = 0;
    this.#warned = 0;
  }
}
