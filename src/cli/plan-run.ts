import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { prometheusRules } from '../artefacts/prometheus-rules.ts';
import { planGates } from '../capacity/gates.ts';
import { makePlan } from '../capacity/plan.ts';
import type { Plan } from '../capacity/plan.ts';
import { readGpus, readModels } from '../catalog/gpus.ts';
import { checkPlan } from '../catalog/plan-check.ts';
import { planInput } from '../catalog/plan-input.ts';
import { planTemplate } from '../catalog/plan-template.ts';
import { readCatalogs } from '../catalog/providers.ts';
import { loadPlan } from '../config/plan.ts';
import { AgentInfraError, asError } from '../errors.ts';
import { planDiffText } from '../report/plan-diff.ts';
import { planJson } from '../report/plan-json.ts';
import { infracostUsage } from '../report/plan-stack-infracost.ts';
import { planText } from '../report/plan-text.ts';
import { environment, nowIso, wantsColour } from '../system.ts';
import { toolVersion } from './tool-version.ts';

/** What the plan commands do; loaded only when one of them runs. */
export interface PlanOptions {
  readonly json?: boolean | undefined;
  readonly output?: string | undefined;
  /** What-if overrides, path=value. */
  readonly set?: readonly string[] | undefined;
  readonly colour?: boolean | undefined;
}

/** `agent-infra plan [file]`. */
export async function runPlan(file: string, options: PlanOptions): Promise<void> {
  const plan = await readPlan(file, options.set);
  if (options.output !== undefined) await writePlan(plan, options.output);
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(planJson(plan, toolVersion()), null, 2)}\n`);
    return;
  }
  process.stdout.write(planText(plan, { colour: wantsColour(process.stdout, options.colour) }));
}

/** `agent-infra plan check [file]`. @returns whether every gate passed */
export async function checkPlanFile(
  file: string,
  options: Pick<PlanOptions, 'json' | 'set'>,
): Promise<boolean> {
  const plan = await readPlan(file, options.set);
  const gates = planGates(plan);
  const passed = gates.every((gate) => gate.passed);
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(planJson(plan, toolVersion()), null, 2)}\n`);
  } else {
    process.stdout.write(planText(plan, { colour: wantsColour(process.stdout) }));
  }
  for (const gate of gates) {
    if (!gate.passed) process.stderr.write(`gate failed: ${gate.name}: ${gate.detail}\n`);
  }
  return passed;
}

/** `agent-infra plan diff <old> <new>`. */
export async function diffPlans(before: string, after: string): Promise<void> {
  const [old, next] = [await readPlan(before), await readPlan(after)];
  process.stdout.write(planDiffText(old, next, { colour: wantsColour(process.stdout) }));
}

/** `agent-infra plan init <profile>`. */
export async function initPlan(profile: string, output: string | undefined): Promise<void> {
  const text = planTemplate(profile);
  if (output === undefined) {
    process.stdout.write(text);
    return;
  }
  if (existsSync(output)) {
    throw new AgentInfraError('output.unwritable', `${output} exists already`, {
      hint: 'Name another file, or remove it first.',
    });
  }
  await writeText(output, text);
}

async function readPlan(file: string, set?: readonly string[]): Promise<Plan> {
  if (file === 'plan.yaml' && !existsSync(file)) {
    throw new AgentInfraError('config.unreadable', 'there is no plan.yaml here', {
      hint: 'Name a plan, or write one with: agent-infra plan init <profile> -f plan.yaml',
    });
  }
  const [catalogs, gpus, models] = await Promise.all([readCatalogs(), readGpus(), readModels()]);
  const document = await loadPlan(file, {
    env: environment(),
    set,
    check: (plan) =>
      checkPlan(plan, catalogs, { gpus: [...gpus.keys()], models: [...models.keys()] }),
  });
  const today = nowIso().slice(0, 10);
  return makePlan(await planInput(document, { file, today, catalogs, gpus, models }));
}

async function writePlan(plan: Plan, folder: string): Promise<void> {
  const { rules, tests } = prometheusRules(plan);
  await mkdir(folder, { recursive: true }).catch((thrown: unknown) => {
    throw new AgentInfraError('output.unwritable', `${folder}: ${asError(thrown).message}`);
  });
  await writeText(join(folder, 'plan.txt'), planText(plan));
  await writeText(
    join(folder, 'plan.json'),
    `${JSON.stringify(planJson(plan, toolVersion()), null, 2)}\n`,
  );
  await writeText(join(folder, 'prometheus-rules.yaml'), rules);
  await writeText(join(folder, 'prometheus-rules_test.yaml'), tests);
  const usage = infracostUsage(plan);
  if (usage !== null) await writeText(join(folder, 'infracost-usage.yml'), usage);
  process.stderr.write(`wrote ${folder}\n`);
}

async function writeText(file: string, text: string): Promise<void> {
  await writeFile(file, text).catch((thrown: unknown) => {
    throw new AgentInfraError('output.unwritable', `${file}: ${asError(thrown).message}`);
  });
}
