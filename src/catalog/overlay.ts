import type { ProviderCatalog } from '../config/catalog-provider.ts';
import { nearest } from '../config/nearest.ts';
import type { PriceOverlay } from '../config/price-overlay.ts';
import { AgentInfraError } from '../errors.ts';
import { findModel, modelPrice, priceOn } from './providers.ts';
import type { Catalogs } from './providers.ts';
import { mergedPrice, priceDifferences } from './price-list.ts';
import type { ListedPrice, PriceDifference, PriceList } from './price-list.ts';

/** A model whose price an update changes or brings. */
export interface PriceChange {
  readonly provider: string;
  readonly model: string;
  readonly kind: 'changed' | 'priced' | 'new';
  readonly differences: readonly PriceDifference[];
  /** Theirs, with what only ours states. */
  readonly listed: ListedPrice;
}

export interface PriceUpdate {
  readonly format: string;
  readonly changes: readonly PriceChange[];
  /** Models with the same id and no difference. */
  readonly same: number;
  /** Ours that the list does not have under this exact id. */
  readonly missing: readonly { readonly provider: string; readonly model: string }[];
  readonly skipped: PriceList['skipped'];
}

/**
 * Their list against ours, by exact provider and model id.
 * @param day ISO day whose prices hold
 */
export function priceUpdate(catalogs: Catalogs, list: PriceList, day: string): PriceUpdate {
  const theirs = new Map(list.prices.map((row) => [`${row.provider}\n${row.model}`, row]));
  const changes: PriceChange[] = [];
  const missing: { provider: string; model: string }[] = [];
  let same = 0;
  for (const catalog of catalogs.providers.values()) {
    for (const model of catalog.models) {
      const name = { provider: catalog.provider, model: model.name };
      const listed = theirs.get(`${name.provider}\n${name.model}`);
      if (listed === undefined) {
        missing.push(name);
        continue;
      }
      const row = priceOn(model, day);
      const ours = row === undefined ? undefined : modelPrice(row);
      const differences = ours === undefined ? [] : priceDifferences(ours, listed.price);
      if (ours !== undefined && differences.length === 0) same += 1;
      else {
        changes.push({
          ...name,
          kind: ours === undefined ? 'priced' : 'changed',
          differences,
          listed: { ...listed, price: mergedPrice(ours, listed.price) },
        });
      }
    }
    for (const listed of list.prices) {
      if (listed.provider !== catalog.provider) continue;
      if (findModel(catalog, listed.model) !== undefined) continue;
      const { provider, model } = listed;
      changes.push({ provider, model, kind: 'new', differences: [], listed });
    }
  }
  return { format: list.format, changes, same, missing, skipped: list.skipped };
}

/** Name of the overlay's source within a provider's catalog. */
const OVERLAY = 'price-overlay';

/**
 * The catalogs with the overlay's prices instead of the bundled ones, whatever their dates.
 * @throws AgentInfraError catalog.unknown for a provider that is not bundled
 */
export function withOverlay(catalogs: Catalogs, overlay: PriceOverlay): Catalogs {
  const providers = new Map(catalogs.providers);
  for (const { provider, model, ...row } of overlay.prices) {
    const catalog = providers.get(provider);
    if (catalog === undefined) {
      const guess = nearest(provider, providers.keys());
      throw new AgentInfraError(
        'catalog.unknown',
        `price overlay: unknown provider "${provider}"${guess === undefined ? '' : `; did you mean "${guess}"?`}`,
      );
    }
    const prices = [{ ...row, source: OVERLAY }];
    const entry = findModel(catalog, model);
    providers.set(provider, {
      ...catalog,
      sources: { ...catalog.sources, [OVERLAY]: overlay.source },
      models:
        entry === undefined
          ? [...catalog.models, { name: model, prices }]
          : catalog.models.map((one) => (one === entry ? { ...one, prices } : one)),
    } satisfies ProviderCatalog);
  }
  return { ...catalogs, providers };
}
