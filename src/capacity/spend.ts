import type { Plan } from './plan.ts';

/** When a provider's monthly spend cap stops the traffic. */
export interface SpendCap {
  readonly scale: number;
  readonly provider: string;
  readonly model: string;
  readonly capUsd: number;
  /** What the month would cost; null without a price. */
  readonly usdPerMonth: number | null;
  /** Share of the month's traffic that is served before the cap; 1 when it is never reached. */
  readonly servedShare: number | null;
  /** Days of the month until it is reached; null when it is not, or not known. */
  readonly daysToCap: number | null;
}

/** Calendar days of a mean month. */
const DAYS_PER_MONTH = 365 / 12;

/**
 * Time to each monthly spend cap at each scale. Traffic is the same every day of the month: a
 * month that starts with its busiest days reaches the cap sooner.
 */
export function spendCaps({ scales }: Pick<Plan, 'scales'>): SpendCap[] {
  return scales.flatMap(({ limits, scale }) =>
    limits
      .filter(({ dimension }) => dimension === 'spendPerMonth')
      .map(({ demandMean, limit, model, provider }): SpendCap => {
        const servedShare =
          demandMean === null || demandMean === 0 ? null : Math.min(1, limit / demandMean);
        const isReached = servedShare !== null && servedShare < 1;
        return {
          scale,
          provider,
          model,
          capUsd: limit,
          usdPerMonth: demandMean,
          servedShare: demandMean === 0 ? 1 : servedShare,
          daysToCap: isReached ? servedShare * DAYS_PER_MONTH : null,
        };
      }),
  );
}
