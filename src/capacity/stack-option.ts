import { formatUsd, round } from '../core/units.ts';
import { infraCost } from './infra.ts';
import type { InfraCost, UnitPrice } from './infra.ts';
import { formatLoad, LOADS } from './stack-load.ts';
import type { Component, LoadName, MeterName, StackLoad } from './stack-load.ts';

/** One product that can be a component of the stack, with what its pages say of it. */
export interface StackOption {
  readonly name: string;
  readonly title: string;
  /** Options of one product share it: `kafka` for MSK and for brokers of one's own. */
  readonly family: string;
  readonly components: readonly Component[];
  /** `any`: a service reached from every cloud, or software for any machine. */
  readonly cloud: string;
  readonly operations: OperationsClass;
  readonly skills: readonly string[];
  readonly features: readonly Feature[];
  readonly limits: readonly OptionLimit[];
  /** Sizes of machine, shard or broker it comes in; empty: nothing to size, usage is billed. */
  readonly nodes: readonly OptionNode[];
  /** Billed besides the nodes. */
  readonly prices: readonly OptionPrice[];
  /** What it adds to a request, typically; null when the pages do not say. */
  readonly typicalMs: number | null;
  /** What its row takes for granted instead of reading it from a page. */
  readonly assumed: readonly OptionAssumption[];
}

export interface OptionAssumption {
  readonly what: string;
  readonly why: string;
}

export const OPERATIONS_CLASSES = ['serverless', 'managed', 'self-run', 'self-run-data'] as const;
/** How much work it is: nothing to run; nodes run by the vendor; own stateless machines; own data. */
export type OperationsClass = (typeof OPERATIONS_CLASSES)[number];

export const FEATURES = ['ordered', 'durable'] as const;
/** `ordered`: keeps the order of messages of one session; `durable`: survives a restart. */
export type Feature = (typeof FEATURES)[number];

interface OptionLimit {
  readonly load: LoadName;
  readonly atMost: number;
  /** `excludes`: cannot be raised; `raisable`: on request; `degrades`: works, but slower. */
  readonly effect: 'excludes' | 'raisable' | 'degrades';
  readonly note?: string | undefined;
}

interface OptionNode {
  readonly name: string;
  /** What one node carries, per load. */
  readonly carries: readonly { readonly load: LoadName; readonly each: number }[];
  readonly atLeast: number;
  readonly atMost?: number | undefined;
  readonly prices: readonly NodePrice[];
}

interface NodePrice {
  readonly item: string;
  readonly price: UnitPrice;
  /** Units of the item per node. */
  readonly units: number;
}

interface OptionPrice {
  readonly item: string;
  readonly price: UnitPrice;
  /** `fixed`: so many, whatever the load. */
  readonly per: MeterName | 'fixed';
  readonly units: number;
}

/** Hours of engineers per month: planned work, and calls at night with their follow-up. */
export interface OperationsHours {
  readonly base: number;
  readonly perNode: number;
  readonly onCall: number;
}

export interface SizingRules {
  /** Share of a node's capacity to plan with. */
  readonly utilisation: number;
  readonly hours: Readonly<Record<OperationsClass, OperationsHours>>;
  readonly hourlyUsd: number;
  /** Undefined: not said; hours are then taken as they are. */
  readonly skills: readonly string[] | undefined;
  readonly knownSkillFactor: number;
  readonly unknownSkillFactor: number;
}

/** An option at one load: what it takes and what it costs a month. */
export interface SizedOption {
  readonly option: string;
  readonly title: string;
  readonly node: string | null;
  readonly nodes: number;
  /** The load that decides the number of nodes; null when the minimum does. */
  readonly binding: LoadName | null;
  readonly lines: readonly InfraCost[];
  readonly infraUsdPerMonth: number;
  readonly opsHoursPerMonth: number;
  /** On the hours of the operations class, for skills the team has or lacks. */
  readonly skillFactor: number;
  readonly missingSkills: readonly string[];
  readonly opsUsdPerMonth: number;
  readonly usdPerMonth: number;
  /** Quotas to raise, and what gets slower. */
  readonly notes: readonly string[];
}

export interface ExcludedOption {
  readonly option: string;
  readonly title: string;
  readonly reason: string;
  /** `limit`: too small; `fit`: wrong cloud or feature; `unknown`: the load is not known. */
  readonly kind: 'limit' | 'fit' | 'unknown';
}

export type OptionOutcome =
  | { readonly fits: true; readonly sized: SizedOption }
  | { readonly fits: false; readonly excluded: ExcludedOption };

/** Sizes and prices one option, or says why it cannot carry the load. */
export function sizeOption(
  option: StackOption,
  load: StackLoad,
  rules: SizingRules,
): OptionOutcome {
  const reject = (kind: ExcludedOption['kind'], reason: string): OptionOutcome => ({
    fits: false,
    excluded: { option: option.name, title: option.title, reason, kind },
  });
  const notes: string[] = [];
  for (const limit of option.limits) {
    const value = load[limit.load];
    if (value === null) return reject('unknown', `${LOADS[limit.load].label} is not known`);
    if (value <= limit.atMost) continue;
    const text = overLimit(limit, value);
    if (limit.effect === 'excludes') return reject('limit', text);
    notes.push(text);
  }
  const usage = usageLines(option, load);
  if (typeof usage === 'string') return reject('unknown', usage);
  const fleets = option.nodes.map((node) => sizeNodes(node, load, rules.utilisation));
  const reasons = fleets.filter((fleet) => typeof fleet === 'string');
  const possible = fleets.filter((fleet) => typeof fleet !== 'string');
  if (option.nodes.length > 0 && possible.length === 0) {
    const kind = reasons.every((reason) => reason.endsWith(NOT_KNOWN)) ? 'unknown' : 'limit';
    return reject(kind, reasons.at(-1)!);
  }
  const variants = (possible.length === 0 ? [NO_FLEET] : possible).map((fleet) =>
    priceVariant(option, { fleet, usage, notes }, rules),
  );
  const [first, ...rest] = variants;
  const sized = rest.reduce(
    (best, one) => (one.usdPerMonth < best.usdPerMonth ? one : best),
    first!,
  );
  return { fits: true, sized };
}

const NOT_KNOWN = 'is not known';

function overLimit({ load, atMost, effect, note }: OptionLimit, value: number): string {
  const { label } = LOADS[load];
  const said = note === undefined ? '' : ` (${note})`;
  const limit = formatLoad(load, atMost);
  const text = formatLoad(load, value);
  // A byte too many reads as the limit itself.
  const actual = text === limit ? `just over ${limit}` : text;
  switch (effect) {
    case 'excludes':
      return `${label} of ${actual} exceeds the ${limit} limit${said}`;
    case 'raisable':
      return `needs a raised quota: ${label} of ${actual}, ${limit} by default${said}`;
    case 'degrades':
      return `${label} of ${actual} is above ${limit}${said}`;
  }
}

interface Fleet {
  readonly node: string | null;
  readonly count: number;
  readonly binding: LoadName | null;
  readonly lines: readonly InfraCost[];
}

const NO_FLEET: Fleet = { node: null, count: 0, binding: null, lines: [] };

/** Rounding noise below which a load does not ask for another node. */
const NODE_TOLERANCE = 1e-9;

/** The number of nodes of one size, or why there cannot be enough of them. */
function sizeNodes(node: OptionNode, load: StackLoad, utilisation: number): Fleet | string {
  let count = node.atLeast;
  let binding: LoadName | null = null;
  for (const { load: name, each } of node.carries) {
    const value = load[name];
    if (value === null) return `${LOADS[name].label} ${NOT_KNOWN}`;
    const needed = Math.ceil(value / (each * utilisation) - NODE_TOLERANCE);
    if (needed > count) {
      count = needed;
      binding = name;
    }
  }
  if (node.atMost !== undefined && count > node.atMost) {
    const name = binding ?? node.carries[0]!.load;
    const asked = formatLoad(name, load[name]!);
    return `${LOADS[name].label} of ${asked} needs ${count} ${node.name}; it scales to ${node.atMost}`;
  }
  const lines = node.prices.map((line) => priced(line.item, line.price, count * line.units));
  return { node: node.name, count, binding, lines };
}

function usageLines(option: StackOption, load: StackLoad): InfraCost[] | string {
  const lines: InfraCost[] = [];
  for (const { item, price, per, units } of option.prices) {
    const amount = per === 'fixed' ? 1 : load.month[per];
    if (amount === null) return `what it bills, ${item}, ${NOT_KNOWN}`;
    lines.push(priced(item, price, amount * units));
  }
  return lines;
}

function priced(name: string, price: UnitPrice, count: number): InfraCost {
  return infraCost({ name, price, quantity: { kind: 'fixed', count } }, NO_ACTIVITY)!;
}

/** A fixed quantity does not look at it. */
const NO_ACTIVITY = {
  turnsPerMonth: 0,
  callsPerMonth: 0,
  concurrentTurns: 0,
  concurrentCalls: 0,
  concurrentUsers: null,
} as const;

interface Variant {
  readonly fleet: Fleet;
  readonly usage: readonly InfraCost[];
  readonly notes: readonly string[];
}

function priceVariant(option: StackOption, variant: Variant, rules: SizingRules): SizedOption {
  const { fleet, usage, notes } = variant;
  const lines = [...fleet.lines, ...usage];
  const infraUsdPerMonth = lines.reduce((sum, line) => sum + line.usdPerMonth, 0);
  const { base, perNode, onCall } = rules.hours[option.operations];
  const { factor, missing } = skillFactor(option, rules);
  const opsHoursPerMonth = (base + perNode * fleet.count + onCall) * factor;
  const opsUsdPerMonth = opsHoursPerMonth * rules.hourlyUsd;
  return {
    option: option.name,
    title: option.title,
    node: fleet.node,
    nodes: fleet.count,
    binding: fleet.binding,
    lines,
    infraUsdPerMonth,
    opsHoursPerMonth,
    skillFactor: factor,
    missingSkills: missing,
    opsUsdPerMonth,
    usdPerMonth: infraUsdPerMonth + opsUsdPerMonth,
    notes,
  };
}

/** Between the two factors by the share of the asked skills that the team has. */
function skillFactor(
  option: StackOption,
  rules: SizingRules,
): { readonly factor: number; readonly missing: readonly string[] } {
  const { skills } = rules;
  if (skills === undefined || option.skills.length === 0) return { factor: 1, missing: [] };
  const missing = option.skills.filter((skill) => !skills.includes(skill));
  const share = missing.length / option.skills.length;
  return {
    factor: rules.knownSkillFactor + (rules.unknownSkillFactor - rules.knownSkillFactor) * share,
    missing,
  };
}

/** `$412 (SQS: $18 + 4.4 h of work)`. */
export function describeCost(sized: SizedOption): string {
  const infra = sized.infraUsdPerMonth === 0 ? '$0' : formatUsd(sized.infraUsdPerMonth);
  return `${formatUsd(sized.usdPerMonth)} a month (${infra} + ${round(sized.opsHoursPerMonth, 1)} h of work)`;
}
