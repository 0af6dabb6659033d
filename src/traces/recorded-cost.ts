import { numberOf } from './json-value.ts';

/**
 * US dollars that a source recorded for a call: the first of the fields that holds one. Tracers and
 * gateways write 0 for models that they have no price of (Langfuse, LiteLLM), so 0 is unknown.
 */
export function recordedCost(...fields: readonly unknown[]): number | undefined {
  return fields.map(numberOf).find((usd) => usd !== undefined && usd > 0);
}
