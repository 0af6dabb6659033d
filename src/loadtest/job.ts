import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { workloadProfileFile } from '../config/bundled.ts';
import type { LoadedScenario } from '../config/scenario.ts';
import { formatCount, formatDuration } from '../core/units.ts';
import { hostFacts, nowIso } from '../system.ts';
import { describeArrivals } from './arrival-spec.ts';
import type { RunSample } from './sample.ts';

/** Name of the raw samples in a run's folder. */
export const SAMPLES_FILE = 'samples.jsonl';

/** A load test ready to run: plain data, so that it can cross into a worker thread. */
export interface LoadJob {
  readonly scenario: LoadedScenario;
  /** Where the calls go, resolved: never `gateway` or `provider`. */
  readonly targetUrl: string;
  readonly toolVersion: string;
  /** Folder that gets samples.jsonl. */
  readonly outDir: string;
}

/** First line of a job's samples. */
export function runSample(
  job: LoadJob,
  engine: RunSample['engine'],
  notes: readonly string[],
): RunSample {
  const { scenario, targetUrl, toolVersion } = job;
  const { target } = scenario;
  const url = new URL(targetUrl);
  return {
    type: 'run',
    schema: 'agent-infra/loadtest-samples',
    schemaVersion: '1.0',
    tool: { name: 'agent-infra', version: toolVersion },
    engine,
    scenario: scenario.name,
    startedAt: nowIso(),
    seed: scenario.seed,
    configHash: configHash(scenario),
    workloadHash: workloadHash(scenario),
    host: hostFacts(),
    target: {
      url: `${url.origin}${url.pathname === '/' ? '' : url.pathname}`,
      dialect: target.dialect,
      model: target.model,
    },
    load: [...describeLoad(scenario), ...notes],
    warmUpMs: scenario.warmUp,
    openLoop: scenario.arrivals.kind !== 'users',
    thresholds: scenario.thresholds,
  };
}

/** What the run will do, in words. */
export function describeLoad(scenario: LoadedScenario): readonly string[] {
  const { arrivals, catchUp, duration, maxSessions, onFailure, retry, sessions } = scenario;
  const ends = [
    ...(sessions === undefined ? [] : [`${formatCount(sessions)} sessions`]),
    ...(duration === undefined ? [] : [`starts for ${formatDuration(duration)}`]),
  ];
  const open = arrivals.kind !== 'users';
  return [
    [...ends, describeArrivals(arrivals)].join(', '),
    ...(open
      ? [`at most ${formatCount(maxSessions)} sessions at once, late starts: ${catchUp}`]
      : []),
    `retry policy ${retry}; a failed call: ${onFailure}`,
  ];
}

/** Identifies the scenario's values: equal hashes mean the same test. Without the credential. */
export function configHash(scenario: LoadedScenario): string {
  const { file: _file, target, ...rest } = scenario;
  const { apiKey: _apiKey, ...openTarget } = target;
  return hashOf({ ...rest, target: openTarget });
}

/**
 * Identifies what is sent, however the target answers: equal hashes mean that runs against two
 * targets, or with two seeds, can be compared.
 */
function workloadHash(scenario: LoadedScenario): string {
  const { arrivals, catchUp, drain, duration, maxSessions, maxThinkTime, maxToolTime } = scenario;
  const { onFailure, retry, sessions, target, thinkTimeScale, toolTimeScale, warmUp } = scenario;
  const arriving = { arrivals, catchUp, drain, duration, maxSessions, sessions, warmUp };
  const waits = { maxThinkTime, maxToolTime, thinkTimeScale, toolTimeScale };
  const client = { onFailure, retry, timeout: target.timeout };
  const { profile, synthetic } = scenario.workload;
  const workload = profile === undefined ? synthetic : contentHash(profile, scenario);
  return hashOf({ arriving, waits, client, workload });
}

/** A profile is what is in it: the same name may hold other sessions by now. */
function contentHash(profile: string, { file }: LoadedScenario): string {
  const text = readFileSync(workloadProfileFile(profile, file));
  return createHash('sha256').update(text).digest('hex');
}

function hashOf(values: object): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(values)))
    .digest('hex')
    .slice(0, 16);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
