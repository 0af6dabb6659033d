import { z } from 'zod';

import { count, oneOf, share, strict } from './fields.ts';

/** What of a plan's calls and prompts caches answer. */

const responseCache = strict({
  hitRate: share()
    .refine((value) => value < 1, {
      error: 'a cache that answers every call leaves nothing to plan',
    })
    .meta({ description: 'Share of the calls that it answers.' }),
  source: z.string().min(1).optional().meta({ description: 'Where the hit rate was measured.' }),
}).meta({ description: 'Calls it answers never reach a provider.' });

const prompt = strict({
  hitRate: z
    .union([z.literal('possible'), share()])
    .optional()
    .meta({
      description:
        'Share of input tokens read from the provider’s cache; possible: what the prefixes of the workload allow. Default: as measured.',
    }),
  lifetime: oneOf(['5m', '1h']).optional().meta({ description: 'Of what is written. Default 5m.' }),
  written: share()
    .optional()
    .meta({ description: 'Of the input that is not read, what is written. Default 100%.' }),
  keys: count()
    .refine((value) => Number.isInteger(value) && value >= 1, { error: 'expected a whole number' })
    .optional()
    .meta({
      description:
        'Cache keys (prompt_cache_key) that all traffic shares, whatever the scale. Default: one per session.',
    }),
  source: z.string().min(1).optional(),
});

export const caching = strict({
  prompt: prompt.optional(),
  exact: responseCache.optional(),
  semantic: responseCache.optional(),
}).superRefine((value, context) => {
  const { prompt: own } = value;
  if (own === undefined) return;
  for (const name of ['lifetime', 'written', 'source'] as const) {
    if (own[name] === undefined || own.hitRate !== undefined) continue;
    const message = `${name} needs hitRate: without it the workload's own reads and writes hold`;
    context.addIssue({ code: 'custom', path: ['prompt', name], message });
  }
});
