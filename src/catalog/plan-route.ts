import { COUNTING_RULES, countsMaxTokens, reservesModelMaximum } from '../capacity/debit.ts';
import type { Route } from '../capacity/plan-input.ts';
import { priceTimes } from '../capacity/price.ts';
import type { ModelPrice } from '../capacity/price.ts';
import { limitsOf, priceOf } from '../config/catalog-provider.ts';
import type { CatalogModelEntry, ProviderCatalog } from '../config/catalog-provider.ts';
import type { AlternativeDocument } from '../config/plan.ts';
import { formatCount } from '../core/units.ts';
import { genaiPrice, genaiSource } from './genai-prices.ts';
import { CUSTOM_PROVIDER } from './plan-check.ts';
import { givenSource } from './plan-notes.ts';
import type { Notes } from './plan-notes.ts';
import { provisionedOffer } from './plan-provisioned.ts';
import {
  findModel,
  higherTiers,
  limitsSource,
  modelPrice,
  priceOn,
  priceSource,
  tierLimits,
  tiersOf,
} from './providers.ts';
import type { Catalogs } from './providers.ts';

/**
 * A provider, model and tier with their limits and prices; the plan's own values win.
 * @param day ISO day whose prices hold
 */
export function resolveRoute(
  route: AlternativeDocument,
  key: string,
  day: string,
  catalogs: Catalogs,
  notes: Notes,
): Route {
  const given = {
    maxOutputTokens: route.maxOutputTokens,
    share: 1,
    batchShare: 0,
  };
  if (route.provider === CUSTOM_PROVIDER) {
    notes.sources.push(givenSource(`${key}.limits`));
    if (route.prices !== undefined) notes.sources.push(givenSource(`${key}.prices`));
    return {
      ...given,
      provider: CUSTOM_PROVIDER,
      model: route.model ?? 'model',
      tier: null,
      rule: COUNTING_RULES[route.countingRule ?? 'generic'],
      limits: limitsOf(route.limits),
      limitPool: `${CUSTOM_PROVIDER} ${route.model ?? key}${regionOf(route)}`,
      price: route.prices === undefined ? null : factored(route, priceOf(route.prices)),
      higherTiers: [],
    };
  }
  const catalog = catalogs.providers.get(route.provider)!;
  // Known to genai-prices only: its prices, and no limits but the plan's own.
  const model = findModel(catalog, route.model!) ?? { name: route.model! };
  const tiers = tiersOf(catalog, model);
  const tier =
    route.tier ??
    (tiers.length === 0
      ? null
      : notes.take(`${key}.tier`, tiers[0]!, tiers[0]!, 'the lowest tier of this model'));
  const rule = route.countingRule ?? model.limits?.countingRule ?? catalog.countingRule;
  const modelMaxOutputTokens = unsetReservation(route, key, { catalog, model, rule }, notes);
  if (tier !== null) notes.sources.push(limitsSource(catalog, model, tier));
  if (route.limits !== undefined) notes.sources.push(givenSource(`${key}.limits`));
  return {
    ...given,
    modelMaxOutputTokens,
    provider: route.provider,
    model: model.name,
    tier,
    rule: COUNTING_RULES[rule],
    limits: {
      ...(tier === null ? {} : tierLimits(catalog, model, tier)),
      ...limitsOf(route.limits),
    },
    limitPool: `${route.provider} ${model.limits?.pool ?? model.name}${regionOf(route)}`,
    price: routePriceOf(route, key, { catalog, model, day }, notes),
    minCacheableTokens: model.minCacheablePrompt,
    cacheKeyRpm: catalog.promptCache?.requestsPerMinutePerKey,
    provisioned: provisionedOffer(route, key, { catalog, model }, notes),
    higherTiers: tier === null ? [] : higherTiers(catalog, model, tier),
  };
}

/** What a provider that counts `max_tokens` takes for it when the plan does not say. */
function unsetReservation(
  route: AlternativeDocument,
  key: string,
  {
    catalog,
    model,
    rule,
  }: {
    readonly catalog: ProviderCatalog;
    readonly model: CatalogModelEntry;
    readonly rule: keyof typeof COUNTING_RULES;
  },
  notes: Notes,
): number | undefined {
  const counting = COUNTING_RULES[rule];
  if (route.maxOutputTokens !== undefined || !countsMaxTokens(counting)) return undefined;
  const most = model.maxOutput;
  if (most === undefined || !reservesModelMaximum(counting)) {
    const why = `${route.provider} counts max_tokens; set it, or TPM is understated`;
    notes.say(`${key}.maxOutputTokens`, 'the real output', why);
    return undefined;
  }
  const { date, page, basis = 'listed' } = catalog.sources[most.source]!;
  notes.sources.push({ of: `maxOutput ${route.provider} ${model.name}`, page, date, basis });
  return notes.take(
    `${key}.maxOutputTokens`,
    most.tokens,
    `${formatCount(most.tokens)}, all that ${model.name} can give`,
    `${route.provider} reserves it while a call runs when max_tokens is not sent: send it`,
  );
}

function routePriceOf(
  route: AlternativeDocument,
  key: string,
  {
    catalog,
    model,
    day,
  }: { readonly catalog: ProviderCatalog; readonly model: CatalogModelEntry; readonly day: string },
  notes: Notes,
): Route['price'] {
  if (route.prices !== undefined) {
    notes.sources.push(givenSource(`${key}.prices`));
    return factored(route, priceOf(route.prices));
  }
  const row = priceOn(model, day);
  if (row === undefined) return genaiRoutePrice(route, key, model.name, day, notes);
  notes.sources.push(priceSource(catalog, model, row));
  if (row.note !== undefined) {
    notes.say(`${key}.prices`, `${model.name}: ${row.note}`, 'note of the price list');
  }
  return factored(route, modelPrice(row));
}

/** The library's price under the exact id, for models that our own list does not price. */
function genaiRoutePrice(
  route: AlternativeDocument,
  key: string,
  model: string,
  day: string,
  notes: Notes,
): Route['price'] {
  const answer = genaiPrice(route.provider, model, day);
  if (answer.kind !== 'exact') return null;
  const source = genaiSource(route.provider, model);
  notes.sources.push(source);
  if (answer.note !== undefined)
    notes.say(`${key}.prices`, `${model}: ${answer.note}`, source.page);
  return factored(route, answer.price);
}

function factored({ priceFactor }: AlternativeDocument, price: ModelPrice): ModelPrice {
  return priceFactor === undefined ? price : priceTimes(price, priceFactor);
}

/** Another region has limits of its own. */
function regionOf({ region }: AlternativeDocument): string {
  return region === undefined ? '' : ` in ${region}`;
}
