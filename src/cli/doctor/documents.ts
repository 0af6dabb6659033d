import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';

import type { DocumentKind } from '../../config/document.ts';
import { loadGatewayConfig } from '../../config/gateway.ts';
import { loadPriceOverlay } from '../../config/price-overlay.ts';
import { ConfigError } from '../../config/problem.ts';
import { loadProviderConfig } from '../../config/provider.ts';
import { besideScenario, loadScenario } from '../../config/scenario.ts';
import type { LoadedScenario } from '../../config/scenario.ts';
import { loadWorkloadProfile } from '../../config/workload-profile.ts';
import { DEFAULT_LIMIT_BYTES } from '../../config/yaml.ts';
import { AgentInfraError, asError, fileReason } from '../../errors.ts';
import type { Finding } from '../../report/doctor.ts';
import type { LoadSize } from './machine.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface CheckedDocuments {
  readonly findings: readonly Finding[];
  /** The scenario that asks for most. */
  readonly load: LoadSize | undefined;
}

/** Checks every agent-infra document below a folder as the command that reads it would. */
export async function documentFindings(
  folder: string,
  env: Environment,
): Promise<CheckedDocuments> {
  const { files, isPartial } = await documentsBelow(folder);
  const good: string[] = [];
  const findings: Finding[] = [];
  const loads: LoadSize[] = [];
  for (const { kind, path } of files) {
    const name = relative('.', path) || path;
    try {
      const scenario = await check(kind, path, env);
      if (scenario !== undefined) loads.push(loadOf(scenario, basename(path)));
      good.push(name);
    } catch (thrown) {
      if (!(thrown instanceof AgentInfraError)) throw thrown;
      const mask = await valueMask(thrown, { path, folder, env });
      findings.push(problemOf(thrown, { name, folder, mask }));
    }
  }
  findings.unshift(overview(good, files.length, { folder, isPartial }));
  return {
    findings,
    load: loads.toSorted((a, b) => b.connections - a.connections)[0],
  };
}

/** Deeper documents are rarely agent-infra's, and a home folder has millions of files. */
const DEEPEST = 3;
const MOST_FILES = 200;
const MOST_FOLDERS = 1000;
const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', 'reports', 'vendor']);

interface FoundDocument {
  readonly path: string;
  readonly kind: string;
}

async function documentsBelow(
  folder: string,
): Promise<{ files: FoundDocument[]; isPartial: boolean }> {
  const files: FoundDocument[] = [];
  let seen = 0;
  let folders = 0;
  let level = [folder];
  for (let depth = 0; depth <= DEEPEST && level.length > 0; depth += 1) {
    const next: string[] = [];
    for (const at of level) {
      folders += 1;
      if (folders > MOST_FOLDERS) return { files, isPartial: true };
      for (const entry of await entriesOf(at, depth === 0)) {
        const path = join(at, entry.name);
        if (entry.isDirectory()) {
          if (!entry.name.startsWith('.') && !NOT_OURS.has(entry.name)) next.push(path);
        } else if (/\.ya?ml$/.test(entry.name)) {
          if (seen === MOST_FILES) return { files, isPartial: true };
          seen += 1;
          const kind = await kindOf(path);
          if (kind !== undefined) files.push({ path, kind });
        }
      }
    }
    level = next;
  }
  return { files, isPartial: false };
}

async function entriesOf(
  folder: string,
  isRoot: boolean,
): Promise<{ name: string; isDirectory: () => boolean }[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  } catch (thrown) {
    // A folder below that may not be read is not ours to judge.
    if (!isRoot) return [];
    const { code } = asError(thrown) as NodeJS.ErrnoException;
    const own = { ENOTDIR: 'is a file, not a folder', ENOENT: 'no such folder' }[code ?? ''];
    const why = own ?? fileReason(thrown);
    throw new AgentInfraError('config.unreadable', `${folder}: ${why}`, { cause: thrown });
  }
}

/** What an agent-infra document says it is; undefined for documents of others. */
async function kindOf(path: string): Promise<string | undefined> {
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size === 0 || size > DEFAULT_LIMIT_BYTES) return undefined;
  const text = await readFile(path, 'utf8').catch(() => '');
  if (!/^apiVersion:\s*["']?agent-infra\//m.test(text)) return undefined;
  return /^kind:\s*["']?([A-Za-z]+)/m.exec(text)?.[1] ?? '';
}

/** A gateway that a scenario starts is told where its provider listens. */
const SERVED = { AGENT_INFRA_PROVIDER_URL: 'http://127.0.0.1:9000' };

/** Throws what the command that reads it would throw. @returns a scenario, for its size */
async function check(
  kind: string,
  path: string,
  env: Environment,
): Promise<LoadedScenario | undefined> {
  const checker = Object.hasOwn(CHECKS, kind) ? CHECKS[kind as DocumentKind] : undefined;
  if (checker === undefined) {
    throw new AgentInfraError('config.invalid', `kind: ${kind} is no kind of agent-infra`, {
      hint: 'agent-infra schema lists the kinds.',
    });
  }
  return (await checker(path, env)) as LoadedScenario | undefined;
}

const CHECKS = {
  Plan: async (path) => {
    const { checkPlanDocument } = await import('../plan-read.ts');
    await checkPlanDocument(path);
  },
  Scenario: async (path, env) => {
    const scenario = await loadScenario(path, { env });
    const { gateway, provider } = scenario.servers;
    if (gateway !== undefined) {
      await loadGatewayConfig(besideScenario(scenario, gateway.config), {
        env: { ...SERVED, ...env },
      });
    }
    if (provider?.config !== undefined) {
      await loadProviderConfig(besideScenario(scenario, provider.config), { env });
    }
    return scenario;
  },
  GatewayConfig: async (path, env) => {
    await loadGatewayConfig(path, { env: { ...SERVED, ...env } });
  },
  ProviderConfig: async (path, env) => {
    await loadProviderConfig(path, { env });
  },
  WorkloadProfile: async (path) => {
    await loadWorkloadProfile(path);
  },
  PriceOverlay: async (path) => {
    await loadPriceOverlay(path);
  },
  ProviderCatalog: async (path) => {
    await (await import('../../config/catalog-provider.ts')).loadProviderCatalog(path);
  },
  ModelCatalog: async (path) => {
    await (await import('../../config/catalog-gpu.ts')).loadModelCatalog(path);
  },
  GpuCatalog: async (path) => {
    await (await import('../../config/catalog-gpu.ts')).loadGpuCatalog(path);
  },
  InfraCatalog: async (path) => {
    await (await import('../../config/catalog-infra.ts')).loadInfraCatalog(path);
  },
} satisfies Record<
  DocumentKind,
  (path: string, env: Environment) => Promise<LoadedScenario | void>
>;

/** Sessions at once, and calls at once in each: an upper bound, whatever the target's speed. */
function loadOf(
  { arrivals, maxSessions, sessions, workload }: LoadedScenario,
  name: string,
): LoadSize {
  const atOnce =
    arrivals.kind === 'users' ? arrivals.users : Math.min(sessions ?? maxSessions, maxSessions);
  const fanOut = workload.synthetic?.fanOut.mean ?? 1;
  return { scenario: name, connections: Math.ceil(atOnce * Math.max(1, fanOut)) };
}

function overview(
  good: readonly string[],
  all: number,
  { folder, isPartial }: { readonly folder: string; readonly isPartial: boolean },
): Finding {
  const where = relative('.', folder) || 'this folder';
  const part = isPartial ? `; the folder is large, only a part of it was looked at` : '';
  const nothing = `no agent-infra documents in ${where}${part}`;
  const names = good.length === 0 || good.length > 6 ? '' : `: ${good.join(', ')}`;
  return {
    id: 'documents',
    group: 'documents',
    level: isPartial || all === 0 || good.length < all ? 'note' : 'ok',
    found: all === 0 ? nothing : `${good.length} of ${all} are right${names}${part}`,
    affects: null,
    mend: all === 0 ? 'agent-infra init writes a project to begin with.' : null,
  };
}

/** Only variables that are not set here: the document may be right where it runs. */
const UNSET = /(?:environment variable \w+ is not set|\$\{\w+\}: )/;

/**
 * Puts `${NAME}` for each value of a variable that the documents of an error refer to: it may be
 * a secret. The document's own path stays.
 */
async function valueMask(
  error: AgentInfraError,
  { env, folder, path }: { path: string; folder: string; env: Environment },
): Promise<(text: string) => string> {
  // A scenario's problem may be that of its gateway.
  const problems = error instanceof ConfigError ? error.problems : [];
  const shown = new Map<string, string>();
  for (const file of new Set([path, ...problems.map((problem) => problem.file)])) {
    const text = await readFile(file, 'utf8').catch(() => '');
    for (const [, name] of text.matchAll(/\$\{?([A-Za-z_]\w*)/g)) {
      const value = env[name!] ?? '';
      // Messages quote what they got as JSON.
      for (const form of [value, value.trim(), JSON.stringify(value).slice(1, -1)]) {
        if (form !== '') shown.set(form, `\${${name}}`);
      }
    }
  }
  if (shown.size === 0) return (text) => text;
  for (const place of [path, join(folder, sep)]) shown.set(place, place);
  const longestFirst = [...shown.keys()].toSorted((a, b) => b.length - a.length);
  const any = new RegExp(
    longestFirst.map((form) => form.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'),
    'g',
  );
  return (text) => text.replaceAll(any, (form) => shown.get(form)!);
}

/** The message without values; line and column are none. */
function maskedMessage(error: AgentInfraError, mask: (text: string) => string): string {
  if (!(error instanceof ConfigError)) return mask(error.message);
  const problems = error.problems.map((problem) => ({
    ...problem,
    file: mask(problem.file),
    message: mask(problem.message),
  }));
  return new ConfigError(problems).message;
}

function problemOf(
  thrown: AgentInfraError,
  { folder, mask, name }: { name: string; folder: string; mask: (text: string) => string },
): Finding {
  const onlyUnset =
    thrown instanceof ConfigError && thrown.problems.every(({ message }) => UNSET.test(message));
  // Places are shorter from where one stands.
  const near = relative('.', folder);
  const message = maskedMessage(thrown, mask);
  const found = message.replaceAll(join(folder, sep), near === '' ? '' : near + sep);
  return {
    id: 'document',
    group: 'documents',
    level: onlyUnset ? 'warn' : 'fail',
    found: found.includes(name) ? found : `${name}: ${found}`,
    affects: onlyUnset ? 'it cannot be read here; where the variable is set it can' : null,
    mend: thrown.hint === undefined ? null : mask(thrown.hint),
  };
}
