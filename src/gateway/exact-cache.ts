import { randomBytes } from 'node:crypto';

import type { GatewayConfig } from '../config/gateway.ts';
import type { Clock } from '../core/clock.ts';
import type { TokenRecord } from '../core/tokens.ts';
import { ResponseCache } from '../mechanisms/response-cache.ts';
import { cacheKey, isCacheable } from './cache-key.ts';
import type { GatewayCall, Stage } from './call.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';

interface CachedReply {
  readonly contentType: string;
  readonly body: Buffer;
  readonly tokens: TokenRecord | undefined;
}

/** Bookkeeping of one entry beyond its body: key, Map slots, record. */
const ENTRY_OVERHEAD_BYTES = 512;

/**
 * Answers repeated equal calls of one agent (or tenant) from memory. A reply is stored only after
 * its terminal event and only when it ended naturally: no errors, no truncated or capped answers,
 * no tool calls. Streams and whole replies have separate entries; a stream is replayed as the same
 * frames at once.
 */
export function exactCache(
  config: GatewayConfig['cache'],
  clock: Clock,
  metrics: GatewayMetrics,
): Stage {
  const secret = randomBytes(32).toString('hex');
  const cache = new ResponseCache<CachedReply>({ maxBytes: config.maxSize, ttlMs: config.ttl });
  return async (call, next) => {
    if (!isCacheable(call, call.agent.cache ?? config.mode)) {
      call.replyHeaders['x-cache'] = 'bypass';
      metrics.cacheLookup(call, 'bypass');
      return next();
    }
    const key = cacheKey(call, config.scope, secret);
    const isRefresh = /\bno-cache\b/i.test(call.request.headers['cache-control'] ?? '');
    const found = isRefresh ? undefined : cache.get(clock.now(), key);
    if (found !== undefined) {
      metrics.cacheLookup(call, 'hit');
      replay(call, found);
      return;
    }
    call.replyHeaders['x-cache'] = 'miss';
    metrics.cacheLookup(call, 'miss');
    call.keepReplyBytes = config.maxEntrySize;
    await next();
    const { reply, tokens } = call.outcome;
    if (!endedNaturally(call) || reply === undefined) return;
    const size = reply.body.length + ENTRY_OVERHEAD_BYTES;
    // A copy: what came in one chunk is a slice of the socket's buffer, which is far larger.
    const { contentType, body } = reply;
    const kept = { contentType, body: Buffer.from(body), tokens };
    cache.set(clock.now(), key, kept, size, { tags: [call.agent.tenant] });
  };
}

/** Whether a reply is one that its model would stand by. */
function endedNaturally({ outcome, route }: GatewayCall): boolean {
  if (outcome.kind !== 'ok' || outcome.status !== 200) return false;
  return route.wire === 'openai-embeddings' || outcome.finish === 'stop';
}

function replay(call: GatewayCall, { body, contentType, tokens }: CachedReply): void {
  call.replyHeaders['x-cache'] = 'hit';
  call.response.writeHead(200, {
    ...call.replyHeaders,
    'content-type': contentType,
    ...(call.facts.stream ? { 'cache-control': 'no-cache' } : { 'content-length': body.length }),
  });
  call.response.end(body);
  const { outcome } = call;
  outcome.kind = 'ok';
  outcome.status = 200;
  outcome.tokens = tokens;
  outcome.tokensBasis = tokens === undefined ? 'none' : 'reported';
  outcome.cached = true;
  outcome.finish = 'stop';
}
