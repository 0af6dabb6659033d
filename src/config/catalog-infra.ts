import { z } from 'zod';

import { header, loadDocument } from './document.ts';
import { count, oneOf, strict, usd } from './fields.ts';

/** `kind: InfraCatalog`: unit prices of infrastructure, every row with its page and date. */

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
}).superRefine((catalog, context) => {
  for (const [index, row] of catalog.items.entries()) {
    if (catalog.sources[row.source] !== undefined) continue;
    context.addIssue({
      code: 'custom',
      path: ['items', index, 'source'],
      message: `unknown source "${row.source}"`,
    });
  }
});

export type InfraCatalog = z.output<typeof document>;
export type InfraItem = InfraCatalog['items'][number];

/** For `agent-infra schema`. */
export const infraCatalogSchema = document;

/** Reads one infrastructure catalog file. @throws ConfigError with every problem */
export function loadInfraCatalog(file: string): Promise<InfraCatalog> {
  return loadDocument(document as unknown as z.ZodType<InfraCatalog>, file);
}
