import { z } from 'zod';

import { COUNTING_RULES } from '../capacity/debit.ts';
import type { CountingRuleId } from '../capacity/debit.ts';
import type { Limits } from '../capacity/limit.ts';
import type { ModelPrice } from '../capacity/price.ts';
import { header, loadDocument } from './document.ts';
import { count, oneOf, share, strict, usd } from './fields.ts';

/** `kind: ProviderCatalog`: one provider's limits and prices, every row with its page and date. */

const date = (): z.ZodString =>
  z.string().regex(/^\d{4}(-\d{2}(-\d{2})?)?$/, { error: 'expected a date such as 2026-10-04' });

const basis = oneOf(['listed', 'inferred', 'third-party']);

const source = strict({ page: z.string(), date: date(), basis: basis.optional() });

const limits = {
  rpm: count().optional(),
  rps: count().optional(),
  tpm: count().optional(),
  itpm: count().optional(),
  otpm: count().optional(),
  uncachedTpm: count().optional(),
  concurrency: count().optional(),
  spendPer10Min: usd().optional(),
  rpd: count().optional(),
  tpd: count().optional(),
  spendPerMonth: usd().optional(),
  tokensPerMonth: count().optional(),
};

const rates = {
  input: usd(),
  cacheRead: usd().optional(),
  cacheWrite5m: usd().optional(),
  cacheWrite1h: usd().optional(),
  output: usd(),
};

const price = strict({
  source: z.string(),
  date: date().optional(),
  basis: basis.optional(),
  /** The first day the price holds; absent: always held. */
  from: date().optional(),
  ...rates,
  long: strict({ aboveTokens: count(), inclusive: z.boolean().optional(), ...rates }).optional(),
  batchFactor: share().optional(),
  batchKeepsCacheRates: z.boolean().optional(),
  note: z.string().optional(),
});

const modelLimits = strict({
  source: z.string(),
  date: date().optional(),
  basis: basis.optional(),
  /** Models with the same pool share one limit. */
  pool: z.string().optional(),
  countingRule: z
    .enum(Object.keys(COUNTING_RULES) as [CountingRuleId, ...CountingRuleId[]])
    .optional(),
  tiers: z.record(z.string(), strict(limits)),
  note: z.string().optional(),
});

/** What one reserved unit serves, in tokens of weight 1, and what other tokens weigh. */
const provisionedModel = strict({
  tokensPerMinutePerUnit: count(),
  outputWeight: count(),
  cacheReadWeight: count(),
  /** Above this prompt length the whole request weighs more. */
  long: strict({
    aboveTokens: count(),
    inputWeight: count(),
    cacheReadWeight: count(),
    outputWeight: count(),
  }).optional(),
  minimum: count(),
  increment: count(),
});

const document = strict({
  ...header('ProviderCatalog'),
  provider: z.string(),
  title: z.string(),
  countingRule: z.enum(Object.keys(COUNTING_RULES) as [CountingRuleId, ...CountingRuleId[]]),
  /** How and over which windows the provider enforces its limits. */
  enforcement: strict({
    algorithm: oneOf([
      'token-bucket',
      'fixed-window',
      'adaptive',
      'concurrency',
      'rolling-spend',
      'unknown',
    ]),
    /** Windows in seconds that are checked besides the minute. */
    windowsSeconds: z.array(z.number()).optional(),
    countsRejected: z.boolean().optional(),
    note: z.string().optional(),
    source: z.string(),
  }),
  sources: z.record(z.string(), source),
  /** Above this rate to one cache key, calls may reach a machine without the prompt. */
  promptCache: strict({ requestsPerMinutePerKey: count(), source: z.string() }).optional(),
  /** Lowest first. */
  tiers: z
    .array(
      strict({
        name: z.string(),
        qualify: z.string().optional(),
        source: z.string(),
        /** Limits of the whole account on this tier, whatever the model. */
        limits: strict(limits).optional(),
      }),
    )
    .optional(),
  /** What reserved units cost and what happens above them. */
  provisioned: strict({
    unit: z.string(),
    overflow: oneOf(['refused', 'pay-as-you-go']),
    source: z.string(),
    terms: z.array(
      strict({
        name: z.string(),
        usdPerUnitMonth: usd(),
        source: z.string(),
        note: z.string().optional(),
      }),
    ),
  }).optional(),
  models: z.array(
    strict({
      name: z.string(),
      provisioned: provisionedModel.optional(),
      limits: modelLimits.optional(),
      prices: z.array(price).optional(),
      /** Shorter prompts are silently not cached. */
      minCacheablePrompt: count().optional(),
      /** The most one answer can have, and where that is said. */
      maxOutput: strict({ tokens: count(), source: z.string() }).optional(),
      note: z.string().optional(),
    }),
  ),
}).superRefine((catalog, context) => {
  const named = new Set(Object.keys(catalog.sources));
  const tiers = new Set((catalog.tiers ?? []).map((tier) => tier.name));
  const needSource = (path: (string | number)[], name: string): void => {
    if (named.has(name)) return;
    context.addIssue({ code: 'custom', path, message: `unknown source "${name}"` });
  };
  needSource(['enforcement', 'source'], catalog.enforcement.source);
  if (catalog.promptCache !== undefined) {
    needSource(['promptCache', 'source'], catalog.promptCache.source);
  }
  for (const [index, tier] of (catalog.tiers ?? []).entries()) {
    needSource(['tiers', index, 'source'], tier.source);
  }
  if (catalog.provisioned !== undefined) {
    needSource(['provisioned', 'source'], catalog.provisioned.source);
    for (const [index, term] of catalog.provisioned.terms.entries()) {
      needSource(['provisioned', 'terms', index, 'source'], term.source);
    }
  }
  for (const [index, model] of catalog.models.entries()) {
    if (model.provisioned !== undefined && catalog.provisioned === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['models', index, 'provisioned'],
        message: 'the catalog has no provisioned terms',
      });
    }
    if (model.limits !== undefined) {
      needSource(['models', index, 'limits', 'source'], model.limits.source);
      for (const tier of Object.keys(model.limits.tiers)) {
        if (tiers.has(tier)) continue;
        context.addIssue({
          code: 'custom',
          path: ['models', index, 'limits', 'tiers', tier],
          message: `tier "${tier}" is not in tiers`,
        });
      }
    }
    if (model.maxOutput !== undefined) {
      needSource(['models', index, 'maxOutput', 'source'], model.maxOutput.source);
    }
    for (const [row, one] of (model.prices ?? []).entries()) {
      needSource(['models', index, 'prices', row, 'source'], one.source);
    }
  }
});

export type ProviderCatalog = z.output<typeof document>;
export type CatalogModelEntry = ProviderCatalog['models'][number];
export type CatalogPrice = z.output<typeof price>;

/** For `agent-infra schema`. */
export const providerCatalogSchema = document;

/** Reads one provider's catalog file. @throws ConfigError with every problem */
export function loadProviderCatalog(file: string): Promise<ProviderCatalog> {
  return loadDocument(document as unknown as z.ZodType<ProviderCatalog>, file);
}

/** The shape plan and catalog documents share for prices, in the planner's own terms. */
export function priceOf(row: {
  readonly input: number;
  readonly cacheRead?: number | undefined;
  readonly cacheWrite5m?: number | undefined;
  readonly cacheWrite1h?: number | undefined;
  readonly output: number;
  readonly long?:
    | {
        readonly aboveTokens: number;
        readonly inclusive?: boolean | undefined;
        readonly input: number;
        readonly cacheRead?: number | undefined;
        readonly cacheWrite5m?: number | undefined;
        readonly cacheWrite1h?: number | undefined;
        readonly output: number;
      }
    | undefined;
  readonly batchFactor?: number | undefined;
  readonly batchKeepsCacheRates?: boolean | undefined;
}): ModelPrice {
  const { long } = row;
  return {
    ...ratesOf(row),
    long:
      long === undefined
        ? undefined
        : {
            ...ratesOf(long),
            thresholdTokens: long.aboveTokens,
            inclusive: long.inclusive ?? false,
          },
    batchFactor: row.batchFactor,
    batchKeepsCacheRates: row.batchKeepsCacheRates,
  };
}

function ratesOf(row: {
  readonly input: number;
  readonly cacheRead?: number | undefined;
  readonly cacheWrite5m?: number | undefined;
  readonly cacheWrite1h?: number | undefined;
  readonly output: number;
}): Pick<
  ModelPrice,
  'inputUsd' | 'cacheReadUsd' | 'cacheWrite5mUsd' | 'cacheWrite1hUsd' | 'outputUsd'
> {
  return {
    inputUsd: row.input,
    cacheReadUsd: row.cacheRead,
    cacheWrite5mUsd: row.cacheWrite5m,
    cacheWrite1hUsd: row.cacheWrite1h,
    outputUsd: row.output,
  };
}

/** Limits without the keys that are not set, so that merging two never erases one. */
export function limitsOf(row: Limits | undefined): Limits {
  const set = Object.entries(row ?? {}).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set) as Limits;
}
