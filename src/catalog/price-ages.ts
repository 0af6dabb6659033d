import type { Source } from '../capacity/plan-input.ts';
import { MS_PER_DAY } from '../core/units.ts';
import { limitsSource, priceSource, tiersOf } from './providers.ts';
import type { Catalogs } from './providers.ts';

/** One number of the catalog and how old its page is. */
export interface AgedRow {
  readonly kind: 'price' | 'limit' | 'infra';
  readonly provider: string;
  readonly name: string;
  readonly source: Source;
  /** Whole days; a date without a day counts from its first. */
  readonly days: number;
}

/** Age in whole days of a date that may lack its day or month: taken at its earliest. */
export function ageInDays(date: string, today: string): number {
  const full = `${date}-01-01`.slice(0, 10);
  return Math.round((Date.parse(today) - Date.parse(full)) / MS_PER_DAY);
}

/** Every price, limit and infrastructure row with its age, oldest first. */
export function agedRows(catalogs: Catalogs, today: string): AgedRow[] {
  const rows: AgedRow[] = [];
  const add = (kind: AgedRow['kind'], provider: string, name: string, source: Source): void => {
    rows.push({ kind, provider, name, source, days: ageInDays(source.date, today) });
  };
  for (const catalog of catalogs.providers.values()) {
    for (const model of catalog.models) {
      for (const row of model.prices ?? []) {
        add('price', catalog.provider, model.name, priceSource(catalog, model, row));
      }
      const [tier] = tiersOf(catalog, model);
      if (tier !== undefined) {
        add('limit', catalog.provider, model.name, limitsSource(catalog, model, tier));
      }
    }
  }
  for (const [name, { source }] of catalogs.infra) add('infra', 'infra', name, source);
  return rows.toSorted((a, b) => b.days - a.days);
}
