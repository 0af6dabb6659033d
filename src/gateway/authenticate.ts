import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

import type { GatewayConfig } from '../config/gateway.ts';
import type { Agent, Stage } from './call.ts';
import { Refusal } from './refusal.ts';

export const ANONYMOUS: Agent = { id: 'anonymous', tenant: 'default' };

/** Longer credentials are not ours; hashing them would be work for an attacker to order. */
const LONGEST_KEY = 512;

/**
 * Finds the agent of a call by the SHA-256 of its key. Callers cannot steer a digest, so the time of
 * the table look-up says nothing about keys. Neither key nor digest is ever logged.
 */
export function authenticate(config: Pick<GatewayConfig, 'agents' | 'openAccess'>): Stage {
  const known = new Map<string, Agent>();
  for (const { keySha256, ...agent } of config.agents) {
    known.set(keySha256, agent);
  }
  return (call, next) => {
    const key = presentedKey(call.request.headers);
    if (key !== undefined && key.length <= LONGEST_KEY) {
      const found = known.get(hash('sha256', key, 'hex'));
      if (found !== undefined) {
        call.agent = found;
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
