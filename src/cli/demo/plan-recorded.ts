import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { makePlan } from '../../capacity/plan.ts';
import type { Plan } from '../../capacity/plan.ts';
import { readGpus, readModels } from '../../catalog/gpus.ts';
import { planInput } from '../../catalog/plan-input.ts';
import { findModel, priceOn, readCatalogs } from '../../catalog/providers.ts';
import { loadPlan } from '../../config/plan.ts';
import { AgentInfraError } from '../../errors.ts';
import { nowIso } from '../../system.ts';
import type { WorkloadProfile } from '../../workload/workload-profile.ts';
import { DEMO, demoPlan } from './documents.ts';

/** Writes plan.yaml for the load to come and computes it. */
export async function planRecorded(
  folder: string,
  profile: WorkloadProfile,
  seed: string | number,
): Promise<Plan> {
  const { model, provider } = DEMO.priced;
  const [catalogs, gpus, models] = await Promise.all([readCatalogs(), readGpus(), readModels()]);
  const today = nowIso().slice(0, 10);
  const catalog = catalogs.providers.get(provider);
  const entry = catalog === undefined ? undefined : findModel(catalog, model);
  const price = entry === undefined ? undefined : priceOn(entry, today);
  if (price === undefined) {
    throw new AgentInfraError(
      'catalog.unknown',
      `the catalog has no price of ${provider} ${model}`,
    );
  }
  const turns = profile.sessions.turnsPerSession?.mean;
  if (turns === undefined) {
    throw new AgentInfraError('workload.insufficient', 'the recording holds no whole session');
  }
  const file = join(folder, 'plan.yaml');
  await writeFile(file, demoPlan(turns, price, seed));
  const context = { file, today, catalogs, gpus, models };
  return makePlan(await planInput(await loadPlan(file), context));
}
