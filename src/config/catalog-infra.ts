import { z } from 'zod';

import { COMPONENTS, LOAD_NAMES, METER_NAMES } from '../capacity/stack-load.ts';
import { FEATURES, OPERATIONS_CLASSES } from '../capacity/stack-option.ts';
import { header, loadDocument } from './document.ts';
import { bytes, count, duration, oneOf, strict, usd } from './fields.ts';

/**
 * `kind: InfraCatalog`: unit prices of infrastructure and what the products can do, every row with
 * its page and date.
 */

const date = z
  .string()
  .regex(/^\d{4}(-\d{2}(-\d{2})?)?$/, { error: 'expected a date such as 2026-08-21' });

const item = strict({
  name: z.string(),
  title: z.string(),
  /** `hour` and `month`: per machine or subscription; `unit`: per unit used, see `unit`. */
  per: oneOf(['hour', 'month', 'unit']),
  unit: z.string().optional(),
  usd: usd().optional(),
  /** Marginal steps by width; the last has no width. */
  steps: z.array(strict({ width: count().optional(), usd: usd() })).optional(),
  includedPerMonth: count().optional(),
  minimumPerMonth: usd().optional(),
  source: z.string(),
  date: date.optional(),
  note: z.string().optional(),
}).refine((row) => (row.usd === undefined) !== (row.steps === undefined), {
  error: 'give either usd or steps',
});

/** A load with its unit: seconds as 15m, bytes as 6MiB, counts as numbers. Read in this order. */
const amount = z.union([duration().transform((ms) => ms / 1000), bytes(), count()], {
  error: 'expected a count, a duration such as 15m, or a size such as 6MiB',
});

/** Where a fact comes from: a source of the file, or our assumption with its reason. */
const origin = {
  source: z.string().optional(),
  assumed: z.string().optional(),
};

const limit = strict({
  load: oneOf(LOAD_NAMES),
  atMost: amount,
  effect: oneOf(['excludes', 'raisable', 'degrades']).optional(),
  note: z.string().optional(),
  ...origin,
});

const carries = strict({ load: oneOf(LOAD_NAMES), each: amount, ...origin });

const node = strict({
  name: z.string(),
  carries: z.array(carries),
  atLeast: z.int().min(1),
  atMost: z.int().min(1).optional(),
  prices: z.array(strict({ item: z.string(), units: z.number().positive().optional() })).min(1),
});

const option = strict({
  name: z.string(),
  title: z.string(),
  family: z.string().optional(),
  components: z.array(oneOf(COMPONENTS)).min(1),
  cloud: oneOf(['aws', 'gcp', 'cloudflare', 'any']),
  operations: oneOf(OPERATIONS_CLASSES),
  skills: z.array(z.string()).optional(),
  features: z.array(oneOf(FEATURES)).optional(),
  limits: z.array(limit).optional(),
  nodes: z.array(node).optional(),
  prices: z
    .array(
      strict({
        item: z.string(),
        per: oneOf([...METER_NAMES, 'fixed']),
        units: z.number().positive().optional(),
      }),
    )
    .optional(),
  typical: strict({ latency: duration(), ...origin }).optional(),
  note: z.string().optional(),
});

const document = strict({
  ...header('InfraCatalog'),
  sources: z.record(
    z.string(),
    strict({
      page: z.string(),
      date,
      basis: oneOf(['listed', 'inferred', 'third-party']).optional(),
    }),
  ),
  items: z.array(item),
  options: z.array(option).optional(),
}).superRefine((catalog, context) => {
  const check = (source: string | undefined, path: (string | number)[]): void => {
    if (source === undefined || catalog.sources[source] !== undefined) return;
    context.addIssue({ code: 'custom', path, message: `unknown source "${source}"` });
  };
  for (const [index, row] of catalog.items.entries()) {
    check(row.source, ['items', index, 'source']);
  }
  for (const [index, row] of (catalog.options ?? []).entries()) {
    for (const [path, fact] of factsOf(row)) {
      const at = ['options', index, ...path];
      check(fact.source, [...at, 'source']);
      if ((fact.source === undefined) === (fact.assumed === undefined)) {
        context.addIssue({
          code: 'custom',
          path: at,
          message: 'give either a source, or assumed with the reason',
        });
      }
    }
  }
});

export type InfraCatalog = z.output<typeof document>;
export type InfraItem = InfraCatalog['items'][number];
export type InfraOption = NonNullable<InfraCatalog['options']>[number];

interface InfraFact {
  readonly source?: string | undefined;
  readonly assumed?: string | undefined;
}

/** Every stated fact of an option, with its path in the option. */
export function factsOf(
  row: InfraOption,
): (readonly [path: readonly (string | number)[], fact: InfraFact])[] {
  return [
    ...(row.limits ?? []).map((fact, index) => [['limits', index], fact] as const),
    ...(row.nodes ?? []).flatMap((size, index) =>
      size.carries.map((fact, at) => [['nodes', index, 'carries', at], fact] as const),
    ),
    ...(row.typical === undefined ? [] : [[['typical'], row.typical] as const]),
  ];
}

/** For `agent-infra schema`. */
export const infraCatalogSchema = document;

/** Reads one infrastructure catalog file. @throws ConfigError with every problem */
export function loadInfraCatalog(file: string): Promise<InfraCatalog> {
  return loadDocument(document as unknown as z.ZodType<InfraCatalog>, file);
}
