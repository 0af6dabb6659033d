import { z } from 'zod';

import type { Dimension, Limits } from '../capacity/limit.ts';
import type { ImportedLimits } from './limits-import.ts';

/** `GET /v1/organizations/rate_limits` (platform.claude.com, Rate Limits API, 2026-10). */
const answer = z.object({
  data: z.array(
    z.object({
      type: z.literal('rate_limit'),
      group_type: z.string().optional(),
      // Newer answers describe the group in an object.
      group: z.object({ type: z.string() }).nullish(),
      models: z.array(z.string()).nullish(),
      limits: z.array(z.object({ type: z.string(), value: z.number() })),
    }),
  ),
  next_page: z.string().nullish(),
});

const DIMENSION_OF: Readonly<Record<string, Dimension>> = {
  requests_per_minute: 'rpm',
  input_tokens_per_minute: 'itpm',
  output_tokens_per_minute: 'otpm',
  tokens_per_minute: 'tpm',
  requests_per_day: 'rpd',
  tokens_per_day: 'tpd',
};

/** Undefined when the text is something else. */
export function anthropicLimits(text: string): ImportedLimits[] | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = answer.safeParse(data);
  if (!parsed.success) return undefined;
  const more =
    typeof parsed.data.next_page === 'string'
      ? ['the answer is one page of several: fetch next_page, too']
      : [];
  return parsed.data.data.flatMap((entry): ImportedLimits[] => {
    const kind = entry.group_type ?? entry.group?.type;
    const models = entry.models ?? [];
    if (kind !== 'model_group' || models.length === 0) return [];
    const unknown: string[] = [];
    const limits: { [D in Dimension]?: number } = {};
    for (const { type, value } of entry.limits) {
      const dimension = DIMENSION_OF[type];
      if (dimension === undefined) unknown.push(`limit "${type}" is not used`);
      else limits[dimension] = value;
    }
    return [
      {
        provider: 'anthropic',
        models,
        limits: limits as Limits,
        evidence: 'Rate Limits API',
        mostUsed: null,
        warnings: [...unknown, ...more],
      },
    ];
  });
}
