import type { UnitPrice } from '../capacity/infra.ts';
import type { Source } from '../capacity/plan-input.ts';
import type { OptionAssumption, StackOption } from '../capacity/stack-option.ts';
import { factsOf } from '../config/catalog-infra.ts';
import type { InfraItem, InfraOption } from '../config/catalog-infra.ts';
import { AgentInfraError } from '../errors.ts';
import type { Catalogs } from './providers.ts';

/** An option of the catalog for the planner, its prices looked up. */
export function stackOption(option: InfraOption, catalogs: Catalogs): StackOption {
  const priceOf = (item: string): UnitPrice => unitPrice(itemOf(option, item, catalogs).item);
  return {
    name: option.name,
    title: option.title,
    family: option.family ?? option.name,
    components: option.components,
    cloud: option.cloud,
    operations: option.operations,
    skills: option.skills ?? [],
    features: option.features ?? [],
    limits: (option.limits ?? []).map(({ load, atMost, effect = 'excludes', note }) => ({
      load,
      atMost,
      effect,
      note,
    })),
    nodes: (option.nodes ?? []).map((node) => ({
      name: node.name,
      carries: node.carries.map(({ load, each }) => ({ load, each })),
      atLeast: node.atLeast,
      atMost: node.atMost,
      prices: node.prices.map(({ item, units = 1 }) => ({ item, price: priceOf(item), units })),
    })),
    prices: (option.prices ?? []).map(({ item, per, units = 1 }) => ({
      item,
      price: priceOf(item),
      per,
      units,
    })),
    typicalMs: option.typical?.latency ?? null,
    assumed: optionAssumptions(option),
  };
}

/** The catalog's price row as the planner's price. */
function unitPrice(item: InfraItem): UnitPrice {
  return {
    per: item.per,
    steps: item.steps ?? [{ usd: item.usd! }],
    includedPerMonth: item.includedPerMonth,
    minimumUsdPerMonth: item.minimumPerMonth,
  };
}

function itemOf(option: InfraOption, item: string, { infra }: Catalogs) {
  const entry = infra.get(item);
  if (entry !== undefined) return entry;
  throw new AgentInfraError(
    'catalog.unknown',
    `the catalog's option ${option.name} has a price ${item} that the catalog does not have`,
  );
}

/** Pages and dates of an option's prices and limits; what is assumed says so. */
export function optionSources(
  option: InfraOption,
  pages: Readonly<Record<string, Pick<Source, 'page' | 'date' | 'basis'>>>,
  catalogs: Catalogs,
): Source[] {
  const items = [
    ...(option.nodes ?? []).flatMap((node) => node.prices.map(({ item }) => item)),
    ...(option.prices ?? []).map(({ item }) => item),
  ];
  const named = new Set(
    factsOf(option).flatMap(([, { source }]) => (source === undefined ? [] : [source])),
  );
  return [
    ...items.map((item) => itemOf(option, item, catalogs).source),
    ...[...named].map((name) => ({ of: `limits ${option.title}`, ...pages[name]! })),
  ];
}

/** What an option takes for granted, each with its reason. */
function optionAssumptions(option: InfraOption): OptionAssumption[] {
  return factsOf(option).flatMap(([path, { assumed }]) =>
    assumed === undefined ? [] : [{ what: factName(option, path), why: assumed }],
  );
}

function factName(option: InfraOption, path: readonly (string | number)[]): string {
  const [kind, index, , at] = path;
  if (kind === 'limits') return option.limits![Number(index)]!.load;
  if (kind === 'nodes') {
    const node = option.nodes![Number(index)]!;
    return `${node.carries[Number(at)]!.load} of ${node.name}`;
  }
  return 'latency';
}
