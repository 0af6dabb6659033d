import type { ProviderCatalog } from '../config/catalog-provider.ts';
import type { CatalogModelEntry } from '../config/catalog-provider.ts';
import { dimensionsOf, DIMENSIONS } from '../capacity/limit.ts';
import type { ModelPrice } from '../capacity/price.ts';
import {
  limitsSource,
  modelPrice,
  priceOn,
  priceSource,
  tierLimits,
  tiersOf,
} from '../catalog/providers.ts';
import { formatCount, formatUsd } from '../core/units.ts';
import { heading, paint, plain, table } from './text.ts';
import type { TextStyle } from './text.ts';

/** `catalog list`: providers with their models on one screen. */
export function catalogListText(
  catalogs: Iterable<ProviderCatalog>,
  day: string,
  style: TextStyle,
): string {
  const rows = [...catalogs].map((catalog) => [
    catalog.provider,
    catalog.title,
    String(catalog.models.length),
    String(catalog.models.filter((model) => priceOn(model, day) !== undefined).length),
    String(catalog.models.filter((model) => tiersOf(catalog, model).length > 0).length),
    plain((catalog.tiers ?? []).map(({ name }) => name).join(', '), 60),
  ]);
  const head = ['', '', 'models', 'with prices', 'with limits', 'tiers'];
  const align = ['left', 'left', 'right', 'right', 'right', 'left'] as const;
  return `${table(rows, { head, align, ...style })}\n`;
}

/** `catalog show <provider>`: every model with its price of the day. */
export function providerText(catalog: ProviderCatalog, day: string, style: TextStyle): string {
  const rows = catalog.models.map((model) => {
    const row = priceOn(model, day);
    return [
      model.name,
      ...priceCells(row === undefined ? undefined : modelPrice(row)),
      longCell(row),
    ];
  });
  const head = ['', 'in', 'cache read', 'write 5 min', 'write 1 h', 'out', 'batch', 'long prompts'];
  const title = `${catalog.title}: USD per million tokens on ${day}`;
  return `${heading(title, style)}\n${table(rows, { head, ...style })}\n`;
}

function longCell(row: ReturnType<typeof priceOn>): string {
  if (row?.long === undefined) return '';
  const { aboveTokens, inclusive, input, output } = row.long;
  const from = `${inclusive === true ? '>=' : '>'} ${formatCount(aboveTokens)}`;
  return `${from}: ${formatUsd(input)} / ${formatUsd(output)}`;
}

function priceCells(price: ModelPrice | undefined): string[] {
  const text = (usd: number | undefined): string => (usd === undefined ? '-' : formatUsd(usd));
  return [
    text(price?.inputUsd),
    text(price?.cacheReadUsd),
    text(price?.cacheWrite5mUsd),
    text(price?.cacheWrite1hUsd),
    text(price?.outputUsd),
    price?.batchFactor === undefined ? '-' : `x${price.batchFactor}`,
  ];
}

/** `catalog show <provider> <model>`: all rows with their pages and dates. */
export function modelText(
  catalog: ProviderCatalog,
  model: CatalogModelEntry,
  day: string,
  style: TextStyle,
): string {
  const parts = [paint(`${catalog.title}: ${model.name}`, 'bold', style)];
  if (model.minCacheablePrompt !== undefined) {
    parts.push(`  prompts below ${formatCount(model.minCacheablePrompt)} tokens are not cached`);
  }
  if (model.note !== undefined) parts.push(`  ${plain(model.note, 200)}`);
  const inForce = priceOn(model, day);
  const prices = (model.prices ?? []).map((row) => {
    const source = priceSource(catalog, model, row);
    return [
      row === inForce ? 'now' : `from ${row.from ?? '-'}`,
      ...priceCells(modelPrice(row)),
      longCell(row),
      source.date,
      source.basis,
      plain(source.page, 70),
    ];
  });
  if (prices.length > 0) {
    const head = [
      '',
      'in',
      'cache read',
      'write 5 min',
      'write 1 h',
      'out',
      'batch',
      'long prompts',
      'date',
      'basis',
      'page',
    ];
    parts.push(heading('Prices, USD per million tokens', style), table(prices, { head, ...style }));
  }
  const limits = tiersOf(catalog, model).map((tier) => {
    const own = tierLimits(catalog, model, tier);
    const source = limitsSource(catalog, model, tier);
    return [
      tier,
      dimensionsOf(own)
        .map((name) => `${formatCount(own[name]!)} ${DIMENSIONS[name].label}`)
        .join(', '),
      source.date,
      source.basis,
      plain(source.page, 70),
    ];
  });
  if (limits.length > 0) {
    const align = ['left', 'left', 'left', 'left', 'left'] as const;
    const head = ['tier', '', 'date', 'basis', 'page'];
    parts.push(heading('Limits', style), table(limits, { head, align, ...style }));
  }
  return `${parts.join('\n')}\n`;
}
