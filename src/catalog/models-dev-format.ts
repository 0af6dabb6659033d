import { z } from 'zod';

import { tidy } from './price-list.ts';
import type { ListedPrice, PriceList } from './price-list.ts';

/** models.dev's api.json: providers by id, models by id, USD per million tokens. */
const cost = z.object({
  input: z.number().optional(),
  output: z.number().optional(),
  cache_read: z.number().optional(),
  cache_write: z.number().optional(),
});
export const modelsDevData = z.record(
  z.string(),
  z.object({
    id: z.string(),
    models: z.record(
      z.string(),
      z.object({
        cost: cost
          .extend({
            tiers: z
              .array(cost.extend({ tier: z.object({ type: z.string(), size: z.number() }) }))
              .optional(),
            context_over_200k: cost.optional(),
          })
          .optional(),
      }),
    ),
  }),
);

type ModelsDev = z.output<typeof modelsDevData>;
type Cost = z.output<typeof cost>;
type ModelCost = NonNullable<ModelsDev[string]['models'][string]['cost']>;

const OUR_NAMES: Readonly<Record<string, string>> = {
  'amazon-bedrock': 'bedrock',
  'fireworks-ai': 'fireworks',
};

/** Its `context_over_200k` names the threshold. */
const OVER_200K = 200_000;

export function modelsDevPriceList(data: ModelsDev): PriceList {
  const prices: ListedPrice[] = [];
  const skipped: { what: string; why: string }[] = [];
  for (const [providerId, { models }] of Object.entries(data)) {
    const provider = OUR_NAMES[providerId] ?? providerId;
    for (const [model, entry] of Object.entries(models)) {
      const converted = entry.cost === undefined ? { why: 'no cost' } : convert(entry.cost);
      if ('why' in converted) skipped.push({ what: `${providerId} ${model}`, ...converted });
      else prices.push({ provider, model, price: converted });
    }
  }
  return { format: 'models.dev', prices, skipped };
}

function convert(given: ModelCost): ListedPrice['price'] | { readonly why: string } {
  if (given.input === undefined || given.output === undefined) {
    return { why: 'no input or output price' };
  }
  const context = given.tiers ?? [];
  if (context.some(({ tier }) => tier.type !== 'context')) {
    return { why: 'a price tier that is not the prompt length' };
  }
  if (context.length > 1) return { why: 'more than two price tiers by prompt length' };
  const [tier] = context;
  const long = tier ?? given.context_over_200k;
  // Models with a real tier repeat it as context_over_200k; the real threshold wins.
  const thresholdTokens = tier?.tier.size ?? OVER_200K;
  return {
    ...ratesOf(given),
    long:
      long === undefined
        ? undefined
        : { ...ratesOf({ ...given, ...long }), thresholdTokens, inclusive: false },
  };
}

function ratesOf(rates: Cost): ListedPrice['price'] {
  return {
    inputUsd: tidy(rates.input ?? 0),
    outputUsd: tidy(rates.output ?? 0),
    ...(rates.cache_read === undefined ? {} : { cacheReadUsd: tidy(rates.cache_read) }),
    ...(rates.cache_write === undefined ? {} : { cacheWrite5mUsd: tidy(rates.cache_write) }),
  };
}
