import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { AgentInfraError } from '../errors.ts';
import { nearest } from './nearest.ts';

/** The package's own folder, from src/ and from dist/ alike. */
const PACKAGE = new URL('../../', import.meta.url);

/** Documents that come with agent-infra and can be named without a path. */
const FOLDERS = {
  profile: 'profiles/workloads/',
  scenario: 'scenarios/',
  plan: 'scenarios/plans/',
  provider: 'profiles/providers/',
} as const;

type BundledKind = keyof typeof FOLDERS;

/** Names of the bundled documents of a kind, sorted. */
export function bundledNames(kind: BundledKind): readonly string[] {
  const folder = new URL(FOLDERS[kind], PACKAGE);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .toSorted();
}

/**
 * The scenario, plan or profile that a command names: a file; else the bundled one of that name, with or
 * without its folder. What is neither comes back as it is, for the reader's own error.
 */
export function namedDocument(kind: 'scenario' | 'plan' | 'profile', name: string): string {
  if (isFile(name)) return name;
  const bare = name.startsWith(FOLDERS[kind]) ? name.slice(FOLDERS[kind].length) : name;
  const stem = bare.replace(/\.yaml$/, '');
  return bundledNames(kind).includes(stem) ? bundledFile(kind, stem) : name;
}

/**
 * The workload profile that a document names: a path relative to the document (with a slash or
 * .yaml), or the name of a bundled profile. A folder that is called like one is not meant.
 * @throws AgentInfraError `catalog.unknown`, `config.unreadable`
 */
export function workloadProfileFile(name: string, document: string): string {
  const problem = workloadProfileProblem(name, document);
  if (problem === undefined) return located(name, document);
  const code = isPath(name) ? 'config.unreadable' : 'catalog.unknown';
  throw new AgentInfraError(code, `${document}: workload.profile: ${problem}`);
}

/** What is wrong with the workload profile that a document names; undefined when it is there. */
export function workloadProfileProblem(name: string, document: string): string | undefined {
  if (isFile(located(name, document))) return undefined;
  if (isPath(name)) return `there is no file ${located(name, document)}`;
  const bundled = bundledNames('profile');
  const guess = nearest(name, bundled);
  const hint = guess === undefined ? '' : `; did you mean "${guess}"?`;
  return `there is no bundled profile "${name}"${hint} (bundled: ${bundled.join(', ')}; a file needs .yaml or a slash)`;
}

function located(name: string, document: string): string {
  const beside = isAbsolute(name) ? name : resolve(dirname(document), name);
  if (isPath(name) || isFile(beside)) return beside;
  return bundledFile('profile', name);
}

function isPath(name: string): boolean {
  return /[/\\]|\.ya?ml$/.test(name);
}

function bundledFile(kind: BundledKind, name: string): string {
  return fileURLToPath(new URL(`${FOLDERS[kind]}${name}.yaml`, PACKAGE));
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
