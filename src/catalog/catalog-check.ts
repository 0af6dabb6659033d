import { genaiPrice } from './genai-prices.ts';
import { agedRows } from './price-ages.ts';
import type { AgedRow } from './price-ages.ts';
import { priceDifferences } from './price-list.ts';
import type { PriceDifference } from './price-list.ts';
import { modelPrice, priceOn } from './providers.ts';
import type { Catalogs } from './providers.ts';

/** What `catalog check` finds. */
export interface CatalogCheck {
  readonly today: string;
  readonly rows: readonly AgedRow[];
  /** The bound that rows are held against; null without one. */
  readonly maxAgeDays: number | null;
  /** Rows older than the bound. */
  readonly stale: readonly AgedRow[];
  readonly disagreements: readonly Disagreement[];
  /** Models that genai-prices does not have under their exact id. */
  readonly notListed: readonly NotListed[];
  /** Models without any price, and whether genai-prices would fill it. */
  readonly unpriced: readonly Unpriced[];
  /** Numbers without a page or a date. */
  readonly withoutSource: readonly AgedRow[];
  /** Models compared with the same price in both. */
  readonly agree: number;
}

interface Disagreement {
  readonly provider: string;
  readonly model: string;
  readonly ours: AgedRow['source'];
  readonly differences: readonly PriceDifference[];
}

interface NotListed {
  readonly provider: string;
  readonly model: string;
  /** The model whose price the library would silently give instead; null when it has none. */
  readonly pricedAs: string | null;
}

interface Unpriced {
  readonly provider: string;
  readonly model: string;
  readonly inGenaiPrices: boolean;
}

/** @param maxAgeDays rows older than this are stale; undefined: no bound */
export function checkCatalog(catalogs: Catalogs, today: string, maxAgeDays?: number): CatalogCheck {
  const rows = agedRows(catalogs, today);
  const disagreements: Disagreement[] = [];
  const notListed: NotListed[] = [];
  const unpriced: Unpriced[] = [];
  let agree = 0;
  for (const { provider, models } of catalogs.providers.values()) {
    for (const model of models) {
      const answer = genaiPrice(provider, model.name, today);
      const row = priceOn(model, today);
      const name = { provider, model: model.name };
      if (row === undefined) unpriced.push({ ...name, inGenaiPrices: answer.kind === 'exact' });
      if (answer.kind !== 'exact') {
        notListed.push({ ...name, pricedAs: answer.kind === 'other' ? answer.pricedAs : null });
        continue;
      }
      if (row === undefined) continue;
      const differences = priceDifferences(modelPrice(row), answer.price);
      if (differences.length === 0) agree += 1;
      else {
        const ours = rows.find(
          (one) => one.kind === 'price' && one.provider === provider && one.name === model.name,
        )!.source;
        disagreements.push({ ...name, ours, differences });
      }
    }
  }
  return {
    today,
    rows,
    maxAgeDays: maxAgeDays ?? null,
    stale: maxAgeDays === undefined ? [] : rows.filter(({ days }) => days > maxAgeDays),
    disagreements,
    notListed,
    unpriced,
    withoutSource: rows.filter(({ source }) => source.page === '' || source.date === ''),
    agree,
  };
}
