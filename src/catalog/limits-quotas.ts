import { z } from 'zod';

import type { Dimension, Limits } from '../capacity/limit.ts';
import type { ImportedLimits } from './limits-import.ts';

/** The quota exports of two clouds. */

const awsQuotas = z.object({
  Quotas: z.array(z.object({ QuotaName: z.string(), Value: z.number() })),
});

/** Names of docs.aws.amazon.com/bedrock/latest/userguide/quotas-runtime.html, 2026. */
const AWS_QUOTA =
  /^(?:global |geo )?(cross-region|on-demand)\b(?!.*latency-optimized).*?\b(tokens|requests) per (minute|day) for (?:anthropic )?(.+)$/i;

/**
 * `aws service-quotas list-service-quotas --service-code bedrock`. The quota of cross-region
 * inference wins over on-demand, because current models are reached through inference profiles
 * only, and that of a geography over the global one. Latency-optimized inference has quotas of its
 * own, which are left out, and so are quotas of 0, which an account has not been given.
 */
export function awsLimits(text: string): ImportedLimits[] {
  const parsed = awsQuotas.safeParse(documentOf(text, '"Quotas"'));
  if (!parsed.success) return [];
  const models = new Map<string, { [D in Dimension]?: number }>();
  const ordered = parsed.data.Quotas.filter(({ Value }) => Value > 0).toSorted(
    (a, b) => rankOf(a.QuotaName) - rankOf(b.QuotaName),
  );
  for (const { QuotaName, Value } of ordered) {
    const [, , what, period, name] = AWS_QUOTA.exec(QuotaName) ?? [];
    if (what === undefined || period === undefined || name === undefined) continue;
    const dimension = DIMENSION_OF[`${what} per ${period}`.toLowerCase()];
    if (dimension === undefined) continue;
    const model = slug(name);
    const limits = models.get(model) ?? {};
    limits[dimension] = Value;
    models.set(model, limits);
  }
  return [...models].map(([model, limits]) => ({
    provider: 'bedrock',
    models: [model],
    limits: limits as Limits,
    evidence: 'AWS Service Quotas',
    mostUsed: null,
    warnings: [],
  }));
}

/** The higher one wins. */
function rankOf(quota: string): number {
  if (!/cross-region/i.test(quota)) return 0;
  return /^global /i.test(quota) ? 1 : 2;
}

const DIMENSION_OF: Readonly<Record<string, Dimension>> = {
  'tokens per minute': 'tpm',
  'tokens per day': 'tpd',
  'requests per minute': 'rpm',
};

/** `Claude Sonnet 4.6 V1` → `claude-sonnet-4-6`, as the catalog names it; V2 is another model. */
function slug(name: string): string {
  return name
    .toLowerCase()
    .replace(/\s+v1$/, '')
    .replaceAll(/[\s.]+/g, '-');
}

const azureUsages = z.object({
  value: z.array(
    z.object({
      name: z.object({ value: z.string() }),
      currentValue: z.number().optional(),
      limit: z.number(),
    }),
  ),
});

/** Azure counts its model quota in thousands of tokens per minute (learn.microsoft.com, quota). */
const AZURE_UNIT_TOKENS = 1000;

/** Usages of a region: `az cognitiveservices usage list` or the REST call behind it. */
export function azureLimits(text: string): ImportedLimits[] {
  const raw = documentOf(text, '"OpenAI.');
  const parsed = azureUsages.safeParse(Array.isArray(raw) ? { value: raw } : raw);
  if (!parsed.success) return [];
  return parsed.data.value.flatMap(({ currentValue, limit, name }): ImportedLimits[] => {
    const [, model] =
      /^OpenAI\.(?:GlobalStandard|DataZoneStandard|Standard)\.(.+)$/.exec(name.value) ?? [];
    if (model === undefined || limit <= 0) return [];
    return [
      {
        provider: 'azure',
        models: [model],
        limits: { tpm: limit * AZURE_UNIT_TOKENS },
        evidence: `Azure usages, ${name.value}`,
        // What is given to deployments, not what they use.
        mostUsed: null,
        warnings:
          currentValue === undefined || currentValue >= limit
            ? []
            : [
                `${currentValue} of ${limit} thousand tokens a minute of ${name.value} are given to deployments: a deployment has only its own`,
              ],
      },
    ];
  });
}

function documentOf(text: string, mark: string): unknown {
  if (!text.includes(mark)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
