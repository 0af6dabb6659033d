export interface SpilloverDecision<Decision> {
  /** The refusal is the last target's. */
  readonly decision: Decision;
  /** Index of the target that admitted, or of the last one asked. */
  readonly target: number;
}

/**
 * Asks targets in order until one admits: provisioned throughput first, then pay-as-you-go (Azure
 * `spilloverDeploymentName`, Vertex overflow). Each target keeps its own account; a target that
 * refused may count the refusal, as the provider does.
 */
export function admitInOrder<Decision extends { readonly admitted: boolean }>(
  targets: readonly [() => Decision, ...(() => Decision)[]],
): SpilloverDecision<Decision> {
  const [first, ...others] = targets;
  let decision = first();
  let target = 0;
  for (const other of others) {
    if (decision.admitted) break;
    target += 1;
    decision = other();
  }
  return { decision, target };
}
