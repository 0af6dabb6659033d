import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import type { TierOption } from '../capacity/plan-input.ts';
import type { Source } from '../capacity/plan-input.ts';
import type { Limits } from '../capacity/limit.ts';
import type { ModelPrice } from '../capacity/price.ts';
import { loadInfraCatalog } from '../config/catalog-infra.ts';
import type { InfraItem, InfraOption } from '../config/catalog-infra.ts';
import { limitsOf, loadProviderCatalog, priceOf } from '../config/catalog-provider.ts';
import type {
  CatalogModelEntry,
  CatalogPrice,
  ProviderCatalog,
} from '../config/catalog-provider.ts';

/** The bundled catalogs of providers and infrastructure prices. */
export interface Catalogs {
  readonly providers: ReadonlyMap<string, ProviderCatalog>;
  readonly infra: ReadonlyMap<string, InfraEntry>;
  /** Products a stack can be built of, in the order of the files. */
  readonly options: readonly OptionEntry[];
}

/** A product with the pages that its file names. */
interface OptionEntry {
  readonly option: InfraOption;
  readonly pages: Readonly<Record<string, Pick<Source, 'page' | 'date' | 'basis'>>>;
}

interface InfraEntry {
  readonly item: InfraItem;
  readonly source: Source;
}

/** Reads every bundled file. */
export function readCatalogs(): Promise<Catalogs> {
  return (known ??= readAll());
}

/** Read once: what is bundled does not change while the program runs. */
let known: Promise<Catalogs> | undefined;

async function readAll(): Promise<Catalogs> {
  const [providers, infra] = await Promise.all([readProviders(), readInfra()]);
  return { providers, ...infra };
}

async function readProviders(): Promise<ReadonlyMap<string, ProviderCatalog>> {
  const catalogs = await Promise.all((await files('providers')).map(loadProviderCatalog));
  return new Map(catalogs.map((catalog) => [catalog.provider, catalog]));
}

async function readInfra(): Promise<Pick<Catalogs, 'infra' | 'options'>> {
  const catalogs = await Promise.all((await files('infra')).map(loadInfraCatalog));
  const infra = new Map(
    catalogs.flatMap((catalog) =>
      catalog.items.map((item) => {
        const source = catalog.sources[item.source]!;
        const entry: InfraEntry = {
          item,
          source: {
            of: `price ${item.name}`,
            page: source.page,
            date: item.date ?? source.date,
            basis: source.basis ?? 'listed',
          },
        };
        return [item.name, entry] as const;
      }),
    ),
  );
  const options = catalogs.flatMap(({ options: rows = [], sources }) => {
    const pages = Object.fromEntries(
      Object.entries(sources).map(([name, { page, date, basis = 'listed' }]) => [
        name,
        { page, date, basis },
      ]),
    );
    return rows.map((option) => ({ option, pages }));
  });
  return { infra, options };
}

async function files(folder: string): Promise<string[]> {
  const path = fileURLToPath(new URL(`../../profiles/${folder}/`, import.meta.url));
  const names = (await readdir(path)).filter((name) => name.endsWith('.yaml'));
  return names.toSorted().map((name) => path + name);
}

/** A model of a provider by its exact name; prefixes never match (they misprice silently). */
export function findModel(catalog: ProviderCatalog, model: string): CatalogModelEntry | undefined {
  return catalog.models.find((entry) => entry.name === model);
}

/** Tiers on which the model has a row, lowest first. */
export function tiersOf(catalog: ProviderCatalog, model: CatalogModelEntry): string[] {
  const known = model.limits?.tiers ?? {};
  return (catalog.tiers ?? []).map((tier) => tier.name).filter((name) => known[name] !== undefined);
}

/** The model's limits on a tier together with those of the whole account. */
export function tierLimits(
  catalog: ProviderCatalog,
  model: CatalogModelEntry,
  tier: string,
): Limits {
  const account = (catalog.tiers ?? []).find((entry) => entry.name === tier)?.limits;
  return { ...limitsOf(account), ...limitsOf(model.limits?.tiers[tier]) };
}

/** Tiers above one, with what they ask for. */
export function higherTiers(
  catalog: ProviderCatalog,
  model: CatalogModelEntry,
  tier: string,
): TierOption[] {
  const names = tiersOf(catalog, model);
  return names.slice(names.indexOf(tier) + 1).map((name) => ({
    tier: name,
    limits: tierLimits(catalog, model, name),
    qualify: (catalog.tiers ?? []).find((entry) => entry.name === name)?.qualify ?? null,
    source: limitsSource(catalog, model, name),
  }));
}

/** Where the limits come from. The model must have a limits row. */
export function limitsSource(
  catalog: ProviderCatalog,
  model: CatalogModelEntry,
  tier: string,
): Source {
  const row = model.limits!;
  const source = catalog.sources[row.source]!;
  return {
    of: `limits ${catalog.provider} ${model.name} ${tier}`,
    page: source.page,
    date: row.date ?? source.date,
    basis: row.basis ?? source.basis ?? 'listed',
  };
}

/** The price that holds on a day: of the rows already begun, the one that began last. */
export function priceOn(model: CatalogModelEntry, day: string): CatalogPrice | undefined {
  return (model.prices ?? [])
    .filter((row) => row.from === undefined || row.from <= day)
    .toSorted((a, b) => (a.from ?? '').localeCompare(b.from ?? ''))
    .at(-1);
}

export function priceSource(
  catalog: ProviderCatalog,
  model: CatalogModelEntry,
  row: CatalogPrice,
): Source {
  const source = catalog.sources[row.source]!;
  return {
    of: `prices ${catalog.provider} ${model.name}`,
    page: source.page,
    date: row.date ?? source.date,
    basis: row.basis ?? source.basis ?? 'listed',
  };
}

/** A catalog row as the planner's price. */
export function modelPrice(row: CatalogPrice): ModelPrice {
  return priceOf(row);
}
