import type { ModelPrice } from '../capacity/price.ts';

/** Prices as another catalog lists them, in our providers' names and units. */
export interface PriceList {
  readonly format: string;
  readonly prices: readonly ListedPrice[];
  /** Rows that our terms cannot hold, with the reason. */
  readonly skipped: readonly { readonly what: string; readonly why: string }[];
}

export interface ListedPrice {
  /** Our name of the provider; the source's own where we have none. */
  readonly provider: string;
  readonly model: string;
  readonly price: ModelPrice;
  readonly note?: string | undefined;
}

/** Float noise of "per token" lists: prices are compared and kept to a millionth of a dollar per million. */
export function perMillion(usdPerToken: number): number {
  return tidy(usdPerToken * 1_000_000);
}

export function tidy(usd: number): number {
  return Number(usd.toFixed(6));
}

/** One way in which two catalogs disagree about a model. */
export interface PriceDifference {
  readonly field: string;
  readonly ours: string;
  readonly theirs: string;
}

const RATES = [
  ['inputUsd', 'input'],
  ['cacheReadUsd', 'cache read'],
  ['cacheWrite5mUsd', 'cache write'],
  ['cacheWrite1hUsd', 'cache write 1 h'],
  ['outputUsd', 'output'],
] as const;

/**
 * What both state and state differently. A rate that only one of them gives is no difference; a
 * long-prompt tier that only one of them has is, because it changes what a request costs.
 */
export function priceDifferences(ours: ModelPrice, theirs: ModelPrice): PriceDifference[] {
  const found: PriceDifference[] = [];
  const compare = (field: string, a: number | undefined, b: number | undefined): void => {
    if (a === undefined || b === undefined || tidy(a) === tidy(b)) return;
    found.push({ field, ours: `$${tidy(a)}`, theirs: `$${tidy(b)}` });
  };
  for (const [key, label] of RATES) compare(label, ours[key], theirs[key]);
  if (ours.batchFactor !== undefined && theirs.batchFactor !== undefined) {
    if (Math.abs(ours.batchFactor - theirs.batchFactor) > 1e-6) {
      const text = (factor: number): string => `x${tidy(factor)}`;
      found.push({
        field: 'batch',
        ours: text(ours.batchFactor),
        theirs: text(theirs.batchFactor),
      });
    }
  }
  const [a, b] = [thresholdText(ours), thresholdText(theirs)];
  if (a !== b) found.push({ field: 'long prompts', ours: a, theirs: b });
  else if (ours.long !== undefined && theirs.long !== undefined) {
    for (const [key, label] of RATES)
      compare(`${label}, long prompt`, ours.long[key], theirs.long[key]);
  }
  return found;
}

/** The first prompt length that bills long: "more than 271,999" and "272,000 or more" are the same. */
function thresholdText({ long }: ModelPrice): string {
  if (long === undefined) return 'none';
  return `from ${long.inclusive ? long.thresholdTokens : long.thresholdTokens + 1} tokens`;
}

/** Theirs, with what only ours states (batch factor, one-hour writes) kept. */
export function mergedPrice(ours: ModelPrice | undefined, theirs: ModelPrice): ModelPrice {
  if (ours === undefined) return theirs;
  const kept = Object.entries(theirs).filter(([, value]) => value !== undefined);
  const { long: _long, ...flat } = ours;
  return { ...flat, ...Object.fromEntries(kept) } as ModelPrice;
}
