import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

import { AgentInfraError, asError } from '../errors.ts';
import { environment } from '../system.ts';
import type { StopReason } from './engine.ts';
import type { RunFold } from './fold.ts';
import type { LoadJob } from './job.ts';
import { K6_KEY_VARIABLE, K6_TARGET_VARIABLE } from './k6-environment.ts';
import type { RunHooks } from './run-builtin.ts';
import type { EndSample } from './sample.ts';

const run = promisify(execFile);

export interface K6Program {
  readonly path: string;
  /** As `k6 version` prints it. */
  readonly version: string;
}

const INSTALL_HINT =
  'Install it with "go install go.k6.io/k6@v1.8.1" or from grafana.com/docs/k6, put it on PATH or set K6_BIN; or use --engine builtin.';

/** The external k6: K6_BIN, else the one on PATH. Throws `dependency.missing` (exit 4). */
export async function findK6(
  env: Readonly<Record<string, string | undefined>>,
): Promise<K6Program> {
  const given = env['K6_BIN'];
  const path = given === undefined || given === '' ? 'k6' : given;
  let version: string;
  try {
    const { stdout } = await run(path, ['version'], { timeout: 10_000 });
    version = stdout.trim().split('\n')[0] ?? '';
  } catch (thrown) {
    const cause = asError(thrown);
    throw new AgentInfraError('dependency.missing', `k6 was not found (${path})`, {
      cause,
      hint: INSTALL_HINT,
    });
  }
  if (/^k6\b/.test(version)) return { path, version };
  throw new AgentInfraError('dependency.missing', `${path} is not k6`, { hint: INSTALL_HINT });
}

export interface K6Files {
  readonly workDir: string;
  readonly consoleFile: string;
  readonly summaryFile: string;
}

export interface K6End {
  readonly code: number | null;
  readonly stopped: StopReason | undefined;
  readonly log: string;
}

/** Runs the script to its end. Resolves with how k6 ended, whatever that was. */
export function runProgram(
  { scenario, targetUrl }: LoadJob,
  k6: K6Program,
  files: K6Files,
  hooks: RunHooks,
): Promise<K6End> {
  const { apiKey } = scenario.target;
  const args = [
    'run',
    '--no-usage-report',
    '--quiet',
    '--no-color',
    // No REST API: its fixed port would make two runs on one machine collide.
    '--address=',
    '--log-format=raw',
    `--console-output=${files.consoleFile}`,
    `--summary-export=${files.summaryFile}`,
    'script.js',
  ];
  const child = spawn(k6.path, args, {
    cwd: files.workDir,
    // Ctrl-C is for us; k6 gets its signal from here.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...environment(),
      K6_AUTO_EXTENSION_RESOLUTION: 'false',
      [K6_TARGET_VARIABLE]: targetUrl,
      ...(apiKey === undefined ? {} : { [K6_KEY_VARIABLE]: apiKey }),
    },
  });
  let log = '';
  const keep = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-LOG_CHARACTERS);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let stopped: StopReason | undefined;
  hooks.onStart((reason, graceMs) => {
    stopped ??= reason;
    child.kill('SIGINT');
    setTimeout(() => child.kill('SIGKILL'), graceMs + KILL_AFTER_MS).unref();
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stopped, log }));
  });
}

/** What k6 printed is kept up to this length. */
const LOG_CHARACTERS = 64 * 1024;
/** After its own graceful stop of 10 s. */
const KILL_AFTER_MS = 12_000;

const K6_CODES = {
  thresholds: 99,
  invalidConfig: 104,
  stopped: 105,
  scriptException: 107,
} as const;

/** k6's end in our words; throws when it did not run the test at all. */
export function endSample(
  { code, log, stopped }: K6End,
  summaryFile: string,
  fold: RunFold,
): Omit<EndSample, 'at'> {
  switch (code) {
    case 0:
    case K6_CODES.thresholds: {
      const failures = failedThresholds(summaryFile);
      checkCounts(summaryFile, fold);
      return { type: 'end', complete: true, ...(failures.length > 0 ? { failures } : {}) };
    }
    case K6_CODES.stopped:
      return { type: 'end', complete: false, stopped: stopped ?? 'SIGINT' };
    case K6_CODES.invalidConfig:
    case K6_CODES.scriptException:
      throw new AgentInfraError('config.invalid', `k6 refused the script (exit ${code}):\n${log}`);
    case null:
    default:
      if (stopped !== undefined) return { type: 'end', complete: false, stopped };
      throw new AgentInfraError('dependency.failed', `k6 ended with exit code ${code}:\n${log}`);
  }
}

interface K6Summary {
  readonly metrics?: Readonly<Record<string, K6Metric>>;
}

interface K6Metric {
  readonly count?: number;
  /** In this file true means broken. */
  readonly thresholds?: Readonly<Record<string, boolean>>;
}

function readSummary(file: string): K6Summary {
  if (!existsSync(file)) return {};
  return JSON.parse(readFileSync(file, 'utf8')) as K6Summary;
}

function failedThresholds(file: string): string[] {
  return Object.entries(readSummary(file).metrics ?? {}).flatMap(([metric, { thresholds = {} }]) =>
    Object.entries(thresholds)
      .filter(([, broken]) => broken)
      .map(([expression]) => `k6: ${metric} ${expression}`),
  );
}

/** Two independent counts of the same run must agree, or samples were lost. */
function checkCounts(file: string, fold: RunFold): void {
  const { metrics = {} } = readSummary(file);
  const { attempts } = fold.counters();
  const requests = metrics['http_reqs']?.count ?? 0;
  if (requests === attempts.sent) return;
  throw new AgentInfraError(
    'dependency.failed',
    `k6 counted ${requests} requests and printed samples of ${attempts.sent}`,
  );
}
