import { existsSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';

import {
  CI_FILES,
  CI_SYSTEMS,
  GITLAB_INCLUDE,
  ciPipeline,
  quoted,
} from '../artefacts/ci-pipeline.ts';
import type { CiSystem } from '../artefacts/ci-pipeline.ts';
import { planTemplate } from '../catalog/plan-template.ts';
import { readCatalogs } from '../catalog/providers.ts';
import { starterGateway, starterProvider, starterScenario } from '../catalog/starter-documents.ts';
import type { StarterProject } from '../catalog/starter-documents.ts';
import { starterRoute } from '../catalog/starter-route.ts';
import { workloadProfileProblem } from '../config/bundled.ts';
import { AgentInfraError, EXIT, unwritableFile } from '../errors.ts';
import { isInteractive, nowIso } from '../system.ts';
import type { InitFlags } from './init.ts';
import { askChoices } from './init-questions.ts';
import type { InitChoices } from './init-questions.ts';
import { startingUsers } from './init-size.ts';
import { terminalPrompt } from './terminal-prompt.ts';

interface ProjectFile {
  readonly path: string;
  readonly text: string;
  readonly about: string;
}

/** `agent-infra init [dir]`. @returns the exit code */
export async function initProject(dir: string, flags: InitFlags): Promise<number> {
  const folder = resolve(dir);
  if (existsSync(folder) && !statSync(folder).isDirectory()) {
    throw new AgentInfraError('output.unwritable', `${dir} is a file, not a folder`);
  }
  const root = repositoryOf(folder);
  const choices = await chosen(flags, ciOf(root ?? folder));
  if (choices === undefined) {
    process.stderr.write('nothing was written\n');
    return EXIT.interrupted;
  }
  const { files, note } = await projectFiles(folder, root ?? folder, choices);
  refuseToReplace(files, flags);
  for (const { about, path, text } of files) {
    if (flags.dryRun !== true) await write(path, text);
    // On a terminal the lines below say the same.
    if (!process.stdout.isTTY) process.stdout.write(`${shown(path)}\n`);
    process.stderr.write(
      `${flags.dryRun === true ? 'would write' : 'wrote'} ${shown(path)}: ${about}\n`,
    );
  }
  if (note !== undefined) process.stderr.write(`note: ${note}\n`);
  if (flags.dryRun !== true) process.stderr.write(nextSteps(dir, choices));
  return EXIT.pass;
}

const DEFAULTS = { workload: 'research-agent', providers: ['openai', 'anthropic'] } as const;

/** Undefined when the person who was asked left. */
async function chosen(
  { ci, providers, workload, yes }: InitFlags,
  usualCi: CiSystem,
): Promise<InitChoices | undefined> {
  const given = { ci, providers, workload };
  const defaults: InitChoices = { ...DEFAULTS, ci: usualCi };
  const asks = yes !== true && isInteractive(process.stdin) && isInteractive(process.stderr);
  if (asks) return askChoices(given, defaults, terminalPrompt());
  return {
    workload: workload ?? defaults.workload,
    providers: providers ?? defaults.providers,
    ci: ci ?? defaults.ci,
  };
}

async function projectFiles(
  folder: string,
  root: string,
  { ci, providers, workload }: InitChoices,
): Promise<{ files: readonly ProjectFile[]; note: string | undefined }> {
  const plan = join(folder, 'plan.yaml');
  const name = besideProject(workload, folder);
  const problem = workloadProfileProblem(name, plan);
  if (problem !== undefined) throw new AgentInfraError('catalog.unknown', problem);
  const catalogs = await readCatalogs();
  const today = nowIso().slice(0, 10);
  const [first, ...others] = providers.map((text) => starterRoute(text, catalogs, today));
  const project: StarterProject = { workload: name, routes: [first!, ...others] };
  const template = (users: number): string => planTemplate(name, { routes: project.routes, users });
  const { users, note } = await startingUsers(template, plan, catalogs, today);
  const systems = CI_SYSTEMS.filter((system) => ci === system || ci === 'both');
  const inRoot = relative(root, folder).split(sep).join('/');
  const files = [
    {
      path: plan,
      text: template(users),
      about: `limits, cost and goals, for ${users === 1 ? '1 user' : `${users} users`} to begin with`,
    },
    {
      path: join(folder, 'scenario.yaml'),
      text: starterScenario(project),
      about: 'a load test through the gateway',
    },
    {
      path: join(folder, 'provider.yaml'),
      text: starterProvider(project),
      about: `simulated ${project.routes.map(({ model }) => model).join(', ')}`,
    },
    { path: join(folder, 'gateway.yaml'), text: starterGateway(), about: 'one agent, no limits' },
    {
      path: join(folder, 'reports/.gitignore'),
      text: '# Load tests write here.\n*\n!.gitignore\n',
      about: 'keeps runs out of git',
    },
    ...systems.map((system) => ({
      path: join(root, pipelineFile(root, system)),
      text: ciPipeline(system, inRoot),
      about:
        pipelineFile(root, system) === GITLAB_INCLUDE
          ? `plan check and load test of a change; ${CI_FILES.gitlab} needs: include: ${GITLAB_INCLUDE}`
          : 'plan check and load test of a change',
    })),
  ];
  return { files, note };
}

/** A profile's file is named from the project's folder, a bundled one by its name. */
function besideProject(workload: string, folder: string): string {
  if (!/[/\\]|\.ya?ml$/.test(workload)) return workload;
  return relative(folder, resolve(workload)).split(sep).join('/');
}

/** The nearest folder upward that holds a git repository. */
function repositoryOf(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at;
    if (dirname(at) === at) return undefined;
  }
}

function ciOf(root: string): CiSystem {
  return existsSync(join(root, '.gitlab-ci.yml')) || existsSync(join(root, '.gitlab'))
    ? 'gitlab'
    : 'github';
}

/** GitLab has one pipeline per repository, which init did not write: it is left alone. */
function pipelineFile(root: string, system: CiSystem): string {
  const isTaken = system === 'gitlab' && existsSync(join(root, CI_FILES.gitlab));
  return isTaken ? GITLAB_INCLUDE : CI_FILES[system];
}

function refuseToReplace(files: readonly ProjectFile[], { force }: InitFlags): void {
  const there = files.filter(({ path }) => existsSync(path)).map(({ path }) => shown(path));
  if (there.length === 0 || force === true) return;
  throw new AgentInfraError(
    'output.unwritable',
    `${there.join(', ')} ${there.length === 1 ? 'exists' : 'exist'} already; nothing was written`,
    { hint: 'Name another folder, or replace them with --force (and --ci none keeps pipelines).' },
  );
}

async function write(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  } catch (thrown) {
    throw unwritableFile(shown(path), thrown);
  }
}

/** From here on where it is below, else whole. */
function shown(path: string): string {
  const near = relative('.', path);
  return near.startsWith('..') || isAbsolute(near) ? path : near;
}

function nextSteps(dir: string, { ci }: InitChoices): string {
  const enter = resolve(dir) === resolve('.') ? '' : `  cd ${quoted(dir)}\n`;
  const pipeline =
    ci === 'none'
      ? ''
      : '\nThe pipeline runs the agent-infra of your devDependencies: add it there.\n';
  return `
Next:
${enter}  agent-infra plan                     what breaks first, what it costs
  agent-infra loadtest scenario.yaml   replay the workload on this machine
  agent-infra doctor                   what this machine lacks
Then measure your own agents, and name the profile in plan.yaml and scenario.yaml:
  agent-infra profile <traces> -o workload.yaml
${pipeline}`;
}
