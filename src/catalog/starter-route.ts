import { COUNTING_RULES } from '../capacity/debit.ts';
import type { Limits } from '../capacity/limit.ts';
import type { CatalogModelEntry, ProviderCatalog } from '../config/catalog-provider.ts';
import { nearest } from '../config/nearest.ts';
import { AgentInfraError } from '../errors.ts';
import type { ProviderRule } from '../mechanisms/debits/debit-rules.ts';
import { FIRST_ROUTES } from './plan-template.ts';
import type { NamedRoute } from './plan-template.ts';
import { findModel, priceOn, tierLimits, tiersOf } from './providers.ts';
import type { Catalogs } from './providers.ts';

/** A route to start a plan with, and how its provider counts. */
export interface StarterRoute extends NamedRoute {
  readonly rule: ProviderRule;
  readonly limits: Limits;
}

/**
 * The route that `provider`, `provider/model` or `provider/model@tier` names; what is left out is
 * chosen: the plan template's route, else the middle of the known prices and of the tiers.
 * @param day ISO date whose prices hold
 * @throws catalog.unknown with what is known instead
 */
export function starterRoute(text: string, catalogs: Catalogs, day: string): StarterRoute {
  const [, provider = text, wantedModel, wantedTier] =
    /^([^/@]*)(?:\/([^@]+))?(?:@(.+))?$/.exec(text) ?? [];
  const catalog = catalogs.providers.get(provider);
  if (catalog === undefined) throw unknown('provider', provider, catalogs.providers.keys());
  const first = FIRST_ROUTES.find((route) => route.provider === provider);
  const name = wantedModel ?? first?.model ?? middleModel(catalog, day).name;
  const model = findModel(catalog, name);
  if (model === undefined) {
    throw unknown(
      `model of ${provider}`,
      name,
      catalog.models.map((each) => each.name),
    );
  }
  const tiers = tiersOf(catalog, model);
  const isFirst = wantedModel === undefined && wantedTier === undefined;
  const tier = wantedTier ?? (isFirst ? first?.tier : undefined) ?? middle(tiers);
  if (tier !== undefined && !tiers.includes(tier)) throw unknown(`tier of ${name}`, tier, tiers);
  return {
    provider,
    model: name,
    tier,
    rule: COUNTING_RULES[catalog.countingRule].rule,
    limits: tier === undefined ? {} : tierLimits(catalog, model, tier),
  };
}

/** By output price, of the models whose price is known; the first one where none is. */
function middleModel(catalog: ProviderCatalog, day: string): CatalogModelEntry {
  const price = (model: CatalogModelEntry): number | undefined => priceOn(model, day)?.output;
  const priced = catalog.models
    .filter((model) => price(model) !== undefined)
    .toSorted((a, b) => price(a)! - price(b)!);
  return middle(priced) ?? catalog.models[0]!;
}

function middle<T>(items: readonly T[]): T | undefined {
  return items[Math.floor(items.length / 2)];
}

function unknown(what: string, name: string, known: Iterable<string>): AgentInfraError {
  const names = [...known];
  const guess = nearest(name, names);
  const hint = guess === undefined ? '' : `Did you mean "${guess}"? `;
  return new AgentInfraError('catalog.unknown', `there is no ${what} called "${name}"`, {
    hint: `${hint}Known: ${names.length === 0 ? 'none' : names.join(', ')}.`,
  });
}
