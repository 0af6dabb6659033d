import type { IncomingHttpHeaders } from 'node:http';

import type { GatewayConfig, UpstreamConfig } from '../config/gateway.ts';
import type { Clock } from '../core/clock.ts';
import { HttpClient } from '../http/client.ts';
import type { GatewayCall } from './call.ts';
import type { Route } from './route.ts';

/** One provider the gateway forwards to. */
export interface Upstream {
  readonly client: HttpClient;
  /** Path in front of the route's, for providers below a prefix. */
  readonly basePath: string;
  /** Credential and fixed headers. */
  readonly headers: Readonly<Record<string, string>>;
}

export type Upstreams = { readonly [U in Route['upstream']]?: Upstream | undefined };

/**
 * Request headers that reach a provider. A list of what passes, not of what is dropped: inbound
 * credentials, cookies, hop-by-hop, `x-agent-*`, `x-forwarded-*`, underscore twins and whatever is
 * invented next stay here.
 */
const FORWARDED = [
  'content-type',
  'accept',
  'user-agent',
  'anthropic-version',
  'anthropic-beta',
  'openai-beta',
  'idempotency-key',
  'x-client-request-id',
  'traceparent',
  'tracestate',
  'x-stainless-arch',
  'x-stainless-async',
  'x-stainless-helper-method',
  'x-stainless-lang',
  'x-stainless-os',
  'x-stainless-package-version',
  'x-stainless-retry-count',
  'x-stainless-runtime',
  'x-stainless-runtime-version',
  'x-stainless-timeout',
];

/** Reply headers that end here: hop-by-hop, other parties' cookies, and who our organisation is. */
const STOPPED = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'date',
  'server',
  'alt-svc',
  'set-cookie',
  'openai-organization',
  'openai-project',
  'anthropic-organization-id',
  'anthropic-workspace-id',
]);

/** The provider's own limits, replaced where the agent has limits of ours. */
const LIMIT_HEADER = /^(?:x-ratelimit-|anthropic-ratelimit-)/;

/** Opens a client for each configured upstream. */
export function openUpstreams(configured: GatewayConfig['upstreams'], clock: Clock): Upstreams {
  const open = (config: UpstreamConfig | undefined): Upstream | undefined =>
    config === undefined ? undefined : openUpstream(config, clock);
  return { openai: open(configured.openai), anthropic: open(configured.anthropic) };
}

function openUpstream(config: UpstreamConfig, clock: Clock): Upstream {
  const url = new URL(config.url);
  const { apiKey, auth } = config;
  const credential =
    apiKey === undefined || apiKey === ''
      ? {}
      : auth === 'bearer'
        ? { authorization: `Bearer ${apiKey}` }
        : { 'x-api-key': apiKey };
  return {
    client: new HttpClient(url.origin, clock),
    basePath: url.pathname.replace(/\/+$/, ''),
    headers: { ...lowerCaseNames(config.headers), ...credential },
  };
}

/** Joins a base path and a route: `/v1` at the end of the one and the start of the other is one. */
export function joinPath(basePath: string, path: string): string {
  return basePath.endsWith('/v1') && path.startsWith('/v1/')
    ? basePath + path.slice('/v1'.length)
    : basePath + path;
}

/** What we send upstream for an inbound request. */
export function forwardedHeaders(
  inbound: IncomingHttpHeaders,
  upstream: Upstream,
  extra: readonly string[],
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of FORWARDED) copy(inbound, name, headers);
  for (const name of extra) copy(inbound, name, headers);
  // Usage and the terminal event are read on the way through, so the reply must not be compressed.
  headers['accept-encoding'] = 'identity';
  return Object.assign(headers, upstream.headers);
}

/** What we pass back of a provider's reply headers. */
export function returnedHeaders(
  received: Readonly<Record<string, string | string[] | undefined>>,
  call: Pick<GatewayCall, 'replyHeaders' | 'hasOwnLimits'>,
): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  const nominated = nominatedBy(received['connection']);
  for (const name in received) {
    const value = received[name];
    if (value === undefined || STOPPED.has(name) || nominated.includes(name)) continue;
    if (call.hasOwnLimits && LIMIT_HEADER.test(name)) continue;
    headers[name === 'x-request-id' ? 'x-upstream-request-id' : name] = value;
  }
  return Object.assign(headers, call.replyHeaders);
}

/** Headers that a `connection` header declares to be of this hop only (RFC 9110 7.6.1). */
function nominatedBy(connection: string | string[] | undefined): readonly string[] {
  if (connection === undefined || connection === 'keep-alive') return [];
  return String(connection)
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
}

function copy(from: IncomingHttpHeaders, name: string, to: Record<string, string>): void {
  const value = from[name];
  if (typeof value === 'string') to[name] = value;
}

function lowerCaseNames(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
