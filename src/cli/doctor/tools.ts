import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

import type { Finding } from '../../report/doctor.ts';

/** What may be asked for by `--for`, and what it cannot do without. */
export const USES = {
  'loadtest-k6': 'k6',
  'prometheus-rules': 'promtool',
  'png-charts': 'canvas',
  'zstd-traces': 'zstd',
} as const;
export type Use = keyof typeof USES;

type Environment = Readonly<Record<string, string | undefined>>;

/** Programs and optional packages that agent-infra uses where they are. */
export async function toolFindings(env: Environment): Promise<Finding[]> {
  const [k6, promtool, canvas] = await Promise.all([
    // Empty is not given.
    locate('k6', env, env['K6_BIN'] === '' ? undefined : env['K6_BIN']),
    locate('promtool', env),
    canvasProblem(),
  ]);
  return [judgeK6(k6), judgePromtool(promtool), judgeCanvas(canvas)];
}

export interface Located {
  /** Where it is; undefined where it is nowhere. */
  readonly path: string | undefined;
  /** First line of its answer to `version`; undefined when it gave none. */
  readonly version: string | undefined;
  /** The variable that names it, where one does. */
  readonly named: boolean;
}

/** A program must answer within this, or counts as broken: doctor is to take a second. */
const VERSION_TIMEOUT_MS = 3000;

async function locate(name: string, env: Environment, named?: string): Promise<Located> {
  const path = named ?? onPath(name, env);
  if (path === undefined) return { path, version: undefined, named: false };
  const args = name === 'k6' ? ['version'] : ['--version'];
  const version = await firstLine(path, args);
  return { path, version: version === '' ? undefined : version, named: named !== undefined };
}

async function firstLine(path: string, args: readonly string[]): Promise<string | undefined> {
  try {
    // Some failures to start throw at once (a path through a file), others reject.
    const answer = await promisify(execFile)(path, args, { timeout: VERSION_TIMEOUT_MS });
    return `${answer.stdout}${answer.stderr}`.trim().split('\n')[0];
  } catch {
    return undefined;
  }
}

/** As a shell finds it; on Windows with the usual endings. */
function onPath(name: string, env: Environment): string | undefined {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', ''] : [''];
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue;
    for (const ending of endings) {
      const path = join(folder, name + ending);
      if (isProgram(path)) return path;
    }
  }
  return undefined;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const tool = (finding: Omit<Finding, 'group'>): Finding => ({ group: 'tools', ...finding });

const K6_INSTALL =
  'go install go.k6.io/k6@v1.8.1, or grafana.com/docs/k6; then on PATH or in K6_BIN.';

export function judgeK6({ named, path, version }: Located): Finding {
  const affects = 'loadtest --engine k6; the built-in engine needs nothing';
  if (path === undefined) {
    return tool({ id: 'k6', level: 'note', found: 'not on PATH', affects, mend: K6_INSTALL });
  }
  const [, major] = /^k6(?:\.exe)? v(\d+)\./.exec(version ?? '') ?? [];
  if (major === undefined) {
    const where = named ? 'K6_BIN' : path;
    return tool({
      id: 'k6',
      level: 'warn',
      found: `${where} does not answer "version" as k6 does`,
      affects,
      mend: named ? 'Let K6_BIN name the program k6, or unset it.' : K6_INSTALL,
    });
  }
  const found = `${version!.split(' (')[0]} (${named ? 'by K6_BIN' : path})`;
  if (Number(major) >= 1) return tool({ id: 'k6', level: 'ok', found, affects: null, mend: null });
  return tool({
    id: 'k6',
    level: 'warn',
    found,
    affects: 'loadtest --engine k6: its script is tested with version 1.8',
    mend: K6_INSTALL,
  });
}

export function judgePromtool({ path, version }: Located): Finding {
  if (path !== undefined && version !== undefined) {
    const found = `${version.replace(/^(promtool, version \S+).*$/, '$1')} (${path})`;
    return tool({ id: 'promtool', level: 'ok', found, affects: null, mend: null });
  }
  return tool({
    id: 'promtool',
    level: 'note',
    found: path === undefined ? 'not on PATH' : `${path} does not run`,
    affects: 'nothing here; with it you can test the alert rules that plan -o writes',
    mend: 'Install Prometheus, which brings it: prometheus.io/download',
  });
}

/** Why PNG charts cannot be drawn; undefined when they can. Nothing is loaded. */
async function canvasProblem(): Promise<string | undefined> {
  const { createRequire } = await import('node:module');
  const require = createRequire(import.meta.url);
  for (const name of ['@napi-rs/canvas', '@fontsource/inter/package.json']) {
    try {
      require.resolve(name);
    } catch {
      return name.replace('/package.json', '');
    }
  }
  return undefined;
}

export function judgeCanvas(missing: string | undefined): Finding {
  if (missing === undefined) {
    return tool({ id: 'canvas', level: 'ok', found: 'PNG charts', affects: null, mend: null });
  }
  return tool({
    id: 'canvas',
    level: 'note',
    found: `the optional package ${missing} is not installed`,
    affects: 'reports have no PNG picture; text, HTML and its charts are whole',
    mend: 'Install without --omit=optional, on a platform that has its binary.',
  });
}

/** What was asked for by `--for` and is not there fails. */
export function insist(findings: readonly Finding[], uses: readonly Use[]): Finding[] {
  return findings.map((finding) => {
    const use = uses.find((each) => USES[each] === finding.id);
    return use === undefined || finding.level === 'ok'
      ? finding
      : { ...finding, level: 'fail', found: `${finding.found} (asked for: ${use})` };
  });
}
