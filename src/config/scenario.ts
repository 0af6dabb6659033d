import { dirname, isAbsolute, resolve } from 'node:path';

import { z } from 'zod';

import { RETRY_POLICIES } from '../mechanisms/backoff.ts';
import type { RetryPolicy } from '../mechanisms/backoff.ts';
import { workloadProfileProblem } from './bundled.ts';
import { header, loadDocument } from './document.ts';
import type { LoadOptions } from './document.ts';
import { count, duration, oneOf, rate, strict, usd } from './fields.ts';
import { METRIC_NAMES, parseThreshold } from './threshold.ts';
import type { MetricName, ThresholdExpression } from './threshold.ts';

/** The document of `agent-infra loadtest`. Every default stands here and nowhere else. */

/** A constant, or a log-normal with this mean and coefficient of variation. */
export interface Spread {
  readonly mean: number;
  /** Standard deviation over mean; 0 is a constant. */
  readonly cv: number;
}

const spreadOf = <I>(
  field: z.ZodType<number, I>,
  expected: string,
): z.ZodType<Spread, I | object> =>
  z
    .union(
      [
        strict({ mean: field, cv: z.number().min(0).max(10) }),
        field.transform((mean) => ({ mean, cv: 0 })),
      ],
      {
        error: (issue) => `expected ${expected}, or {mean, cv}, got ${JSON.stringify(issue.input)}`,
      },
    )
    .meta({
      description: 'a value, or {mean, cv} for a log-normal spread',
    }) as unknown as z.ZodType<Spread, I | object>;

const counts = (): ReturnType<typeof spreadOf<string | number>> =>
  spreadOf(count(), 'a count such as 3 or 2k');
const durations = (): ReturnType<typeof spreadOf<string>> =>
  spreadOf(duration(), 'a duration with its unit such as 500ms');

const synthetic = strict({
  turns: counts().prefault(3),
  /** LLM calls of one turn that follow each other, each but the last ending in tool calls. */
  callsPerTurn: counts().prefault(2),
  /** LLM calls that run at once inside a turn and join before its last call; 1 is none. */
  fanOut: counts().prefault(1),
  tokens: strict({
    /** Instructions and tool schemas, the same in every session: what a prompt cache keeps. */
    system: counts().prefault(800),
    user: counts().prefault(120),
    toolResult: counts().prefault(400),
    output: counts().prefault(150),
  }).prefault({}),
  toolDelay: durations().prefault('500ms'),
  thinkTime: durations().prefault('5s'),
});

const arrivals = z
  .discriminatedUnion('kind', [
    strict({ kind: z.literal('constant'), rate: rate() }),
    strict({ kind: z.literal('poisson'), rate: rate() }),
    strict({ kind: z.literal('gamma'), rate: rate(), cv: z.number().positive().max(20) }),
    strict({ kind: z.literal('ramp'), from: rate(), to: rate(), over: duration() }),
    strict({ kind: z.literal('burst'), size: count(), every: duration() }),
    strict({ kind: z.literal('replay'), at: z.array(duration()).min(1) }),
    /** Closed loop: each user starts the next session when the last one has ended. */
    strict({
      kind: z.literal('users'),
      users: count(),
      /** The users start evenly over this time instead of all at once. */
      rampUp: duration().prefault('0s'),
    }),
  ])
  .meta({ description: 'how sessions start; rates count sessions, never single calls' });

const threshold = strict({
  metric: oneOf(METRIC_NAMES),
  where: strict({
    /** `intended` contains every delay of this client; `send` starts at the socket. */
    from: oneOf(['intended', 'send']).optional(),
    model: z.string().optional(),
    /** The first turn of a session, or all later ones. */
    turn: oneOf(['first', 'later']).optional(),
  }).prefault({}),
  expr: z.string(),
  /** A broken `warn` threshold is shown and does not change the verdict. */
  severity: oneOf(['error', 'warn']).default('error'),
  /** `interval`: the whole 95 % interval must keep the limit. `observed`: the number itself. */
  judge: oneOf(['interval', 'observed']).default('interval'),
}).transform((input, context): Threshold => {
  const expression = parseThreshold(input.metric, input.expr);
  if (!('problem' in expression)) return { ...input, expression };
  context.addIssue({ code: 'custom', message: expression.problem, path: ['expr'] });
  return z.NEVER;
});

export interface Threshold {
  readonly metric: MetricName;
  readonly where: {
    readonly from?: 'intended' | 'send' | undefined;
    readonly model?: string | undefined;
    readonly turn?: 'first' | 'later' | undefined;
  };
  readonly expr: string;
  readonly severity: 'error' | 'warn';
  readonly judge: 'interval' | 'observed';
  readonly expression: ThresholdExpression;
}

const retryNames = RETRY_POLICIES as readonly [RetryPolicy, ...RetryPolicy[]];

export const scenarioSchema = strict({
  ...header('Scenario'),
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
    error: 'expected lower-case letters, digits and "-" (at most 63), for folder names',
  }),
  description: z.string().optional(),
  seed: z.union([z.string(), z.int()]).default(1),
  workload: strict({
    /** A WorkloadProfile: a path relative to this file, or the name of a bundled one. */
    profile: z.string().optional(),
    synthetic: synthetic.optional(),
  }).superRefine(({ profile, synthetic: made }, context) => {
    if ((profile === undefined) === (made === undefined)) {
      context.addIssue({ code: 'custom', message: 'give exactly one of profile and synthetic' });
    }
  }),
  /** Sessions to start; with `duration` too, whichever ends first. */
  sessions: count().optional(),
  /** No session starts later than this. */
  duration: duration().optional(),
  arrivals,
  /** Calls that were meant to start before this time are kept apart from the metrics. */
  warmUp: duration().prefault('0s'),
  /** Open loop only: sessions that find this many running are dropped, counted and never made up. */
  maxSessions: count().prefault(10_000),
  /**
   * What happens to sessions whose start this client missed. `burst`: started at once, intended
   * times unchanged. `skip`: dropped when more than 1 s late. `shift`: the schedule moves back.
   */
  catchUp: oneOf(['burst', 'skip', 'shift']).default('burst'),
  /** What a failed call does: end its turn, end its session, or nothing. */
  onFailure: oneOf(['end-turn', 'end-session', 'continue']).default('end-turn'),
  retry: oneOf(retryNames).default('none'),
  thinkTimeScale: z.number().min(0).default(1),
  toolTimeScale: z.number().min(0).default(1),
  /** Longer waits are cut to this after scaling; the report names the caps. */
  maxThinkTime: duration().optional(),
  maxToolTime: duration().optional(),
  /** After the last session has started: how long running ones may take before they are cut. */
  drain: duration().prefault('10m'),
  target: strict({
    /** `gateway`, `provider` (see `servers`), or an http(s) URL without the API path. */
    url: z.string(),
    dialect: oneOf(['openai', 'anthropic']).default('openai'),
    /** Used where the session names no model, or for all calls with `models: replace`. */
    model: z.string(),
    models: oneOf(['replace', 'keep']).default('replace'),
    /** Write it as `${VARIABLE}`; it never reaches a file. */
    apiKey: z.string().optional(),
    /** One call, from send to its last byte. */
    timeout: duration().prefault('10m'),
  }),
  /** Bundled servers to start on free loopback ports for the time of the run. */
  servers: strict({
    provider: strict({ preset: z.string().optional(), config: z.string().optional() })
      .refine(({ preset, config }) => (preset === undefined) !== (config === undefined), {
        error: 'give exactly one of preset and config',
      })
      .optional(),
    /** The config may use ${AGENT_INFRA_PROVIDER_URL}. */
    gateway: strict({ config: z.string() }).optional(),
  }).prefault({}),
  /** Most that a run against a paid provider may cost; needs --i-accept-provider-cost too. */
  budget: strict({ total: usd(), perMillionInput: usd(), perMillionOutput: usd() }).optional(),
  thresholds: z.array(threshold).default([]),
}).superRefine((scenario, context) => {
  const issue = (path: string[], message: string): void =>
    context.addIssue({ code: 'custom', path, message });
  const { arrivals: how, servers, target } = scenario;
  if (scenario.sessions === undefined && scenario.duration === undefined && how.kind !== 'replay') {
    issue(['sessions'], 'give sessions, duration or both: the run needs an end');
  }
  if (scenario.budget !== undefined && scenario.sessions === undefined) {
    issue(['sessions'], 'a budget needs a number of sessions: their cost is checked beforehand');
  }
  if (target.url === 'gateway' && servers.gateway === undefined) {
    issue(['target', 'url'], '"gateway" needs servers.gateway');
  } else if (target.url === 'provider' && servers.provider === undefined) {
    issue(['target', 'url'], '"provider" needs servers.provider');
  } else if (target.url !== 'gateway' && target.url !== 'provider') {
    const message = urlProblem(target.url);
    if (message !== undefined) issue(['target', 'url'], message);
  }
});

export type Scenario = z.output<typeof scenarioSchema>;
export type SyntheticSessions = z.output<typeof synthetic>;
export type Arrivals = Scenario['arrivals'];
export type Dialect = Scenario['target']['dialect'];

/** A scenario with the paths in it made absolute. */
export interface LoadedScenario extends Scenario {
  readonly file: string;
}

/**
 * Reads a Scenario document; throws a ConfigError with every problem.
 * @param options.profile `later`: the workload profile is written before it is read
 */
export async function loadScenario(
  file: string,
  { profile: when = 'now', ...options }: LoadOptions & { readonly profile?: 'now' | 'later' } = {},
): Promise<LoadedScenario> {
  const schema = scenarioSchema.superRefine(({ workload: { profile } }, context) => {
    if (profile === undefined || when === 'later') return;
    const message = workloadProfileProblem(profile, file);
    if (message !== undefined) {
      context.addIssue({ code: 'custom', path: ['workload', 'profile'], message });
    }
  });
  const scenario = await loadDocument(schema, file, options);
  return { ...scenario, file };
}

/** A path written in a scenario, relative to the scenario's own folder. */
export function besideScenario(scenario: LoadedScenario, path: string): string {
  return isAbsolute(path) ? path : resolve(dirname(scenario.file), path);
}

function urlProblem(text: string): string | undefined {
  if (!URL.canParse(text))
    return 'expected gateway, provider or a URL such as http://127.0.0.1:8080';
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'expected http:// or https://';
  if (url.username !== '' || url.password !== '') return 'put the credential into apiKey';
  if (url.search !== '' || url.hash !== '') return 'expected a URL without query and fragment';
  return undefined;
}
