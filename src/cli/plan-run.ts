import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';

import { prometheusRules } from '../artefacts/prometheus-rules.ts';
import { planGates } from '../capacity/gates.ts';
import { makePlan } from '../capacity/plan.ts';
import type { Plan } from '../capacity/plan.ts';
import { diffOutlines } from '../capacity/plan-diff.ts';
import { outlinePlan } from '../capacity/plan-outline.ts';
import { planTemplate } from '../catalog/plan-template.ts';
import { workloadProfileProblem } from '../config/bundled.ts';
import { AgentInfraError, unwritableFile } from '../errors.ts';
import { renderPlanHtml } from '../report/html-plan-page.ts';
import { planDiffJson, planDiffText } from '../report/plan-diff.ts';
import { planJson } from '../report/plan-json.ts';
import { infracostUsage } from '../report/plan-stack-infracost.ts';
import { planMarkdown } from '../report/plan-markdown.ts';
import { planText } from '../report/plan-text.ts';
import type { TextStyle } from '../report/text.ts';
import { columnsOf, wantsColour } from '../system.ts';
import type { CatalogOptions } from './catalog-plan.ts';
import { calibrateFromRun } from './plan-calibrate.ts';
import { readPlanInput } from './plan-read.ts';
import { toolVersion } from './tool-version.ts';

/** What the plan commands do; loaded only when one of them runs. */
export interface PlanOptions extends CatalogOptions {
  readonly json?: boolean | undefined;
  readonly output?: string | undefined;
  /** What-if overrides, path=value. */
  readonly set?: readonly string[] | undefined;
  /** Folder of a load test whose times replace assumed ones ... */
  readonly calibrate?: string | undefined;
  /** ... and how many replicas of the plan's pool answered it. */
  readonly replicas?: number | undefined;
  readonly format?: 'text' | 'json' | 'markdown' | 'html' | undefined;
}

/** `agent-infra plan [file]`. */
export async function runPlan(file: string, options: PlanOptions): Promise<void> {
  const plan = await readPlan(file, options);
  const written = options.output === undefined ? undefined : writePlan(plan, options.output);
  await written?.catch(() => {}); // thrown below: what was computed is printed all the same
  printPlan(plan, options);
  await written;
}

function printPlan(plan: Plan, options: PlanOptions): void {
  if (options.format === 'markdown') {
    process.stdout.write(planMarkdown(plan));
    return;
  }
  if (options.format === 'html') {
    process.stdout.write(renderPlanHtml(plan));
    return;
  }
  if (options.json === true || options.format === 'json') {
    process.stdout.write(`${JSON.stringify(planJson(plan, toolVersion()), null, 2)}\n`);
    return;
  }
  process.stdout.write(planText(plan, terminalStyle()));
}

/** `agent-infra plan check [file]`. @returns whether every gate passed */
export async function checkPlanFile(
  file: string,
  options: CatalogOptions & Pick<PlanOptions, 'json' | 'set'>,
): Promise<boolean> {
  const plan = await readPlan(file, options);
  const gates = planGates(plan);
  const passed = gates.every((gate) => gate.passed);
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(planJson(plan, toolVersion()), null, 2)}\n`);
  } else {
    process.stdout.write(planText(plan, terminalStyle()));
  }
  for (const gate of gates) {
    if (!gate.passed) process.stderr.write(`gate failed: ${gate.name}: ${gate.detail}\n`);
  }
  return passed;
}

/** Colours and the width of the terminal; in files and pipes lines are as long as they are. */
function terminalStyle(): TextStyle {
  const { stdout } = process;
  return {
    colour: wantsColour(stdout),
    columns: columnsOf(stdout),
  };
}

/** `agent-infra plan diff <old> [new]`: what-if overrides hold for the new plan only. */
export async function diffPlans(
  before: string,
  after: string | undefined,
  { json, set = [], ...catalogs }: CatalogOptions & Pick<PlanOptions, 'json' | 'set'>,
): Promise<void> {
  if (after === undefined && set.length === 0) {
    throw new AgentInfraError('usage.invalid', 'plan diff needs a second plan, or --set', {
      hint: `Such as: agent-infra plan diff ${before} --set goals.headroom=0%`,
    });
  }
  const old = await readPlanInput(before, catalogs);
  const next = await readPlanInput(after ?? before, { ...catalogs, set });
  const diff = diffOutlines(outlinePlan(old.input), outlinePlan(next.input));
  process.stdout.write(
    json === true
      ? `${JSON.stringify(planDiffJson(diff, toolVersion()), null, 2)}\n`
      : planDiffText(diff, { colour: wantsColour(process.stdout) }),
  );
}

/** `agent-infra plan init <profile>`. */
export async function initPlan(profile: string, output: string | undefined): Promise<void> {
  const plan = output ?? 'plan.yaml';
  // The plan names it from its own folder.
  const isPath = existsSync(profile) && /[/\\]|\.ya?ml$/.test(profile) && !isAbsolute(profile);
  const name = isPath ? relative(dirname(plan), profile) : profile;
  const problem = workloadProfileProblem(name, plan);
  if (problem !== undefined) throw new AgentInfraError('catalog.unknown', problem);
  const text = planTemplate(name);
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
  process.stderr.write(`wrote ${output}; edit it, then run: agent-infra plan ${output}\n`);
}

async function readPlan(
  file: string,
  options: CatalogOptions & Pick<PlanOptions, 'set' | 'calibrate' | 'replicas'> = {},
): Promise<Plan> {
  const { input } = await readPlanInput(file, options);
  if (options.calibrate === undefined) return makePlan(input);
  const run = { folder: options.calibrate, replicas: options.replicas ?? 1 };
  return makePlan(await calibrateFromRun(input, run));
}

async function writePlan(plan: Plan, folder: string): Promise<void> {
  const { rules, tests } = prometheusRules(plan);
  await mkdir(folder, { recursive: true }).catch((thrown: unknown) => {
    throw unwritableFile(folder, thrown);
  });
  await writeText(join(folder, 'plan.txt'), planText(plan));
  await writeText(join(folder, 'plan.md'), planMarkdown(plan));
  await writeText(join(folder, 'plan.html'), renderPlanHtml(plan));
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
    throw unwritableFile(file, thrown);
  });
}
