import { z } from 'zod';

import type { ModelPrice, TokenRates } from '../capacity/price.ts';
import { header, loadDocument, writeYaml } from './document.ts';
import { count, oneOf, share, strict, usd } from './fields.ts';

/** `kind: PriceOverlay`: prices that replace the bundled catalog's, all from one dated source. */

const rates = {
  input: usd(),
  cacheRead: usd().optional(),
  cacheWrite5m: usd().optional(),
  cacheWrite1h: usd().optional(),
  output: usd(),
};

const document = strict({
  ...header('PriceOverlay'),
  source: strict({
    page: z.string(),
    date: z.string().regex(/^\d{4}-\d{2}-\d{2}$/, { error: 'expected a date such as 2026-11-20' }),
    basis: oneOf(['listed', 'inferred', 'third-party']).optional(),
  }),
  prices: z.array(
    strict({
      provider: z.string(),
      model: z.string(),
      ...rates,
      long: strict({
        aboveTokens: count(),
        inclusive: z.boolean().optional(),
        ...rates,
      }).optional(),
      batchFactor: share().optional(),
      batchKeepsCacheRates: z.boolean().optional(),
      note: z.string().optional(),
    }),
  ),
});

export type PriceOverlay = z.output<typeof document>;

/** For `agent-infra schema`. */
export const priceOverlaySchema = document;

/** Reads an overlay. @throws ConfigError with every problem */
export function loadPriceOverlay(file: string): Promise<PriceOverlay> {
  return loadDocument(document as unknown as z.ZodType<PriceOverlay>, file);
}

/** The overlay as people write it, ready for loadPriceOverlay. */
export function priceOverlayYaml(
  source: PriceOverlay['source'],
  prices: readonly {
    readonly provider: string;
    readonly model: string;
    readonly price: ModelPrice;
    readonly note?: string | undefined;
  }[],
): string {
  return writeYaml({
    apiVersion: 'agent-infra/v1',
    kind: 'PriceOverlay',
    source,
    prices: prices.map(({ provider, model, price, note }) => ({
      provider,
      model,
      ...ratesYaml(price),
      ...(price.long === undefined
        ? {}
        : {
            long: {
              aboveTokens: price.long.thresholdTokens,
              ...(price.long.inclusive ? { inclusive: true } : {}),
              ...ratesYaml(price.long),
            },
          }),
      ...(price.batchFactor === undefined ? {} : { batchFactor: price.batchFactor }),
      ...(price.batchKeepsCacheRates === true ? { batchKeepsCacheRates: true } : {}),
      ...(note === undefined ? {} : { note }),
    })),
  });
}

function ratesYaml(rate: TokenRates): Record<string, string> {
  const all = {
    input: rate.inputUsd,
    cacheRead: rate.cacheReadUsd,
    cacheWrite5m: rate.cacheWrite5mUsd,
    cacheWrite1h: rate.cacheWrite1hUsd,
    output: rate.outputUsd,
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, `$${decimal(value)}`]],
    ),
  );
}

/** Never in exponents: the reader of amounts knows digits only. */
function decimal(value: number): string {
  return value.toFixed(9).replace(/\.?0+$/, '');
}
