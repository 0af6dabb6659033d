import type { CatalogCheck } from '../catalog/catalog-check.ts';
import type { ImportedLimits } from '../catalog/limits-import.ts';
import type { PriceChange, PriceUpdate } from '../catalog/overlay.ts';
import type { AgedRow } from '../catalog/price-ages.ts';
import type { PriceDifference } from '../catalog/price-list.ts';
import { dimensionsOf, DIMENSIONS } from '../capacity/limit.ts';
import { formatCount, formatShare, formatUsd } from '../core/units.ts';
import { heading, paint, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

const LEFT = ['left', 'left', 'left', 'left', 'left'] as const;
/** Rows of one list that the text shows; the JSON has all. */
const MOST_ROWS = 40;

/** `catalog check` for people: what is old, what disagrees, what is missing. */
export function catalogCheckText(check: CatalogCheck, style: TextStyle): string {
  const parts = [agesText(check, style), staleText(check, style), disagreementText(check, style)];
  const refused = check.notListed.filter(({ pricedAs }) => pricedAs !== null);
  parts.push(
    listText(
      'Refused: genai-prices would price these as another model',
      refused.map(({ provider, model, pricedAs }) => [provider, model, `as ${pricedAs}`]),
      style,
    ),
    listText(
      'Not in genai-prices under this id',
      check.notListed
        .filter(({ pricedAs }) => pricedAs === null)
        .map(({ provider, model }) => [provider, model]),
      style,
    ),
    listText(
      'Without a price in our catalog',
      check.unpriced.map(({ provider, model, inGenaiPrices }) => [
        provider,
        model,
        inGenaiPrices ? 'plans use genai-prices' : 'plans say unknown',
      ]),
      style,
    ),
    listText(
      'Without a source',
      check.withoutSource.map(({ provider, name, kind }) => [provider, name, kind]),
      style,
    ),
  );
  return `${parts.filter((part) => part !== '').join('\n')}\n`;
}

function agesText({ rows, today, agree }: CatalogCheck, style: TextStyle): string {
  const providers = [...new Set(rows.map(({ provider }) => provider))];
  const cells = providers.map((provider) => {
    const own = rows.filter((row) => row.provider === provider);
    const days = own.map((row) => row.days);
    return [
      provider,
      ...(['price', 'limit', 'infra'] as const).map((kind) =>
        String(own.filter((row) => row.kind === kind).length),
      ),
      `${Math.min(...days)}`,
      `${Math.max(...days)}`,
    ];
  });
  const head = ['', 'prices', 'limits', 'infra', 'newest (days)', 'oldest (days)'];
  const same = `  ${agree} models have the same price here and in genai-prices`;
  return `${heading(`Age of the catalog's rows on ${today}`, style)}\n${table(cells, { head, ...style })}\n${same}`;
}

function staleText({ stale, maxAgeDays }: CatalogCheck, style: TextStyle): string {
  if (maxAgeDays === null) return '';
  if (stale.length === 0) {
    return `\n${paint('pass', 'green', style)}  every row is at most ${maxAgeDays} days old`;
  }
  const title = `${stale.length} rows are older than ${maxAgeDays} days`;
  return listText(title, stale.map(agedCells), style);
}

function agedCells({ kind, provider, name, source, days }: AgedRow): string[] {
  // A page without a day is taken at its earliest: it may be younger, never older.
  const day = source.date.length < 10 ? `${source.date} (no day)` : source.date;
  return [`${days} d`, kind, `${provider} ${name}`, day, plain(source.page, 70)];
}

function disagreementText(check: CatalogCheck, style: TextStyle): string {
  const rows = check.disagreements.flatMap(({ provider, model, ours, differences }) =>
    differences.map((difference, index) => [
      index === 0 ? provider : '',
      index === 0 ? model : '',
      ...differenceCells(difference),
      index === 0 ? `${ours.date} ${plain(ours.page, 60)}` : '',
    ]),
  );
  if (rows.length === 0) return '';
  const head = ['', '', 'what', 'ours', 'genai-prices', 'our source'];
  return `${heading('Disagreements with genai-prices', style)}\n${table(rows, { head, align: [...LEFT, 'left'], ...style })}`;
}

function differenceCells({ field, ours, theirs }: PriceDifference): string[] {
  return [field, ours, theirs];
}

function listText(title: string, rows: readonly string[][], style: TextStyle): string {
  if (rows.length === 0) return '';
  const more = rows.length > MOST_ROWS ? `\n  … and ${rows.length - MOST_ROWS} more` : '';
  return `${heading(title, style)}\n${table(rows.slice(0, MOST_ROWS), { align: LEFT, ...style })}${more}`;
}

/** `catalog update` for people: what the other list would change. */
export function priceUpdateText(update: PriceUpdate, style: TextStyle): string {
  const rows = update.changes.flatMap((change) => changeRows(change));
  const { same, missing, skipped, format } = update;
  const summary = `${format}: ${same} models agree, ${countOf(update, 'changed')} differ, ${countOf(update, 'priced')} would get their first price, ${countOf(update, 'new')} are new here; ${missing.length} of ours are not listed under their id; ${skipped.length} rows were left out`;
  const head = ['', '', 'what', 'ours', 'theirs'];
  const shown = rows.slice(0, MOST_ROWS);
  const more = rows.length > MOST_ROWS ? `\n  … and ${rows.length - MOST_ROWS} more` : '';
  const body = rows.length === 0 ? '' : `\n${table(shown, { head, align: LEFT, ...style })}${more}`;
  return `${paint(summary, 'bold', style)}${body}\n`;
}

function countOf(update: PriceUpdate, kind: PriceChange['kind']): number {
  return update.changes.filter((change) => change.kind === kind).length;
}

function changeRows({ provider, model, kind, differences, listed }: PriceChange): string[][] {
  if (kind !== 'changed') {
    const { inputUsd, outputUsd } = listed.price;
    const price = `${formatUsd(inputUsd)} in, ${formatUsd(outputUsd)} out`;
    return [[provider, model, kind === 'new' ? 'new model' : 'first price', '-', price]];
  }
  return differences.map((difference, index) => [
    index === 0 ? provider : '',
    index === 0 ? model : '',
    ...differenceCells(difference),
  ]);
}

/** `catalog limits` for people. */
export function importedLimitsText(imported: readonly ImportedLimits[], style: TextStyle): string {
  const rows = imported.flatMap(({ provider, models, limits, evidence, mostUsed }) =>
    dimensionsOf(limits).map((dimension, index) => [
      index === 0 ? (provider ?? 'any') : '',
      index === 0 ? plain(models.join(', ') || 'no model named', 60) : '',
      DIMENSIONS[dimension].label,
      formatCount(limits[dimension]!),
      index === 0 ? evidence : '',
      index === 0 && mostUsed !== null ? `up to ${formatShare(mostUsed)} used` : '',
    ]),
  );
  const align = ['left', 'left', 'left', 'right', 'left', 'left'] as const;
  const head = ['provider', 'models', 'limit', '', 'evidence', ''];
  const warnings = [...new Set(imported.flatMap((one) => one.warnings))].map(
    (warning) => `  ${paint('note', 'yellow', style)}  ${plain(warning, 200)}`,
  );
  return `${[table(rows, { head, align, ...style }), ...warnings].join('\n')}\n`;
}
