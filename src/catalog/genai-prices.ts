import { calcPrice, findProvider } from '@pydantic/genai-prices';

import type { Source } from '../capacity/plan-input.ts';
import type { ModelPrice } from '../capacity/price.ts';
import { genaiData, genaiModelPrice, genaiPriceList, genaiProviderId } from './genai-format.ts';
import type { GenaiProvider } from './genai-format.ts';
import type { PriceList } from './price-list.ts';

/** Installed version of the library and the day it was published (npm registry). */
export const GENAI_VERSION = '0.1.8';
const GENAI_DATE = '2026-09-23';

export type GenaiAnswer =
  | { readonly kind: 'exact'; readonly price: ModelPrice; readonly note?: string | undefined }
  /** The library would answer with the price of another model (prefix match): refused. */
  | { readonly kind: 'other'; readonly pricedAs: string }
  | { readonly kind: 'unusable'; readonly why: string }
  | { readonly kind: 'unknown' };

/**
 * The library's price of a model, by its exact id only: it matches prefixes silently, so that
 * claude-sonnet-5-5 would be priced as claude-sonnet-5.
 * @param provider our name of the provider
 * @param day ISO day whose prices hold
 */
export function genaiPrice(provider: string, model: string, day: string): GenaiAnswer {
  const entry = genaiProvider(provider);
  const exact = entry?.models.find(({ id }) => id === model);
  if (exact !== undefined) {
    const found = genaiModelPrice(exact, day);
    return 'why' in found ? { kind: 'unusable', ...found } : { kind: 'exact', ...found };
  }
  const pricedAs = entry === undefined ? undefined : wouldPriceAs(entry, model);
  return pricedAs === undefined ? { kind: 'unknown' } : { kind: 'other', pricedAs };
}

/** Where a price of the library comes from, for a plan's list of sources. */
export function genaiSource(provider: string, model: string): Source {
  return {
    of: `prices ${provider} ${model}`,
    page: `list price (genai-prices ${GENAI_VERSION}, ${GENAI_DATE})`,
    date: GENAI_DATE,
    basis: 'third-party',
  };
}

/** Everything the installed library knows of these providers. */
export function installedPrices(providers: readonly string[], day: string): PriceList {
  const found = providers.flatMap((provider) => genaiProvider(provider) ?? []);
  return genaiPriceList(found, day);
}

const knownProviders = new Map<string, GenaiProvider | undefined>();

function genaiProvider(ours: string): GenaiProvider | undefined {
  if (!knownProviders.has(ours)) {
    const id = genaiProviderId(ours);
    const found = findProvider({ providerId: id });
    // findProvider matches names loosely, too; only the provider asked for will do.
    const data = found?.id === id ? genaiData.safeParse([found]).data?.[0] : undefined;
    knownProviders.set(ours, data);
  }
  return knownProviders.get(ours);
}

function wouldPriceAs(entry: GenaiProvider, model: string): string | undefined {
  const usage = { input_tokens: 1, output_tokens: 1 };
  const found = calcPrice(usage, model, { providerId: entry.id })?.model.id;
  if (found === undefined || entry.models.some(({ id }) => id === found)) return found;
  // Clouds fall back to the list of the model's own maker.
  return `${found} of another provider`;
}
