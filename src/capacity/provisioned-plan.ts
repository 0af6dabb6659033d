import type { PlanInput } from './plan-input.ts';
import { provisionedBase } from './provisioned-base.ts';
import type { ProvisionedBase } from './provisioned-base.ts';

/** Reserved units per route that offers them, at every scale. */
export interface ProvisionedPlan {
  readonly provider: string;
  readonly model: string;
  readonly overflow: 'refused' | 'pay-as-you-go';
  readonly scales: readonly ProvisionedBase[];
}

export function planProvisioned(input: PlanInput): ProvisionedPlan[] {
  return input.routes.flatMap((route): ProvisionedPlan[] => {
    const offer = route.provisioned;
    if (offer === undefined) return [];
    const scales = input.scales.flatMap(
      (scale) => provisionedBase(input, route, offer, scale) ?? [],
    );
    if (scales.length === 0) return [];
    const { provider, model } = route;
    return [{ provider, model, overflow: offer.overflow, scales }];
  });
}
