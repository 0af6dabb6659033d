import type { Random } from '../core/random.ts';

/** Speculative decoding: a cheap draft is checked in one step of the model. */
export interface Speculation {
  /** Tokens drafted per step. */
  readonly draftTokens: number;
  /** Chance that a draft token is accepted, given that all before it were. */
  readonly acceptance: number;
}

/**
 * Mean tokens per step, 1 + a + a² + … + aᵏ = (1 − aᵏ⁺¹) / (1 − a) (Leviathan et al. 2023): the
 * model always adds one token of its own.
 */
export function meanAccepted(speculation: Speculation): number {
  return meanOf(speculation.acceptance, speculation.draftTokens);
}

/** Carries what a sequence is owed when acceptance is spread evenly instead of drawn. */
export interface AcceptanceCredit {
  credit: number;
}

/**
 * Tokens one step yields of `planned` computed ones (1 + drafts), at least 1: drawn by `random`,
 * or without it the mean, carried over in `owner.credit` so that it comes out exactly in the long run.
 */
export function acceptedPerStep(
  speculation: Speculation,
  planned: number,
  owner: AcceptanceCredit,
  random: Random | undefined,
): number {
  if (random !== undefined) {
    let accepted = 1;
    while (accepted < planned && random.uniform() < speculation.acceptance) accepted += 1;
    return accepted;
  }
  owner.credit += meanOf(speculation.acceptance, planned - 1);
  const accepted = Math.max(1, Math.min(planned, Math.floor(owner.credit)));
  owner.credit -= accepted;
  return accepted;
}

function meanOf(acceptance: number, drafts: number): number {
  return acceptance >= 1 ? drafts + 1 : (1 - acceptance ** (drafts + 1)) / (1 - acceptance);
}
