import { importLimits, limitsFor } from '../catalog/limits-import.ts';
import type { ImportedLimits } from '../catalog/limits-import.ts';
import { ageInDays } from '../catalog/price-ages.ts';
import type { Catalogs } from '../catalog/providers.ts';
import type { PlanInput, Route, Source } from '../capacity/plan-input.ts';
import { readText } from '../config/document.ts';
import { ageOption, readWithOverlay } from './catalog-run.ts';

/** Options by which a plan's limits and prices come from elsewhere than the bundled catalog. */
export interface CatalogOptions {
  /** File of a price overlay. */
  readonly prices?: string | undefined;
  /** What the provider said of the account's own limits; see `catalog limits`. */
  readonly limitsFrom?: string | undefined;
  /** Such as 30d. */
  readonly maxPriceAge?: string | undefined;
}

/** The catalogs a plan is read with. */
export function planCatalogs({ prices }: CatalogOptions): Promise<Catalogs> {
  return readWithOverlay(prices);
}

/** The plan with its account's own limits, and with the ages of its prices when they are bounded. */
export async function withCatalogOptions(
  input: PlanInput,
  { limitsFrom, maxPriceAge }: CatalogOptions,
  today: string,
): Promise<PlanInput> {
  const limited =
    limitsFrom === undefined ? input : withLimits(input, await ownLimits(limitsFrom), today);
  return maxPriceAge === undefined
    ? withOldNumbers(limited, today)
    : withAges(limited, ageOption(maxPriceAge), today);
}

/** Evidence without a model is that of the only model the plan has of its provider. */
function forOnlyModel(
  imported: readonly ImportedLimits[],
  input: PlanInput,
  { model, provider }: Route,
): readonly ImportedLimits[] {
  const models = new Set(
    [...input.routes, ...input.alternatives]
      .filter((route) => route.provider === provider)
      .map((route) => route.model),
  );
  if (models.size !== 1) return imported;
  return imported.map((one) => (one.models.length === 0 ? { ...one, models: [model] } : one));
}

/**
 * Days after which a plan says that a limit or price is old, when nobody bounds their age: most
 * providers have changed a price or a limit within half a year.
 */
const OLD_DAYS = 180;

function withOldNumbers(input: PlanInput, today: string): PlanInput {
  const old = aged(input, today, /^(?:limits|prices?|provisioned) /).filter(
    ({ days }) => days > OLD_DAYS,
  );
  const [oldest] = old;
  if (oldest === undefined) return input;
  const numbers = old.length === 1 ? '1 number is' : `${old.length} numbers are`;
  const warning = `${numbers} older than ${OLD_DAYS} days: ${oldest.of} is of ${oldest.date}; check its page, or give your own`;
  return { ...input, warnings: [...(input.warnings ?? []), warning] };
}

async function ownLimits(file: string): Promise<(provider: string) => ImportedLimits[]> {
  const text = await readText(file);
  // Headers mean different things at different providers (Groq's requests are per day).
  return (provider) => importLimits(text, file, { provider });
}

function withLimits(
  input: PlanInput,
  imported: (provider: string) => ImportedLimits[],
  today: string,
): PlanInput {
  const sources: Source[] = [];
  const replace = (route: Route): Route => {
    const own = limitsFor(
      forOnlyModel(imported(route.provider), input, route),
      route.provider,
      route.model,
    );
    if (own === undefined) return route;
    sources.push({
      of: `limits ${route.provider} ${route.model}`,
      page: `the account's own (${[...new Set(own.evidence)].join(', ')})`,
      date: today,
      basis: 'measured',
    });
    return { ...route, limits: { ...route.limits, ...own.limits } };
  };
  const routes = input.routes.map(replace);
  const alternatives = input.alternatives.map(replace);
  const missing = input.routes.filter((route, index) => route === routes[index]);
  const assumptions = missing.map(({ provider, model }) => ({
    key: '--limits-from',
    value: `nothing on ${provider} ${model}`,
    why: 'its limits stay those of the plan and the catalog',
  }));
  return {
    ...input,
    routes,
    alternatives,
    assumptions: [...input.assumptions, ...assumptions],
    sources: [...input.sources, ...sources],
  };
}

function withAges(input: PlanInput, maxDays: number, today: string): PlanInput {
  const stale = aged(input, today, /^(?:prices?|provisioned) /).filter(
    ({ days }) => days > maxDays,
  );
  return { ...input, priceAge: { maxDays, stale } };
}

/** The sources of some numbers with their age in days, oldest first. */
function aged(
  input: PlanInput,
  today: string,
  names: RegExp,
): { readonly of: string; readonly date: string; readonly days: number }[] {
  return input.sources
    .filter(({ of, date }) => names.test(of) && date !== '')
    .map(({ of, date }) => ({ of, date, days: ageInDays(date, today) }))
    .toSorted((a, b) => b.days - a.days);
}
