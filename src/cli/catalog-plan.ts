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
  return maxPriceAge === undefined ? limited : withAges(limited, ageOption(maxPriceAge), today);
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
    const own = limitsFor(imported(route.provider), route.provider, route.model);
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
  const stale = input.sources
    .filter(({ of, date }) => /^(?:prices?|provisioned) /.test(of) && date !== '')
    .map(({ of, date }) => ({ of, date, days: ageInDays(date, today) }))
    .filter(({ days }) => days > maxDays)
    .toSorted((a, b) => b.days - a.days);
  return { ...input, priceAge: { maxDays, stale } };
}
