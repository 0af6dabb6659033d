import { z } from 'zod';

import type { TokenRates } from '../capacity/price.ts';
import { perMillion } from './price-list.ts';
import type { ListedPrice, PriceList } from './price-list.ts';

/** LiteLLM's model_prices_and_context_window.json: models by name, USD per token. */
const nullable = z.number().nullish();
export const liteLlmData = z.record(
  z.string(),
  z
    .looseObject({
      litellm_provider: z.string().optional(),
      mode: z.string().optional(),
      input_cost_per_token: nullable,
      output_cost_per_token: nullable,
      cache_read_input_token_cost: nullable,
      cache_creation_input_token_cost: nullable,
      cache_creation_input_token_cost_above_1hr: nullable,
      input_cost_per_token_batches: nullable,
      output_cost_per_token_batches: nullable,
    })
    .or(z.unknown().transform(() => null)),
);

type LiteLlm = z.output<typeof liteLlmData>;
type Row = NonNullable<LiteLlm[string]>;

const OUR_NAMES: Readonly<Record<string, string>> = {
  gemini: 'google',
  fireworks_ai: 'fireworks',
  bedrock_converse: 'bedrock',
};

/** `above_272k_tokens`: the threshold is part of the field's name. */
const LONG_FIELD = /^input_cost_per_token_above_(\d+)k_tokens$/;

export function liteLlmPriceList(data: LiteLlm): PriceList {
  const prices: ListedPrice[] = [];
  const skipped: { what: string; why: string }[] = [];
  for (const [name, row] of Object.entries(data)) {
    const provider = row?.litellm_provider;
    if (row === null || provider === undefined || name === 'sample_spec') continue;
    const converted = convert(row);
    if ('why' in converted) skipped.push({ what: `${provider} ${name}`, ...converted });
    else {
      const model = name.startsWith(`${provider}/`) ? name.slice(provider.length + 1) : name;
      prices.push({ provider: OUR_NAMES[provider] ?? provider, model, price: converted });
    }
  }
  return { format: 'LiteLLM', prices, skipped };
}

function convert(row: Row): ListedPrice['price'] | { readonly why: string } {
  const { input_cost_per_token: input, output_cost_per_token: output } = row;
  if (typeof input !== 'number' || typeof output !== 'number') return { why: 'no price per token' };
  const thresholds = Object.keys(row).flatMap((key) => {
    const match = LONG_FIELD.exec(key);
    return match !== null && typeof row[key] === 'number' ? [match[1]!] : [];
  });
  if (thresholds.length > 1) return { why: 'more than two price tiers by prompt length' };
  const [above] = thresholds;
  const batch = row.input_cost_per_token_batches;
  return {
    ...ratesOf(row, ''),
    long:
      above === undefined
        ? undefined
        : {
            ...ratesOf(row, `_above_${above}k_tokens`),
            thresholdTokens: Number(above) * 1000,
            inclusive: false,
          },
    ...(typeof batch === 'number' && input > 0 ? { batchFactor: batch / input } : {}),
  };
}

function ratesOf(row: Row, suffix: string): TokenRates {
  // Half a tier is possible: what it does not raise stays as below the threshold.
  const rate = (key: string): number | undefined => {
    const value = row[`${key}${suffix}`] ?? row[key];
    return typeof value === 'number' ? perMillion(value) : undefined;
  };
  const optional = {
    cacheReadUsd: rate('cache_read_input_token_cost'),
    cacheWrite5mUsd: rate('cache_creation_input_token_cost'),
    cacheWrite1hUsd: rate('cache_creation_input_token_cost_above_1hr'),
  };
  const stated = Object.entries(optional).filter(([, value]) => value !== undefined);
  return {
    inputUsd: rate('input_cost_per_token') ?? 0,
    outputUsd: rate('output_cost_per_token') ?? 0,
    ...Object.fromEntries(stated),
  };
}
