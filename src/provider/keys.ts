import { createHash } from 'node:crypto';

import type { ProviderConfig } from '../config/provider.ts';
import type { ApiError } from '../http/dialect.ts';

/** A caller as the provider knows it. The key itself is kept nowhere. */
export interface Caller {
  /** Configured name, or a short hash of the key: fit for logs and counts. */
  readonly name: string;
  /** 32 bits of the key's hash: keeps prompt caches apart. */
  readonly salt: number;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Keys remembered by their text, so that the hash is not computed for each request. */
const MAX_REMEMBERED = 10_000;

/** Finds out who calls: `Authorization: Bearer …` or `x-api-key`, whatever the dialect. */
export class KeyRing {
  readonly #configured: boolean;
  readonly #callers = new Map<string, Caller>();

  constructor(keys: ProviderConfig['keys']) {
    this.#configured = keys !== undefined;
    for (const { name, key } of keys ?? []) this.#callers.set(key, caller(key, name));
  }

  authenticate(headers: Headers, api: 'openai' | 'anthropic'): Caller | ApiError {
    const key = keyOf(headers);
    if (key === undefined) return missingKey(api);
    const known = this.#callers.get(key);
    if (known !== undefined) return known;
    if (this.#configured) return wrongKey(api);
    const fresh = caller(key);
    if (this.#callers.size < MAX_REMEMBERED) this.#callers.set(key, fresh);
    return fresh;
  }
}

function keyOf(headers: Headers): string | undefined {
  const { authorization } = headers;
  const bearer =
    typeof authorization === 'string' ? /^Bearer\s+(\S+)$/i.exec(authorization)?.[1] : undefined;
  const apiKey = headers['x-api-key'] ?? headers['api-key'];
  return bearer ?? (typeof apiKey === 'string' && apiKey !== '' ? apiKey : undefined);
}

function caller(key: string, name?: string): Caller {
  const digest = createHash('sha256').update(key).digest();
  return { name: name ?? `key-${digest.toString('hex', 0, 4)}`, salt: digest.readUInt32LE(4) };
}

function missingKey(api: 'openai' | 'anthropic'): ApiError {
  if (api === 'anthropic') return { status: 401, message: 'x-api-key header is required' };
  const message =
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
  return { status: 401, message, type: 'invalid_request_error' };
}

function wrongKey(api: 'openai' | 'anthropic'): ApiError {
  if (api === 'anthropic') return { status: 401, message: 'invalid x-api-key' };
  const message =
    'Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.';
  return { status: 401, message, type: 'invalid_request_error', code: 'invalid_api_key' };
}
