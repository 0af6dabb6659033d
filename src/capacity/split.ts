import { solve } from 'yalps';
import type { Model } from 'yalps';

import { dimensionsOf } from './limit.ts';
import type { Dimension } from './limit.ts';
import type { SplitClass, SplitOption } from './split-options.ts';

/**
 * The cheapest way to share calls over providers under all of their limits, as a linear programme:
 * minimise the bill, subject to every dimension of every limit pool keeping its headroom and every
 * class of calls being answered. Tokens count by each model's own tokenizer and rule.
 */
export interface Split {
  readonly scale: number;
  readonly shares: readonly SplitShare[];
  /** Share of the calls that no option can carry; 0 when the demand fits. */
  readonly unserved: number;
  /** Of the calls that are served. */
  readonly usdPerMonth: number;
  /** Dimensions that are full at the optimum, each with what one more unit of it is worth. */
  readonly binding: readonly BindingLimit[];
}

interface SplitShare {
  /** Index among the options. */
  readonly option: number;
  readonly callClass: string | undefined;
  /** Of all LLM calls. */
  readonly share: number;
  readonly usdPerMonth: number;
}

export interface BindingLimit {
  readonly limitPool: string;
  readonly provider: string;
  readonly model: string;
  readonly dimension: Dimension;
  readonly limit: number;
  /** Fall of the monthly bill per unit of limit; 0 when calls go unserved. */
  readonly usdPerUnitMonth: number;
  /** More calls a minute that one unit of limit lets through; 0 when all are served. */
  readonly callsPerMinutePerUnit: number;
}

export interface SplitDemand {
  readonly scale: number;
  /** LLM calls at this scale, cascades left out. */
  readonly callsPerMinute: number;
  readonly callsPerMonth: number;
  /** Of each limit to leave free. */
  readonly headroom: number;
  /** Busiest minute over the mean minute, by which demand is raised before it meets a limit. */
  readonly peakFactor: (dimension: Dimension, limitPool: string) => number;
}

/** Undefined when no option can be used. */
export function cheapestSplit(
  classes: readonly SplitClass[],
  options: readonly SplitOption[],
  demand: SplitDemand,
): Split | undefined {
  if (options.length === 0 || classes.length === 0) return undefined;
  const limits = limitRows(options, demand);
  const solved = run(classes, options, demand, limits);
  if (solved === undefined) return undefined;
  const shares = solved.shares.map(({ option, callClass, share }): SplitShare => ({
    option,
    callClass,
    share,
    usdPerMonth: share * demand.callsPerMonth * cost(options[option]!, callClass),
  }));
  return {
    scale: demand.scale,
    shares,
    unserved: solved.unserved,
    usdPerMonth: shares.reduce((sum, { usdPerMonth }) => sum + usdPerMonth, 0),
    binding: bindingLimits(classes, options, demand, { limits, solved }),
  };
}

interface LimitRow {
  readonly key: string;
  readonly option: SplitOption;
  readonly dimension: Dimension;
  readonly limit: number;
}

function limitRows(options: readonly SplitOption[], demand: SplitDemand): LimitRow[] {
  const rows = new Map<string, LimitRow>();
  for (const option of options) {
    for (const dimension of dimensionsOf(option.limits)) {
      const key = `${option.limitPool} ${dimension}`;
      if (rows.has(key)) continue;
      const limit = option.limits[dimension]! * (1 - demand.headroom);
      rows.set(key, { key, option, dimension, limit });
    }
  }
  return [...rows.values()];
}

interface Solved {
  readonly shares: readonly {
    readonly option: number;
    readonly callClass: string | undefined;
    readonly share: number;
  }[];
  readonly unserved: number;
  /** Scaled cost of what is served, plus a penalty per unserved share. */
  readonly objective: number;
  readonly servedUsd: number;
}

/** Price of leaving a call unanswered, in units of the dearest call: never chosen while one fits. */
const UNSERVED = 1000;
/** Shares below this are noise of the solver. */
const LEAST_SHARE = 1e-7;

function run(
  classes: readonly SplitClass[],
  options: readonly SplitOption[],
  demand: SplitDemand,
  limits: readonly LimitRow[],
): Solved | undefined {
  // Everything near 1, or the solver's tolerance eats it: costs per dearest call, demands per limit.
  const dearest = Math.max(
    1e-12,
    ...classes.flatMap(({ name }) => options.map((option) => cost(option, name))),
  );
  const variables = new Map<string, Map<string, number>>();
  const constraints = new Map<string, { max?: number; equal?: number }>();
  for (const { key } of limits) constraints.set(key, { max: 1 });
  for (const [classIndex, { name, share }] of classes.entries()) {
    constraints.set(`class ${classIndex}`, { equal: 1 });
    variables.set(
      `unserved ${classIndex}`,
      new Map([
        [`class ${classIndex}`, 1],
        ['cost', UNSERVED * share],
      ]),
    );
    for (const [index, option] of options.entries()) {
      if (!option.serves(name)) continue;
      const call = option.call(name);
      const row = new Map([
        [`class ${classIndex}`, 1],
        ['cost', (share * call.usd) / dearest],
      ]);
      for (const limit of limits) {
        if (limit.option.limitPool !== option.limitPool) continue;
        const amount = call.demand(limit.dimension, demand) * share;
        const peak = demand.peakFactor(limit.dimension, option.limitPool);
        row.set(limit.key, (amount * peak) / limit.limit);
      }
      variables.set(`${classIndex} ${index}`, row);
    }
  }
  const model: Model<string, string> = {
    direction: 'minimize',
    objective: 'cost',
    constraints,
    variables,
  };
  const solution = solve(model, { precision: 1e-10 });
  if (solution.status !== 'optimal') return undefined;
  const shares: { option: number; callClass: string | undefined; share: number }[] = [];
  let unserved = 0;
  for (const [key, value] of solution.variables) {
    const [first, second] = key.split(' ') as [string, string];
    const { name, share } = classes[Number(first === 'unserved' ? second : first)]!;
    if (value * share < LEAST_SHARE) continue;
    if (first === 'unserved') unserved += value * share;
    else shares.push({ option: Number(second), callClass: name, share: value * share });
  }
  const servedUsd = shares.reduce(
    (sum, one) => sum + one.share * cost(options[one.option]!, one.callClass),
    0,
  );
  return { shares, unserved, objective: solution.result, servedUsd };
}

/** Relative rise of a limit whose effect on the optimum is its shadow price. */
const STEP = 1e-3;
/** Use of a limit from which it counts as full. */
const FULL = 1 - 1e-6;

function bindingLimits(
  classes: readonly SplitClass[],
  options: readonly SplitOption[],
  demand: SplitDemand,
  { limits, solved }: { readonly limits: readonly LimitRow[]; readonly solved: Solved },
): BindingLimit[] {
  const found: BindingLimit[] = [];
  for (const row of limits) {
    if (useOf(row, options, demand, solved) < FULL) continue;
    const raised = limits.map((one) =>
      one === row ? { ...one, limit: one.limit * (1 + STEP) } : one,
    );
    const after = run(classes, options, demand, raised);
    if (after === undefined) continue;
    // A unit of the provider's limit is (1 - headroom) units of ours.
    const units = (row.limit * STEP) / (1 - demand.headroom);
    const served = solved.unserved - after.unserved;
    const { provider, model } = row.option;
    const allServed = solved.unserved < LEAST_SHARE;
    found.push({
      limitPool: row.option.limitPool,
      provider,
      model,
      dimension: row.dimension,
      limit: row.option.limits[row.dimension]!,
      usdPerUnitMonth: allServed
        ? Math.max(0, ((solved.servedUsd - after.servedUsd) * demand.callsPerMonth) / units)
        : 0,
      callsPerMinutePerUnit: allServed ? 0 : Math.max(0, (served * demand.callsPerMinute) / units),
    });
  }
  return found;
}

/** Demand of the chosen shares over the limit, headroom taken off. */
function useOf(
  row: LimitRow,
  options: readonly SplitOption[],
  demand: SplitDemand,
  { shares }: Solved,
): number {
  let total = 0;
  for (const { option, callClass, share } of shares) {
    const one = options[option]!;
    if (one.limitPool !== row.option.limitPool) continue;
    total += share * one.call(callClass).demand(row.dimension, demand);
  }
  return (total * demand.peakFactor(row.dimension, row.option.limitPool)) / row.limit;
}

function cost(option: SplitOption, callClass: string | undefined): number {
  return option.serves(callClass) ? option.call(callClass).usd : 0;
}
