import { formatCount, round } from '../core/units.ts';

/** The dimensions providers limit, and the window each is counted over. */
export const DIMENSIONS = {
  rpm: { label: 'RPM', unit: 'requests per minute', windowSeconds: 60 },
  rps: { label: 'RPS', unit: 'requests per second', windowSeconds: 1 },
  tpm: { label: 'TPM', unit: 'tokens per minute', windowSeconds: 60 },
  itpm: { label: 'ITPM', unit: 'input tokens per minute', windowSeconds: 60 },
  otpm: { label: 'OTPM', unit: 'output tokens per minute', windowSeconds: 60 },
  uncachedTpm: { label: 'uncached TPM', unit: 'uncached tokens per minute', windowSeconds: 60 },
  concurrency: { label: 'concurrency', unit: 'requests in flight', windowSeconds: 0 },
  spendPer10Min: { label: '$/10 min', unit: 'USD per rolling 10 minutes', windowSeconds: 600 },
  rpd: { label: 'RPD', unit: 'requests per day', windowSeconds: 86_400 },
  tpd: { label: 'TPD', unit: 'tokens per day', windowSeconds: 86_400 },
  spendPerMonth: { label: '$/month', unit: 'USD per month', windowSeconds: 2_628_000 },
  tokensPerMonth: { label: 'tokens/month', unit: 'tokens per month', windowSeconds: 2_628_000 },
} as const satisfies Record<
  string,
  {
    readonly label: string;
    readonly unit: string;
    /** 0: not a window but a level. A month is 730 hours. */
    readonly windowSeconds: number;
  }
>;

export type Dimension = keyof typeof DIMENSIONS;

/** A limit that is absent is unknown, not infinite. */
export type Limits = { readonly [D in Dimension]?: number | undefined };

export function dimensionsOf(limits: Limits): Dimension[] {
  return (Object.keys(DIMENSIONS) as Dimension[]).filter((name) => limits[name] !== undefined);
}

/** Dimensions that need token counts. */
export const TOKEN_DIMENSIONS: ReadonlySet<Dimension> = new Set<Dimension>([
  'tpm',
  'itpm',
  'otpm',
  'uncachedTpm',
  'tpd',
  'tokensPerMonth',
]);

/** Dimensions that need prices. */
export const SPEND_DIMENSIONS: ReadonlySet<Dimension> = new Set<Dimension>([
  'spendPer10Min',
  'spendPerMonth',
]);

/** A multiple of the target for people: `0.0035x`, `0.75x`, `12.5x`, `1,200x`. */
export function formatScale(scale: number): string {
  if (scale < 0.1) return `${Number(scale.toPrecision(2))}x`;
  return `${scale >= 100 ? formatCount(scale) : round(scale, scale < 10 ? 2 : 1)}x`;
}
