import type { Amounts, RateLimit, ReserveDecision } from './rate-limit.ts';

/** A limit and what one call would debit there. */
export interface SpilloverTarget {
  readonly limit: RateLimit;
  readonly amounts: Amounts;
}

export interface SpilloverDecision {
  /** The refusal is the last target's. */
  readonly decision: ReserveDecision;
  /** Index of the target that admitted, or of the last one asked. */
  readonly target: number;
}

/**
 * Asks targets in order until one admits: provisioned throughput first, then pay-as-you-go (Azure
 * `spilloverDeploymentName`, Vertex overflow). Each target keeps its own account; a target that
 * refused may count the refusal, as the provider does.
 */
export function reserveInOrder(
  nowMs: number,
  targets: readonly [SpilloverTarget, ...SpilloverTarget[]],
): SpilloverDecision {
  const [first, ...others] = targets;
  let decision = first.limit.reserve(nowMs, first.amounts);
  let target = 0;
  for (const other of others) {
    if (decision.admitted) break;
    target += 1;
    decision = other.limit.reserve(nowMs, other.amounts);
  }
  return { decision, target };
}
