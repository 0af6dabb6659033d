import type { GatewayCall } from './call.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';

type ReplyHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Names written out: a name put together per call would be looked up as a new string each time. */
const NAMES = [
  {
    dimension: 'requests',
    limit: ['x-ratelimit-limit-requests', 'anthropic-ratelimit-requests-limit'],
    remaining: ['x-ratelimit-remaining-requests', 'anthropic-ratelimit-requests-remaining'],
  },
  {
    dimension: 'tokens',
    limit: ['x-ratelimit-limit-tokens', 'anthropic-ratelimit-tokens-limit'],
    remaining: ['x-ratelimit-remaining-tokens', 'anthropic-ratelimit-tokens-remaining'],
  },
] as const;

/** Shows the provider's limits at /metrics, from the headers of its reply. */
export function noteProviderLimits(
  call: GatewayCall,
  headers: ReplyHeaders,
  metrics: GatewayMetrics,
): void {
  for (const { dimension, limit: limits, remaining: rest } of NAMES) {
    const limit = positive(headers[limits[0]]) ?? positive(headers[limits[1]]);
    // Azure sends -1 and 0 as placeholders: without a limit, "0 left" means nothing.
    if (limit === undefined) continue;
    const remaining = whole(headers[rest[0]]) ?? whole(headers[rest[1]]);
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
