import { z } from 'zod';

import type { ModelPrice, TokenRates } from '../capacity/price.ts';
import { tidy } from './price-list.ts';
import type { ListedPrice, PriceList } from './price-list.ts';

/**
 * genai-prices' data (v2 data.json and what the library holds inside): providers with models, USD
 * per million tokens, whole-request tiers, effective dates and hours of the day.
 */
const amount = z.union([
  z.number(),
  z.object({
    base: z.number(),
    tiers: z.array(z.object({ start: z.number(), price: z.number() })),
  }),
]);
const rates = z.object({
  input_mtok: amount.optional(),
  output_mtok: amount.optional(),
  cache_read_mtok: amount.optional(),
  cache_write_mtok: amount.optional(),
  cache_write_1h_mtok: amount.optional(),
});
const conditional = z.array(
  z.object({
    constraint: z
      .object({ start_date: z.string().optional(), start_time: z.string().optional() })
      .optional(),
    prices: rates,
  }),
);
const provider = z.object({
  id: z.string(),
  models: z.array(z.object({ id: z.string(), prices: z.union([conditional, rates]) })),
});

/** v2 data.json: a list of providers. */
export const genaiData = z.array(provider);

export type GenaiProvider = z.output<typeof provider>;
type GenaiModel = GenaiProvider['models'][number];
type Rates = z.output<typeof rates>;

/** Their provider ids that differ from ours. */
const OUR_NAMES: Readonly<Record<string, string>> = { 'x-ai': 'xai', aws: 'bedrock' };

/** Our provider's id there. */
export function genaiProviderId(ours: string): string {
  return Object.keys(OUR_NAMES).find((id) => OUR_NAMES[id] === ours) ?? ours;
}

/** @param day ISO day whose prices hold */
export function genaiPriceList(providers: readonly GenaiProvider[], day: string): PriceList {
  const prices: ListedPrice[] = [];
  const skipped: { what: string; why: string }[] = [];
  for (const { id, models } of providers) {
    for (const model of models) {
      const found = genaiModelPrice(model, day);
      if ('why' in found) skipped.push({ what: `${id} ${model.id}`, why: found.why });
      else prices.push({ provider: OUR_NAMES[id] ?? id, model: model.id, ...found });
    }
  }
  return { format: 'genai-prices', prices, skipped };
}

type Converted =
  | { readonly price: ModelPrice; readonly note?: string | undefined }
  | { readonly why: string };

/** The price of a model on a day; hours of the day are taken at their dearest. */
export function genaiModelPrice(model: GenaiModel, day: string): Converted {
  if (!Array.isArray(model.prices)) return convert(model.prices);
  // Later entries win in the library, too.
  const held = model.prices.filter(({ constraint }) => (constraint?.start_date ?? '') <= day);
  const always = held.findLast(({ constraint }) => constraint?.start_time === undefined);
  const hours = held.filter(({ constraint }) => constraint?.start_time !== undefined);
  const dearest = [...(always === undefined ? [] : [always]), ...hours].toSorted(
    (a, b) => baseOf(b.prices.input_mtok) - baseOf(a.prices.input_mtok),
  )[0];
  if (dearest === undefined) return { why: `no price holds on ${day}` };
  const converted = convert(dearest.prices);
  if ('why' in converted || hours.length === 0) return converted;
  return { ...converted, note: 'hours of the day differ in price; the dearest is taken' };
}

function baseOf(value: Rates['input_mtok']): number {
  return typeof value === 'object' ? value.base : (value ?? 0);
}

const FIELDS = [
  ['input_mtok', 'inputUsd'],
  ['output_mtok', 'outputUsd'],
  ['cache_read_mtok', 'cacheReadUsd'],
  ['cache_write_mtok', 'cacheWrite5mUsd'],
  ['cache_write_1h_mtok', 'cacheWrite1hUsd'],
] as const;

function convert(prices: Rates): Converted {
  if (prices.input_mtok === undefined) return { why: 'it has no input price per token' };
  const starts = new Set<number>();
  for (const [field] of FIELDS) {
    const value = prices[field];
    if (typeof value !== 'object') continue;
    if (value.tiers.length > 1) return { why: 'more than two price tiers by prompt length' };
    for (const tier of value.tiers) starts.add(tier.start);
  }
  if (starts.size > 1) return { why: 'its rates change at different prompt lengths' };
  const [start] = starts;
  return {
    price: {
      ...ratesOf(prices, (value) => value.base),
      long:
        start === undefined
          ? undefined
          : {
              ...ratesOf(prices, (value) => value.tiers[0]?.price ?? value.base),
              ...threshold(start),
            },
    },
  };
}

function ratesOf(
  prices: Rates,
  pick: (tiered: { base: number; tiers: { start: number; price: number }[] }) => number,
): TokenRates {
  const found: Partial<Record<keyof TokenRates, number>> = {};
  for (const [field, name] of FIELDS) {
    const value = prices[field];
    if (value !== undefined) found[name] = tidy(typeof value === 'object' ? pick(value) : value);
  }
  return { inputUsd: 0, outputUsd: 0, ...found };
}

/** The library's tiers hold above `start`: 271,999 means "272,000 or more". */
function threshold(start: number): { thresholdTokens: number; inclusive: boolean } {
  return start % 1000 === 999
    ? { thresholdTokens: start + 1, inclusive: true }
    : { thresholdTokens: start, inclusive: false };
}
