import { z } from 'zod';

import { COUNTING_RULES } from '../capacity/debit.ts';
import type { CountingRuleId } from '../capacity/debit.ts';
import { RETRY_POLICIES } from '../mechanisms/backoff.ts';
import type { RetryPolicy } from '../mechanisms/backoff.ts';
import { header, readText } from './document.ts';
import type { LoadOptions } from './document.ts';
import { overrideYaml } from './override.ts';
import { business, escalation, routingShape, sensitivity, shareIssues } from './plan-routing.ts';
import { caching } from './plan-caching.ts';
import { DEFAULT_LIMIT_BYTES, parseYaml } from './yaml.ts';
import { count, duration, oneOf, share, strict, usd } from './fields.ts';
import { stackSchema } from './stack.ts';

/** `kind: Plan`: what to plan for, on what, and what it must not cost. */

/** One thing that fits the schema but not the world: an unknown provider, tier, item. */
export interface PlanIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Checks a well-formed plan against the catalogs; its issues get a place in the file. */
export type PlanCheck = (plan: PlanDocument) => readonly PlanIssue[];

const positive = (): z.ZodType<number, string | number> =>
  count().refine((value) => value > 0, { error: 'must be greater than 0' });

const rule = z.enum(Object.keys(COUNTING_RULES) as [CountingRuleId, ...CountingRuleId[]]);

const limits = strict({
  rpm: positive().optional(),
  rps: positive().optional(),
  tpm: positive().optional(),
  itpm: positive().optional(),
  otpm: positive().optional(),
  uncachedTpm: positive().optional(),
  concurrency: positive().optional(),
  spendPer10Min: usd().optional(),
  rpd: positive().optional(),
  tpd: positive().optional(),
  spendPerMonth: usd().optional(),
  tokensPerMonth: positive().optional(),
}).meta({ description: 'Limits of your own account; they replace the catalog’s, one by one.' });

const rates = {
  input: usd(),
  cacheRead: usd().optional(),
  cacheWrite5m: usd().optional(),
  cacheWrite1h: usd().optional(),
  output: usd(),
};

const prices = strict({
  ...rates,
  batchFactor: share().optional(),
  long: strict({ aboveTokens: positive(), inclusive: z.boolean().optional(), ...rates }).optional(),
}).meta({ description: 'US dollars per million tokens.' });

const routeShape = {
  provider: z.string().meta({ description: 'A provider of the catalog, or custom.' }),
  model: z.string().optional(),
  tier: z.string().optional(),
  limits: limits.optional(),
  prices: prices.optional(),
  countingRule: rule.optional(),
  maxOutputTokens: positive().optional(),
  ...routingShape,
};

const route = strict({
  ...routeShape,
  share: share().optional(),
  batchShare: share().optional(),
  escalate: escalation(routeShape).optional(),
});

const alternative = strict(routeShape);

const numbers = strict({
  callsPerTurn: positive(),
  fanOut: z.int().min(1).optional(),
  turnsPerSession: positive()
    .refine((value) => value >= 1, { error: 'a session has at least one turn' })
    .optional(),
  inputTokens: count().optional(),
  cachedShare: share().optional(),
  outputTokens: count().optional(),
  variation: count().optional(),
  callDuration: duration().optional(),
  toolTime: duration().optional(),
  thinkTime: duration().optional(),
});

const workload = strict({
  profile: z.string().optional(),
  numbers: numbers.optional(),
}).refine((value) => (value.profile === undefined) !== (value.numbers === undefined), {
  error: 'give either a profile (a file or a bundled name) or numbers',
});

const targets = strict({
  concurrentUsers: positive().optional(),
  interactionsPerMinute: positive().optional(),
  sessionsPerDay: positive().optional(),
  peakHourShare: share().optional(),
  measured: positive().optional(),
}).superRefine((value, context) => {
  const users = value.concurrentUsers !== undefined;
  const ways = [users, value.sessionsPerDay !== undefined, value.measured !== undefined];
  if (ways.filter(Boolean).length !== 1) {
    context.addIssue({
      code: 'custom',
      message:
        'give one of: concurrentUsers with interactionsPerMinute, sessionsPerDay, or measured (a multiple of the measured rate)',
    });
  } else if (users !== (value.interactionsPerMinute !== undefined)) {
    context.addIssue({
      code: 'custom',
      message: 'concurrentUsers and interactionsPerMinute (of each user) belong together',
    });
  }
});

const driver = oneOf(['concurrentTurn', 'concurrentCall', 'concurrentUser']);

const infraLine = strict({
  name: z.string(),
  item: z.string().optional(),
  price: strict({
    usd: usd(),
    per: oneOf(['hour', 'month', 'unit']),
  }).optional(),
  count: positive().optional(),
  machines: strict({
    per: driver,
    each: positive(),
    atLeast: z.int().min(0).optional(),
  }).optional(),
  usage: strict({
    per: oneOf(['turn', 'call']),
    units: positive(),
  }).optional(),
})
  .refine((line) => (line.item === undefined) !== (line.price === undefined), {
    error: 'give either a catalog item or a price',
  })
  .refine(
    (line) =>
      [line.count, line.machines, line.usage].filter((one) => one !== undefined).length === 1,
    { error: 'give exactly one of count, machines or usage' },
  );

const opsLine = strict({
  name: z.string(),
  monthly: usd().optional(),
  hours: positive().optional(),
  hourly: usd().optional(),
  fromScale: positive().optional(),
}).refine(
  (line) =>
    (line.monthly !== undefined) !== (line.hours !== undefined && line.hourly !== undefined),
  {
    error: 'give either monthly, or hours (a month) with hourly',
  },
);

const pool = strict({
  model: z.string(),
  gpu: z.string(),
  share: share().optional(),
  tensorParallel: z.int().min(1).optional(),
  gpuPerHour: usd().optional(),
  calibration: positive().optional(),
  goal: strict({ ttft: duration().optional(), itl: duration().optional() }).optional(),
});

const goals = strict({
  fitsAtScale: positive().optional(),
  headroom: share().optional(),
  monthlyCost: usd().optional(),
  costPerTurn: usd().optional(),
  rejected: share().optional(),
  turnLatency: duration().optional().meta({ description: 'Of 95 % of the turns.' }),
  nextStageAt: share()
    .refine((value) => value > 0, { error: 'must be greater than 0' })
    .optional(),
});

const RETRY_NAMES = RETRY_POLICIES as readonly [RetryPolicy, ...RetryPolicy[]];

const scales = z
  .array(positive())
  .min(1)
  .refine((list) => list.every((scale, index) => index === 0 || scale > list[index - 1]!), {
    error: 'scales must rise, such as [1, 3, 10]',
  });

const document = strict({
  ...header('Plan'),
  name: z.string().optional(),
  seed: z.union([z.string(), z.number()]).optional(),
  asOf: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/, { error: 'expected a date such as 2026-11-20' })
    .optional(),
  workload,
  targets,
  activity: strict({
    hoursPerDay: positive()
      .refine((hours) => hours <= 24, { error: 'a day has 24 hours' })
      .optional(),
    hours: z
      .array(count())
      .length(24, { error: 'expected the load of 24 hours, from midnight on' })
      .refine((loads) => loads.some((load) => load > 0), { error: 'one hour needs some load' })
      .optional()
      .meta({
        description: 'Load of each hour of the day, in any unit; the largest is the busy hour.',
      }),
    daysPerMonth: positive()
      .refine((days) => days <= 31, { error: 'a month has at most 31 days' })
      .optional(),
  }).optional(),
  scales: scales.optional(),
  routes: z.array(route).optional(),
  alternatives: z.array(alternative).optional(),
  pool: pool.optional(),
  retry: oneOf(RETRY_NAMES).optional(),
  infra: z.array(infraLine).optional(),
  ops: z.array(opsLine).optional(),
  stack: stackSchema.optional(),
  caching: caching.optional(),
  goals: goals.optional(),
  business: business.optional(),
  sensitivity: sensitivity.optional(),
}).superRefine((plan, context) => {
  const issue = (path: (string | number)[], message: string): void => {
    context.addIssue({ code: 'custom', path, message });
  };
  if (plan.activity?.hours !== undefined) {
    if (plan.activity.hoursPerDay !== undefined) {
      issue(['activity', 'hoursPerDay'], 'the hours of the day say this already: give one of them');
    }
    if (plan.targets.peakHourShare !== undefined) {
      issue(['targets', 'peakHourShare'], 'activity.hours says this already: give one of them');
    }
  }
  const routes = plan.routes ?? [];
  if (routes.length === 0 && plan.pool === undefined) {
    issue([], 'give at least one of routes (providers) or pool (your own GPUs)');
  }
  for (const { path, message } of shareIssues(plan)) issue(path, message);
  const least = plan.scales?.[0] ?? 1;
  const most = plan.scales?.at(-1) ?? 10;
  const fits = plan.goals?.fitsAtScale;
  if (fits !== undefined && (fits < least || fits > most)) {
    issue(['goals', 'fitsAtScale'], `must lie within the scales (${least} to ${most})`);
  }
});

export type PlanDocument = z.output<typeof document>;
export type RouteDocument = z.output<typeof route>;
export type AlternativeDocument = z.output<typeof alternative>;
export type InfraLineDocument = z.output<typeof infraLine>;

/** The schema; with a check, issues against the catalogs are reported at their place in the file. */
export function planSchema(check?: PlanCheck): z.ZodType<PlanDocument> {
  if (check === undefined) return document as unknown as z.ZodType<PlanDocument>;
  return document.superRefine((plan, context) => {
    for (const { path, message } of check(plan)) {
      context.addIssue({ code: 'custom', path: [...path], message });
    }
  }) as unknown as z.ZodType<PlanDocument>;
}

/**
 * Reads a plan from disk.
 * @param options.set what-if overrides, `path=value`; see config/override.ts
 * @throws ConfigError with every problem, each with its line and column
 */
export async function loadPlan(
  file: string,
  options: LoadOptions & {
    readonly check?: PlanCheck | undefined;
    readonly set?: readonly string[] | undefined;
  } = {},
): Promise<PlanDocument> {
  const { check, set = [], ...rest } = options;
  const written = await readText(file);
  // Too large a document is refused before anything parses it.
  const text = written.length > DEFAULT_LIMIT_BYTES ? written : overrideYaml(written, set);
  return parseYaml(planSchema(check), { file, text, ...rest });
}
