import { resolve } from 'node:path';

import { describe, expect, test } from 'vitest';

import type { LimitPool } from '../../src/capacity/limits.ts';
import { limitPools } from '../../src/capacity/limits.ts';
import type { Limits } from '../../src/capacity/limit.ts';
import { meanDemand } from '../../src/capacity/mean-demand.ts';
import type { PlanInput } from '../../src/capacity/plan-input.ts';
import { forecastRun } from '../../src/capacity/rejections-run.ts';
import { simulateRejections } from '../../src/capacity/rejections.ts';
import { trafficMeans } from '../../src/capacity/traffic.ts';
import { planInput } from '../../src/catalog/plan-input.ts';
import { planSchema } from '../../src/config/plan.ts';
import { loadWorkloadProfile } from '../../src/config/workload-profile.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import { VirtualClock } from '../../src/core/clock.ts';
import { randomStreams } from '../../src/core/random.ts';
import { mean, meanInterval, tQuantile } from '../../src/core/statistics.ts';
import type { SessionSkeleton } from '../../src/core/trace.ts';
import { startEngine } from '../../src/loadtest/engine.ts';
import { UNKNOWN_HOST } from '../../src/loadtest/host-monitor.ts';
import type { Sample } from '../../src/loadtest/sample.ts';
import { scriptSession } from '../../src/loadtest/session-script.ts';
import type { RetryPolicy } from '../../src/mechanisms/backoff.ts';
import { sessionSampler } from '../../src/workload/sessions.ts';
import { root } from '../support/requirements.ts';
import { LimitedTransport } from './limited-transport.ts';
import { scenarioOf } from './virtual-run.ts';

/**
 * The 429 rate that the planner predicts and the one that the load test's engine measures against
 * the simulated provider's limiter, with the same limits, for bundled workloads. Both are random:
 * they agree when their difference is within the interval that their spreads allow.
 */

const MINUTE = 60_000;

interface Case {
  readonly why: string;
  readonly profile: string;
  /** A counting rule of plans that is also a style of the simulated provider. */
  readonly rule: 'openai' | 'anthropic' | 'mistral' | 'xai';
  readonly retry: RetryPolicy;
  readonly limits: (demand: (name: 'rpm' | 'tpm' | 'itpm' | 'otpm') => number) => Limits;
  /** Mean demand over the fullest limit. */
  readonly load: number;
  readonly callsPerMinute: number;
}

interface Prepared {
  readonly input: PlanInput;
  readonly pool: LimitPool;
  readonly session: (index: number) => SessionSkeleton;
  readonly sessionsPerSecond: number;
}

async function prepare(one: Case): Promise<Prepared> {
  const file = resolve(root, `profiles/workloads/${one.profile}.yaml`);
  const profile = await loadWorkloadProfile(file);
  const plan = async (turnsPerMinute: number, limits: Limits): Promise<PlanInput> => {
    const text =
      'apiVersion: agent-infra/v1\nkind: Plan\n' +
      `workload: {profile: ${one.profile}}\nretry: ${one.retry}\n` +
      `targets: {concurrentUsers: 1, interactionsPerMinute: ${turnsPerMinute}}\n` +
      `routes: [{provider: custom, countingRule: ${one.rule}, limits: ${JSON.stringify(limits)}}]\n`;
    const document = parseYaml(planSchema(), { file: 'plan.yaml', text });
    const catalogs = { providers: new Map(), infra: new Map(), options: [] as never };
    return planInput(document, {
      file: resolve(root, 'plan.yaml'),
      today: '2026-11-21',
      catalogs,
      gpus: new Map(),
      models: new Map(),
    });
  };
  const open = await plan(1, { rpm: 1 });
  const { callsPerTurn, turnsPerSession } = trafficMeans(open.traffic);
  const turnsPerMinute = one.callsPerMinute / callsPerTurn;
  const limits = one.limits(
    (name) => (meanDemand(open, open.routes[0]!, name)! * turnsPerMinute) / one.load,
  );
  const input = await plan(turnsPerMinute, limits);
  return {
    input,
    pool: limitPools(input)[0]!,
    session: sessionSampler(profile, randomStreams(`measured/${one.profile}`)),
    sessionsPerSecond: turnsPerMinute / turnsPerSession / 60,
  };
}

interface Shares {
  readonly firstAttempt: number;
  readonly rejected: number;
  readonly failed: number;
}

const PARTS = ['firstAttempt', 'rejected', 'failed'] as const;

interface Run {
  readonly durationMs: number;
  readonly warmUpMs: number;
  readonly seed: number;
}

/** Sessions of one run; each run plays its own. */
const SESSIONS_PER_RUN = 1_000_000;

/** The load test's engine against the simulated provider's limits, in virtual time. */
async function measure(
  { pool, session, sessionsPerSecond }: Prepared,
  { profile, retry, rule }: Case,
  { durationMs, seed, warmUpMs }: Run,
): Promise<Shares & { readonly calls: number }> {
  const scenario = scenarioOf(
    `arrivals: {kind: poisson, rate: ${sessionsPerSecond}/s}\nduration: ${durationMs}ms\n` +
      `retry: ${retry}\nmaxSessions: 1M\ndrain: 1s\nseed: ${seed}\n`,
  );
  // Drawn once: script and provider look at every call of every session.
  const drawn = new Map<number, SessionSkeleton>();
  const own = (index: number): SessionSkeleton => {
    const known = drawn.get(index) ?? session(seed * SESSIONS_PER_RUN + index);
    drawn.set(index, known);
    return known;
  };
  const clock = new VirtualClock(() => new Promise((done) => setImmediate(done)));
  const counts = { calls: 0, first: 0, attempts: 0, rejected: 0, failed: 0 };
  const sink = (sample: Sample): void => {
    if (sample.type !== 'attempt' || sample.sent === undefined) return;
    if (sample.sent < warmUpMs || sample.sent >= durationMs) return;
    counts.attempts += 1;
    if (sample.attempt === 1) counts.calls += 1;
    if (sample.status !== 429) return;
    counts.rejected += 1;
    if (sample.attempt === 1) counts.first += 1;
    if (sample.last) counts.failed += 1;
  };
  const engine = startEngine(scenario, {
    clock,
    transport: new LimitedTransport({ style: rule, ...pool.limits }, own, clock),
    monitor: UNKNOWN_HOST,
    // Not the same luck for every case.
    streams: randomStreams(`${profile}/${rule}/${seed}`),
    script: (index) =>
      scriptSession(own(index), index, {
        seed,
        model: 'm',
        keepModels: false,
        thinkTimeScale: 1,
        toolTimeScale: 1,
      }),
    wallNowMs: () => clock.now(),
    sink,
  });
  await Promise.all([engine.done, clock.run()]);
  return {
    calls: counts.calls,
    firstAttempt: counts.first / counts.calls,
    rejected: counts.rejected / counts.attempts,
    failed: counts.failed / counts.calls,
  };
}

const RUNS = 8;
/** Replications of the plan's simulation. */
const REPLICATIONS = 10;

async function measureRuns(
  prepared: Prepared,
  one: Case,
  run: Omit<Run, 'seed'>,
): Promise<Shares[]> {
  const runs: Shares[] = [];
  for (let seed = 1; seed <= RUNS; seed += 1) {
    runs.push(await measure(prepared, one, { ...run, seed }));
  }
  return runs;
}

interface SteadyCase extends Case {
  /** Until sessions of every age run and a bucket of a minute has lost its credit. */
  readonly warmUpMinutes: number;
}

describe('the busy period, as plan shows it', () => {
  const cases: readonly SteadyCase[] = [
    {
      why: 'fan-out against one-second windows: bursts break what the average allows',
      profile: 'research-agent',
      rule: 'xai',
      retry: 'python',
      limits: (of) => ({ rpm: of('rpm') }),
      load: 0.8,
      callsPerMinute: 900,
      warmUpMinutes: 1,
    },
    {
      why: 'fan-out above a bucket of tokens: retries come back when the provider says',
      profile: 'research-agent',
      rule: 'openai',
      retry: 'openai-js-7',
      limits: (of) => ({ rpm: 2 * of('rpm'), tpm: of('tpm') }),
      load: 1.2,
      callsPerMinute: 900,
      warmUpMinutes: 6,
    },
    {
      why: 'single calls above Anthropic’s buckets, output counted late',
      profile: 'azure-conversation',
      rule: 'anthropic',
      retry: 'anthropic-js',
      limits: (of) => ({ rpm: 1.5 * of('rpm'), itpm: of('itpm'), otpm: 1.1 * of('otpm') }),
      load: 1.2,
      callsPerMinute: 600,
      warmUpMinutes: 6,
    },
    {
      why: 'a chain of tool calls per turn; a failure ends the turn and thins out the load',
      profile: 'support-agent',
      rule: 'mistral',
      retry: 'none',
      limits: (of) => ({ rps: of('rpm') / 60 }),
      load: 1,
      callsPerMinute: 600,
      warmUpMinutes: 8,
    },
  ];

  test.for(cases)('$profile at $load: $why', { timeout: 120_000 }, async (one) => {
    const prepared = await prepare(one);
    const { documented } = simulateRejections(prepared.input, prepared.pool, 1, {
      retry: one.retry,
      replications: REPLICATIONS,
    })!;
    const warmUpMs = one.warmUpMinutes * MINUTE;
    const runs = await measureRuns(prepared, one, {
      warmUpMs,
      durationMs: warmUpMs + 6 * MINUTE,
    });
    expect(documented.firstAttempt.value).toBeGreaterThan(0.05);
    for (const part of PARTS) {
      const measured = runs.map((run) => run[part]);
      const halves = [
        familyHalf(documented[part].high - documented[part].value, REPLICATIONS),
        familyHalf(meanInterval(measured).high - mean(measured), RUNS),
      ];
      const difference = Math.abs(mean(measured) - documented[part].value);
      expect({ part, agrees: difference < Math.hypot(...halves) }).toEqual({ part, agrees: true });
    }
  });

  /** All comparisons of this table together may miss in one table of twenty (Bonferroni). */
  function familyHalf(half: number, runs: number): number {
    const miss = 0.05 / (cases.length * PARTS.length);
    return (half * tQuantile(1 - miss / 2, runs - 1)) / tQuantile(0.975, runs - 1);
  }
});

describe('one run from its start, as a load test does it', () => {
  const cases: readonly Case[] = [
    {
      why: 'sessions of hours are still starting up, and the plan knows it',
      profile: 'coding-agent',
      rule: 'openai',
      retry: 'python',
      limits: (of) => ({ rpm: of('rpm') / 20 }),
      load: 1,
      callsPerMinute: 4000,
    },
    {
      why: 'fan-out against one-second windows',
      profile: 'research-agent',
      rule: 'xai',
      retry: 'openai-js-6',
      limits: (of) => ({ rpm: of('rpm') }),
      load: 1.1,
      callsPerMinute: 900,
    },
    {
      why: 'a bucket that is still full at the start',
      profile: 'azure-conversation',
      rule: 'openai',
      retry: 'none',
      limits: (of) => ({ tpm: of('tpm') }),
      load: 1.3,
      callsPerMinute: 900,
    },
  ];

  /** Of 24 runs 23 are expected within 95 % intervals; 19 or fewer come once in 170 tests. */
  const LEAST_WITHIN = 20;

  test('95 % of runs lie within the forecast', { timeout: 120_000 }, async () => {
    const within = { firstAttempt: 0, rejected: 0, failed: 0 };
    for (const one of cases) {
      const prepared = await prepare(one);
      const run = { durationMs: 5 * MINUTE, warmUpMs: 2 * MINUTE };
      const planned = { ...run, scale: 1 };
      const forecast = forecastRun(prepared.input, prepared.pool, planned, { retry: one.retry })!;
      expect(forecast.firstAttempt.value).toBeGreaterThan(0.05);
      // An interval so wide that nothing could miss it would say nothing.
      const { high, low } = forecast.firstAttempt;
      expect(high - low).toBeLessThan(0.45);
      for (const shares of await measureRuns(prepared, one, run)) {
        for (const part of PARTS) {
          if (shares[part] >= forecast[part].low && shares[part] <= forecast[part].high)
            within[part] += 1;
        }
      }
    }
    expect(cases.length * RUNS).toBe(24);
    for (const part of PARTS) {
      expect({ part, holds: within[part] >= LEAST_WITHIN }).toEqual({ part, holds: true });
    }
  });
});
