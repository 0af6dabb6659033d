import { HOURS_PER_MONTH } from '../core/units.ts';

/** Provisioned throughput: Azure PTUs and Google GSUs. Formulas: Microsoft and Google sizing pages. */

export interface PtuModel {
  readonly inputTokensPerMinutePerPtu: number;
  /** Input tokens that one output token weighs. */
  readonly outputRatio: number;
  readonly minimum: number;
  readonly increment: number;
}

export interface ProvisionedLoad {
  readonly requestsPerMinute: number;
  readonly promptTokens: number;
  readonly responseTokens: number;
  /** Share of the prompt read from the cache; Azure does not count it. */
  readonly cachedShare: number;
}

export interface PtuSize {
  readonly normalisedTokensPerMinute: number;
  readonly exactPtus: number;
  /** The smallest size that can be bought and holds it. */
  readonly ptus: number;
}

/** PTUs for a load: smallest of minimum, minimum + increment, … that holds it. */
export function ptuSize(model: PtuModel, load: ProvisionedLoad): PtuSize {
  const normalisedTokensPerMinute =
    load.requestsPerMinute * load.promptTokens * (1 - load.cachedShare) +
    model.outputRatio * load.requestsPerMinute * load.responseTokens;
  const exactPtus = normalisedTokensPerMinute / model.inputTokensPerMinutePerPtu;
  const steps = Math.max(0, Math.ceil((exactPtus - model.minimum) / model.increment));
  return { normalisedTokensPerMinute, exactPtus, ptus: model.minimum + steps * model.increment };
}

/**
 * What one PTU's input would cost per month as pay-as-you-go, and the sustained utilisation at
 * which a PTU at the given monthly price pays back (above 1: never).
 */
export function ptuBreakEven(offer: {
  readonly inputTokensPerMinutePerPtu: number;
  readonly inputUsdPerMillion: number;
  readonly usdPerPtuMonth: number;
  readonly hoursPerMonth?: number | undefined;
}): { readonly payAsYouGoUsdPerMonth: number; readonly utilisation: number } {
  const minutes = 60 * (offer.hoursPerMonth ?? HOURS_PER_MONTH);
  const payAsYouGoUsdPerMonth =
    (offer.inputTokensPerMinutePerPtu * minutes * offer.inputUsdPerMillion) / 1_000_000;
  return { payAsYouGoUsdPerMonth, utilisation: offer.usdPerPtuMonth / payAsYouGoUsdPerMonth };
}

/** PTUs that a reservation covers, and those that bill hourly. */
export function reservationCover(
  reserved: number,
  deployed: readonly number[],
): { readonly covered: number; readonly hourly: number } {
  const total = deployed.reduce((sum, ptus) => sum + ptus, 0);
  return { covered: Math.min(reserved, total), hourly: Math.max(0, total - reserved) };
}

export interface WeightedTokens {
  readonly tokens: number;
  readonly weight: number;
}

/** Tokens after Google's burndown weights (output counts several times, cached input a tenth). */
export function weightedTokens(parts: readonly WeightedTokens[]): number {
  return parts.reduce((sum, { tokens, weight }) => sum + tokens * weight, 0);
}

/** GSUs for a query rate. */
export function gsuSize(load: {
  readonly queriesPerSecond: number;
  readonly parts: readonly WeightedTokens[];
  readonly tokensPerSecondPerGsu: number;
  readonly increment?: number | undefined;
}): {
  readonly tokensPerQuery: number;
  readonly tokensPerSecond: number;
  readonly exactGsus: number;
  readonly gsus: number;
} {
  const tokensPerQuery = weightedTokens(load.parts);
  const tokensPerSecond = tokensPerQuery * load.queriesPerSecond;
  const exactGsus = tokensPerSecond / load.tokensPerSecondPerGsu;
  const increment = load.increment ?? 1;
  return {
    tokensPerQuery,
    tokensPerSecond,
    exactGsus,
    gsus: Math.ceil(exactGsus / increment) * increment,
  };
}

/** Throughput of a number of GSUs, tokens per second at weight 1. */
export function gsuThroughput(gsus: number, tokensPerSecondPerGsu: number): number {
  return gsus * tokensPerSecondPerGsu;
}

/** A machine that runs all month; an idle one is billed too. */
export function monthlyMachineCost(
  usdPerHour: number,
  hoursPerMonth: number = HOURS_PER_MONTH,
): number {
  return usdPerHour * hoursPerMonth;
}
