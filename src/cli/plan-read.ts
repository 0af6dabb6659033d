import { existsSync } from 'node:fs';

import type { PlanInput } from '../capacity/plan-input.ts';
import { readGpus, readModels } from '../catalog/gpus.ts';
import { checkPlan } from '../catalog/plan-check.ts';
import { goalIssues } from '../catalog/plan-goals.ts';
import { planInput } from '../catalog/plan-input.ts';
import { namedDocument, workloadProfileFile, workloadProfileProblem } from '../config/bundled.ts';
import { readText } from '../config/document.ts';
import { loadPlan } from '../config/plan.ts';
import type { PlanDocument, PlanIssue } from '../config/plan.ts';
import { loadWorkloadProfile } from '../config/workload-profile.ts';
import { AgentInfraError } from '../errors.ts';
import { environment, nowIso } from '../system.ts';
import { planCatalogs, withCatalogOptions } from './catalog-plan.ts';
import type { CatalogOptions } from './catalog-plan.ts';

export interface ReadPlan {
  readonly document: PlanDocument;
  readonly input: PlanInput;
  /** ISO day on which it was read. */
  readonly today: string;
}

/**
 * Reads a plan and everything it names.
 * @param options.set what-if overrides, `path=value`
 * @param options.change replaces parts of the checked document, such as its workload
 * @throws ConfigError with every problem and its place; config.unreadable
 */
export async function readPlanInput(
  name: string,
  options: CatalogOptions & {
    readonly set?: readonly string[] | undefined;
    readonly change?: ((document: PlanDocument) => PlanDocument) | undefined;
  } = {},
): Promise<ReadPlan> {
  const file = namedDocument('plan', name);
  if (file === 'plan.yaml' && !existsSync(file)) {
    throw new AgentInfraError('config.unreadable', 'there is no plan.yaml here', {
      hint: 'Name a plan, or write one with: agent-infra plan init <profile> -o plan.yaml (or a whole project: agent-infra init)',
    });
  }
  const [catalogs, gpus, models] = await Promise.all([
    planCatalogs(options),
    readGpus(),
    readModels(),
  ]);
  const read = await loadPlan(file, {
    env: environment(),
    set: options.set,
    check: (plan) => [
      ...checkPlan(plan, catalogs, { gpus: [...gpus.keys()], models: [...models.keys()] }),
      ...(options.change === undefined ? checkProfileName(plan, file) : []),
    ],
  });
  const document = options.change?.(read) ?? read;
  const today = nowIso().slice(0, 10);
  const resolved = await planInput(document, { file, today, catalogs, gpus, models });
  const contradictions = goalIssues(document, resolved);
  if (contradictions.length > 0) {
    // Read again only to report them at their place.
    await loadPlan(file, { env: environment(), set: options.set, check: () => contradictions });
  }
  return { document, input: await withCatalogOptions(resolved, options, today), today };
}

/**
 * Checks a plan as readPlanInput does, without simulating its traffic where no goal asks for it.
 * @throws ConfigError with every problem and its place; config.unreadable
 */
export async function checkPlanDocument(file: string): Promise<void> {
  // Names of GPUs and their models are wanted by a pool only, and take as long as all the rest.
  const hasPool = (await readText(file))
    .split('\n')
    .some((line) => !line.trimStart().startsWith('#') && line.includes('pool'));
  const [catalogs, gpus, models] = await Promise.all([
    planCatalogs({}),
    hasPool ? readGpus() : new Map<string, never>(),
    hasPool ? readModels() : new Map<string, never>(),
  ]);
  const { caching, goals, routes, targets, workload } = await loadPlan(file, {
    env: environment(),
    check: (plan) => [
      ...checkPlan(plan, catalogs, { gpus: [...gpus.keys()], models: [...models.keys()] }),
      ...checkProfileName(plan, file),
    ],
  });
  // Only these can contradict what the rest of the plan, or its workload, comes to.
  const { headroom = 0, monthlyCost, turnLatency } = goals ?? {};
  const hasGoal = monthlyCost !== undefined || turnLatency !== undefined || headroom >= 1;
  const asksWorkload =
    caching?.prompt !== undefined ||
    targets.measured !== undefined ||
    routes?.some(({ when }) => when !== undefined) === true;
  if (hasGoal || asksWorkload) {
    await readPlanInput(file);
  } else if (workload.profile !== undefined) {
    await loadWorkloadProfile(workloadProfileFile(workload.profile, file));
  }
}

function checkProfileName({ workload: { profile } }: PlanDocument, file: string): PlanIssue[] {
  const message = profile === undefined ? undefined : workloadProfileProblem(profile, file);
  return message === undefined ? [] : [{ path: ['workload', 'profile'], message }];
}
