import type { GatewayCall } from './call.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';

type ReplyHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Shows the provider's limits at /metrics, from the headers of its reply. */
export function noteProviderLimits(
  call: GatewayCall,
  headers: ReplyHeaders,
  metrics: GatewayMetrics,
): void {
  for (const dimension of ['requests', 'tokens'] as const) {
    const limit =
      positive(headers[`x-ratelimit-limit-${dimension}`]) ??
      positive(headers[`anthropic-ratelimit-${dimension}-limit`]);
    // Azure sends -1 and 0 as placeholders: without a limit, "0 left" means nothing.
    if (limit === undefined) continue;
    const remaining =
      whole(headers[`x-ratelimit-remaining-${dimension}`]) ??
      whole(headers[`anthropic-ratelimit-${dimension}-remaining`]);
    metrics.providerLimit(call.facts.model, dimension, { limit, remaining });
  }
}

function positive(value: string | string[] | undefined): number | undefined {
  const number = whole(value);
  return number === undefined || number === 0 ? undefined : number;
}

function whole(value: string | string[] | undefined): number | undefined {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}
