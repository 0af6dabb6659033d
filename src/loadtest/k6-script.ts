import type { LoadedScenario } from '../config/scenario.ts';
import { SESSION_CODE } from './k6-session-code.ts';
import { k6Thresholds } from './k6-thresholds.ts';
import { WIRE_CODE } from './k6-wire-code.ts';
import { dialectPath } from './request-body.ts';

/** More virtual users than this cost gigabytes (a few MB each) and rarely help. */
const MOST_VUS = 1000;

export interface K6ScriptInput {
  readonly scenario: LoadedScenario;
  /** Default target, when known. */
  readonly targetUrl: string | undefined;
  readonly sessions: number;
}

/** Everything of the scenario that the script's code depends on; the sessions are in a file. */
function settings({ scenario, sessions, targetUrl }: K6ScriptInput): object {
  const { arrivals, drain, duration, onFailure, retry, target } = scenario;
  const closed = arrivals.kind === 'users' ? arrivals : undefined;
  return {
    scenario: scenario.name,
    target: targetUrl ?? 'http://127.0.0.1:8080',
    path: dialectPath(target.dialect),
    dialect: target.dialect,
    timeoutMs: target.timeout,
    retry,
    onFailure,
    users: closed?.users ?? null,
    rampUpMs: closed?.rampUp ?? 0,
    durationMs: duration ?? null,
    vus: Math.max(1, Math.min(closed?.users ?? sessions, sessions, MOST_VUS)),
    iterations: sessions,
    drainMs: drain,
    warmUpMs: scenario.warmUp,
  };
}

/** A k6 script that sends the same sessions as the built-in engine, written to be read and edited. */
export function k6Script(input: K6ScriptInput): string {
  return `${SESSION_CODE}${WIRE_CODE}`
    .replace('"$SETTINGS"', () => JSON.stringify(settings(input), undefined, 2))
    .replace('"$THRESHOLDS"', () =>
      JSON.stringify(k6Thresholds(input.scenario.thresholds), undefined, 2),
    )
    .replace('$NAME', () => input.scenario.name);
}
