import { createHmac, createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

import type { GatewayConfig } from '../config/gateway.ts';
import type { Agent, Stage } from './call.ts';
import { Refusal } from './refusal.ts';

export const ANONYMOUS: Agent = { id: 'anonymous', tenant: 'default' };

/** Longer credentials are not ours; hashing them would be work for an attacker to order. */
const LONGEST_KEY = 512;

interface KnownAgent {
  readonly agent: Agent;
  readonly digest: Buffer;
}

/**
 * Finds the agent of a call by its key. The table is indexed by an HMAC under a key of this
 * process, so that lookup time says nothing about stored digests; the digests themselves are
 * compared in constant time. Neither key nor digest is ever logged.
 */
export function authenticate(config: Pick<GatewayConfig, 'agents' | 'openAccess'>): Stage {
  const processKey = randomBytes(32);
  const index = (digest: Buffer): string =>
    createHmac('sha256', processKey).update(digest).digest('base64');
  const known = new Map<string, KnownAgent>();
  for (const { keySha256, ...agent } of config.agents) {
    const digest = Buffer.from(keySha256, 'hex');
    known.set(index(digest), { agent, digest });
  }
  return (call, next) => {
    const key = presentedKey(call.request.headers);
    if (key !== undefined && key.length <= LONGEST_KEY) {
      const digest = createHash('sha256').update(key).digest();
      const found = known.get(index(digest));
      if (found !== undefined && timingSafeEqual(found.digest, digest)) {
        call.agent = found.agent;
        return next();
      }
    }
    if (!config.openAccess) throw unauthorised(key === undefined);
    return next();
  };
}

/** `Authorization: Bearer` or `x-api-key`; both are fine when they agree. */
function presentedKey(headers: IncomingHttpHeaders): string | undefined {
  const bearer = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const apiKey = headers['x-api-key'];
  if (typeof apiKey !== 'string' || apiKey === '') return bearer;
  if (bearer !== undefined && bearer !== apiKey) {
    throw new Refusal('authorization and x-api-key carry different keys', {
      status: 400,
      code: 'ambiguous_credentials',
      outcome: 'refused',
    });
  }
  return apiKey;
}

function unauthorised(isMissing: boolean): Refusal {
  const message = isMissing
    ? 'no agent key; send it as "Authorization: Bearer …" or "x-api-key"'
    : 'the agent key is not known';
  return new Refusal(message, { status: 401, code: 'invalid_api_key', outcome: 'refused' });
}
