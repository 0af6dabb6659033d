import { z } from 'zod';

import { PATH_PARTS } from '../capacity/stack-latency.ts';
import { OPERATIONS_CLASSES } from '../capacity/stack-option.ts';
import { bytes, count, duration, oneOf, share, strict, usd } from './fields.ts';

/** `stack:` of a plan: the team, the cloud, and what each component must hold. All optional. */

const positive = (): z.ZodType<number, string | number> =>
  count().refine((value) => value > 0, { error: 'must be greater than 0' });

const some = <T>(type: z.ZodType<number, T>): z.ZodType<number, T> =>
  type.refine((value) => value > 0, { error: 'must be greater than 0' });

const CLOUDS = ['aws', 'gcp', 'cloudflare'] as const;

const choose = z.string().min(1).optional().meta({
  description: 'auto, none, or an option or family of the catalog, such as sqs or kafka.',
});

/** Hours a month; a bare number would be a guess between hours and minutes. */
const hours = strict({
  base: duration().optional(),
  perNode: duration().optional(),
  onCall: duration().optional(),
});

const operations = strict(
  Object.fromEntries(OPERATIONS_CLASSES.map((name) => [name, hours.optional()])) as Record<
    (typeof OPERATIONS_CLASSES)[number],
    z.ZodOptional<typeof hours>
  >,
);

const latencyClass = strict({
  name: z.string().min(1),
  budget: some(duration()),
  regionRtt: duration().optional(),
  edgeRtt: duration().optional(),
  newConnections: share().optional(),
  providerRtt: duration().optional(),
  through: z.array(oneOf(PATH_PARTS)).optional(),
}).refine((one) => (one.edgeRtt ?? 0) <= (one.regionRtt ?? Number.POSITIVE_INFINITY), {
  path: ['edgeRtt'],
  error: 'an edge is not farther from the user than the region',
});

/** The schema of the section; its names are checked against the catalog apart from it. */
export const stackSchema = strict({
  cloud: z
    .union([oneOf(CLOUDS), z.array(oneOf(CLOUDS)).min(1)], {
      error: `expected one of ${CLOUDS.join(', ')}, or a list of them`,
    })
    .optional(),
  team: strict({
    skills: z.array(z.string()).optional(),
    hourly: usd().optional(),
  }).optional(),
  skillFactors: strict({ known: positive().optional(), unknown: positive().optional() })
    .refine((one) => (one.known ?? 0) <= (one.unknown ?? Number.POSITIVE_INFINITY), {
      error: 'known work is not slower than unknown work',
    })
    .optional(),
  operations: operations.optional(),
  utilisation: share()
    .refine((value) => value > 0, { error: 'must be greater than 0' })
    .optional(),
  compute: strict({
    choose,
    turnMemory: some(bytes()).optional(),
    cpuPerCall: some(duration()).optional(),
    turnsPerWorker: positive().optional(),
    request: some(bytes()).optional(),
  }).optional(),
  gateway: strict({ choose, cpuPerCall: some(duration()).optional() }).optional(),
  queue: strict({
    choose,
    messagesPerTurn: positive().optional(),
    message: some(bytes()).optional(),
    retention: some(duration()).optional(),
    ordering: oneOf(['none', 'session']).optional(),
  }).optional(),
  hotState: strict({
    choose,
    base: bytes().optional(),
    perStep: bytes().optional(),
    bytesPerToken: positive().optional(),
    idle: duration().optional(),
    readsPerCall: count().optional(),
    writesPerCall: count().optional(),
  }).optional(),
  coldState: strict({
    choose,
    bytesPerTurn: some(bytes()).optional(),
    writesPerTurn: positive().optional(),
    readsPerTurn: count().optional(),
    retention: some(duration()).optional(),
  }).optional(),
  vectorStore: strict({
    choose,
    vectors: positive(),
    dimensions: z.int().min(1),
    queriesPerTurn: count().optional(),
    writesPerMonth: count().optional(),
    namespaces: z.int().min(1).optional(),
    growsWithScale: z.boolean().optional(),
  }).optional(),
  network: strict({ choose, crossZone: share().optional() }).optional(),
  observability: strict({
    choose,
    logsPerCall: some(bytes()).optional(),
    eventsPerCall: count().optional(),
  }).optional(),
  latency: z.array(latencyClass).optional(),
});

export type StackDocument = z.output<typeof stackSchema>;
