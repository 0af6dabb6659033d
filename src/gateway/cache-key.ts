import { hash } from 'node:crypto';

import type { CacheMode } from '../config/gateway.ts';
import { recordsOf } from '../http/dialect-json.ts';
import type { Json } from '../http/dialect-json.ts';
import type { GatewayCall } from './call.ts';

/** Fields that do not change what the model is asked (APISIX and gateway.md section 6). */
const TRANSPORT = new Set([
  'stream',
  'stream_options',
  'user',
  'metadata',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
]);

/** Headers that change the reply's format or the model's behaviour. */
const VARYING_HEADERS = ['anthropic-version', 'anthropic-beta', 'openai-beta'];

/** Fields that tie a call to state at the provider: a stored reply would not be that state. */
const STATEFUL = ['previous_response_id', 'conversation', 'background', 'container'];

/**
 * Whether the answer to a call may stand for later equal calls. A hosted tool (web search, code
 * execution) reads the world, so its answers are never repeated; nor are answers that the provider
 * stores for later reference.
 */
export function isCacheable(call: GatewayCall, mode: CacheMode): boolean {
  const { parsed } = call.facts;
  const { wire } = call.route;
  if (mode === 'off' || parsed === undefined || wire === 'plain') return false;
  if (/\bno-store\b/i.test(call.request.headers['cache-control'] ?? '')) return false;
  if (wire === 'openai-embeddings') return true;
  if (STATEFUL.some((field) => isSet(parsed[field])) || parsed['store'] === true) return false;
  // The Responses API stores unless told not to.
  if (wire === 'openai-responses' && parsed['store'] !== false) return false;
  if (typeof parsed['n'] === 'number' && parsed['n'] > 1) return false;
  if (recordsOf(parsed['tools']).some((tool) => !isCallerTool(tool))) return false;
  return mode === 'all' || parsed['temperature'] === 0;
}

/**
 * Digest under a secret of this process, so that entries are bound to scope and cannot be guessed.
 * No digest leaves the process, so there is nothing whose length could be extended and HMAC's
 * second round, and the cost of its object, buy nothing.
 */
export function cacheKey(call: GatewayCall, scope: 'agent' | 'tenant', secret: string): string {
  const { agent, facts, request, route } = call;
  const parts = [
    secret,
    scope === 'agent' ? [agent.tenant, agent.id] : [agent.tenant],
    route.path,
    facts.stream ? ['stream', canonical(facts.parsed?.['stream_options'] ?? null)] : ['whole'],
    VARYING_HEADERS.map((name) => request.headers[name] ?? null),
  ];
  const text = `${JSON.stringify(parts)}\0${canonicalFields(facts.parsed ?? {}, TRANSPORT)}`;
  return hash('sha256', text, 'base64');
}

const NONE: ReadonlySet<string> = new Set();

/** Longer strings are told by their length, which spares the search for characters to escape. */
const LONGEST_ESCAPED = 64;

const SURROGATE = /[\uD800-\uDFFF]/;

/**
 * Text with sorted keys, JSON but for long strings: equal values give equal text, others do not.
 * Three times as fast as a replacer.
 */
export function canonical(value: unknown): string {
  // No number stands before a colon in JSON, so the length cannot be taken for one. Lone surrogates
  // would all be the same after encoding; JSON escapes them.
  if (typeof value === 'string' && value.length > LONGEST_ESCAPED && !SURROGATE.test(value)) {
    return `${value.length}:${value}`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) text += `${text === '' ? '' : ','}${canonical(item)}`;
    return `[${text}]`;
  }
  return canonicalFields(value as Json, NONE);
}

function canonicalFields(fields: Json, without: ReadonlySet<string>): string {
  let text = '';
  for (const key of Object.keys(fields).toSorted()) {
    const inner = fields[key];
    if (inner === undefined || without.has(key)) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonical(inner)}`;
  }
  return `{${text}}`;
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false;
}

/** Tools the caller runs itself: OpenAI functions, custom tools; Anthropic tools with a schema. */
function isCallerTool(tool: Json): boolean {
  const { type } = tool;
  return type === undefined || type === 'function' || type === 'custom';
}
