import type { PlanDocument, PlanIssue, RouteDocument } from '../config/plan.ts';
import { nearest } from '../config/nearest.ts';
import { checkStack } from './stack-check.ts';
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
  route: Pick<RouteDocument, 'provider' | 'model' | 'tier' | 'limits' | 'prices'> & {
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
  if (model === undefined) return [unknown([...path, 'model'], 'model', route.model, names)];
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
  const price = priceOn(model, asOf ?? '9999');
  if ((route.batchShare ?? 0) > 0 && (route.prices ?? price)?.batchFactor === undefined) {
    issues.push({ path: [...path, 'batchShare'], message: `${route.model} has no batch price` });
  }
  return issues;
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
