import type { CatalogModelEntry, ProviderCatalog } from '../config/catalog-provider.ts';
import type { PlanDocument, PlanIssue, RouteDocument } from '../config/plan.ts';
import { nearest } from '../config/nearest.ts';
import { checkStack } from './stack-check.ts';
import { genaiPrice } from './genai-prices.ts';
import { findModel, priceOn, tiersOf } from './providers.ts';
import type { Catalogs } from './providers.ts';

/** The provider name of a route that brings its own limits and prices. */
export const CUSTOM_PROVIDER = 'custom';

/** Names a plan may use besides the provider and infrastructure catalogs. */
export interface KnownNames {
  readonly gpus: readonly string[];
  readonly models: readonly string[];
}

/** Everything in a plan that the catalogs do not know, each with its place. */
export function checkPlan(plan: PlanDocument, catalogs: Catalogs, known: KnownNames): PlanIssue[] {
  const issues: PlanIssue[] = [];
  for (const [index, route] of (plan.routes ?? []).entries()) {
    issues.push(...checkRoute(['routes', index], route, catalogs, plan.asOf));
    if (route.escalate !== undefined) {
      const path = ['routes', index, 'escalate'];
      issues.push(...checkRoute(path, route.escalate, catalogs, plan.asOf));
    }
  }
  for (const [index, route] of (plan.alternatives ?? []).entries()) {
    issues.push(...checkRoute(['alternatives', index], route, catalogs, plan.asOf));
  }
  for (const [index, line] of (plan.infra ?? []).entries()) {
    if (line.item === undefined || catalogs.infra.has(line.item)) continue;
    issues.push(unknown(['infra', index, 'item'], 'item', line.item, [...catalogs.infra.keys()]));
  }
  if (plan.stack !== undefined) issues.push(...checkStack(plan.stack, catalogs));
  if (plan.pool !== undefined) {
    const { model, gpu } = plan.pool;
    if (!has(known.models, model))
      issues.push(unknown(['pool', 'model'], 'model', model, known.models));
    if (!has(known.gpus, gpu)) issues.push(unknown(['pool', 'gpu'], 'GPU', gpu, known.gpus));
  }
  if (plan.targets.measured !== undefined && plan.workload.profile === undefined) {
    issues.push({
      path: ['targets', 'measured'],
      message: 'a multiple of the measured rate needs workload.profile',
    });
  }
  const { numbers } = plan.workload;
  if (
    numbers !== undefined &&
    (numbers.inputTokens === undefined) !== (numbers.outputTokens === undefined)
  ) {
    issues.push({
      path: ['workload', 'numbers'],
      message: 'inputTokens and outputTokens belong together',
    });
  }
  return issues;
}

type Path = readonly (string | number)[];

function checkRoute(
  path: Path,
  route: Pick<
    RouteDocument,
    'provider' | 'model' | 'tier' | 'limits' | 'prices' | 'provisioned'
  > & {
    readonly batchShare?: number | undefined;
  },
  catalogs: Catalogs,
  asOf: string | undefined,
): PlanIssue[] {
  if (route.provider === CUSTOM_PROVIDER) return checkCustom(path, route);
  const catalog = catalogs.providers.get(route.provider);
  if (catalog === undefined) {
    const names = [...catalogs.providers.keys(), CUSTOM_PROVIDER];
    return [unknown([...path, 'provider'], 'provider', route.provider, names)];
  }
  const names = catalog.models.map((model) => model.name);
  if (route.model === undefined) {
    return [{ path, message: `missing model; ${route.provider} has ${names.join(', ')}` }];
  }
  const model = findModel(catalog, route.model);
  if (model === undefined) {
    if (isPricedElsewhere(route.provider, route.model, asOf)) return checkUnlisted(path, route);
    return [unknown([...path, 'model'], 'model', route.model, names)];
  }
  const issues: PlanIssue[] = [];
  const tiers = tiersOf(catalog, model);
  if (route.tier !== undefined && !tiers.includes(route.tier)) {
    issues.push(
      tiers.length === 0
        ? {
            path: [...path, 'tier'],
            message: `no tiers of ${route.model} are published; give limits instead`,
          }
        : unknown([...path, 'tier'], 'tier', route.tier, tiers),
    );
  }
  issues.push(...checkProvisioned(path, route, catalog, model));
  const price = priceOn(model, asOf ?? '9999');
  if ((route.batchShare ?? 0) > 0 && (route.prices ?? price)?.batchFactor === undefined) {
    issues.push({ path: [...path, 'batchShare'], message: `${route.model} has no batch price` });
  }
  return issues;
}

function checkProvisioned(
  path: Path,
  { provisioned, provider }: Pick<RouteDocument, 'provisioned' | 'provider'>,
  catalog: ProviderCatalog,
  model: CatalogModelEntry,
): PlanIssue[] {
  if (provisioned === undefined) return [];
  const { term, tokensPerMinutePerUnit } = provisioned;
  const terms = (catalog.provisioned?.terms ?? []).map(({ name }) => name);
  if (term !== undefined && provisioned.unitPrice === undefined && !terms.includes(term)) {
    const at = [...path, 'provisioned', 'term'];
    if (terms.length > 0) return [unknown(at, 'term', term, terms)];
    return [
      { path: at, message: `${provider} has no reserved units in the catalog; give unitPrice` },
    ];
  }
  if (tokensPerMinutePerUnit !== undefined || model.provisioned !== undefined) return [];
  const message = `give tokensPerMinutePerUnit: the catalog has none for ${model.name}`;
  return [{ path: [...path, 'provisioned'], message }];
}

/** A model that our catalog lacks and genai-prices has under this very id. */
function isPricedElsewhere(provider: string, model: string, asOf: string | undefined): boolean {
  return genaiPrice(provider, model, asOf ?? '9999').kind === 'exact';
}

function checkUnlisted(path: Path, route: Pick<RouteDocument, 'model' | 'tier'>): PlanIssue[] {
  if (route.tier === undefined) return [];
  const message = `no tiers of ${route.model} are in the catalog; give limits instead`;
  return [{ path: [...path, 'tier'], message }];
}

function checkCustom(
  path: Path,
  route: Pick<RouteDocument, 'tier' | 'limits' | 'prices'> & {
    readonly batchShare?: number | undefined;
  },
): PlanIssue[] {
  const issues: PlanIssue[] = [];
  if (route.limits === undefined) {
    issues.push({
      path,
      message: 'a custom provider needs its limits, such as limits: {rpm: 1500}',
    });
  }
  if (route.tier !== undefined) {
    issues.push({
      path: [...path, 'tier'],
      message: 'a custom provider has no tiers; give limits',
    });
  }
  if ((route.batchShare ?? 0) > 0 && route.prices?.batchFactor === undefined) {
    issues.push({ path: [...path, 'batchShare'], message: 'batch calls need prices.batchFactor' });
  }
  return issues;
}

function has(names: readonly string[], name: string): boolean {
  return names.some((known) => known.toLowerCase() === name.toLowerCase());
}

/** Longest list of names a message spells out. */
const MOST_NAMES = 30;

function unknown(path: Path, what: string, name: string, names: readonly string[]): PlanIssue {
  const guess = nearest(name, names);
  const shown = names.slice(0, MOST_NAMES).join(', ');
  const list = `known: ${shown}${names.length > MOST_NAMES ? `, and ${names.length - MOST_NAMES} more` : ''}`;
  return {
    path,
    message: `unknown ${what} "${name}"; ${guess === undefined ? list : `did you mean "${guess}"?`}`,
  };
}
