import type { Dialect } from '../http/dialect.ts';

/** What a call's bodies are: a generating dialect, embeddings, or JSON that passes unread. */
type Wire = Dialect | 'openai-embeddings' | 'plain';

export interface Route {
  /** Label in metrics: one of a fixed list, never what the client sent. */
  readonly name: string;
  readonly upstream: 'openai' | 'anthropic';
  readonly wire: Wire;
  /** Path and query to ask upstream for. */
  readonly path: string;
}

interface FixedRoute {
  readonly method: 'GET' | 'POST';
  readonly upstream: Route['upstream'];
  readonly wire: Wire;
}

/** Everything the gateway serves; any other path is 404 and never reaches an upstream. */
const ROUTES: Readonly<Record<string, FixedRoute>> = {
  '/v1/chat/completions': { method: 'POST', upstream: 'openai', wire: 'openai-chat' },
  '/v1/responses': { method: 'POST', upstream: 'openai', wire: 'openai-responses' },
  '/v1/embeddings': { method: 'POST', upstream: 'openai', wire: 'openai-embeddings' },
  '/v1/messages': { method: 'POST', upstream: 'anthropic', wire: 'anthropic-messages' },
  '/v1/messages/count_tokens': { method: 'POST', upstream: 'anthropic', wire: 'plain' },
  '/v1/models': { method: 'GET', upstream: 'openai', wire: 'plain' },
};

/** One model: ids such as `gpt-4o-2024-08-06` or `ft:gpt-4o:acme::x`. Dots alone are no id. */
const MODEL_PATH = /^\/v1\/models\/(?!\.+$)[\w.:-]{1,128}$/;

/** Queries travel upstream as they are, so they may hold nothing but visible ASCII. */
const QUERY = /^[\x21-\x7e]{0,1024}$/;

export type Matched =
  | { readonly route: Route }
  | { readonly problem: 'bad-target' | 'unknown-path' | 'wrong-method' };

/**
 * Finds the route of a request line. Absolute-form targets (`http://evil/x`) and `//evil/x` are
 * refused: joined to an upstream's URL they would name another host.
 * @param speaksAnthropic the request carries `anthropic-version`; decides who answers /v1/models
 */
export function matchRoute(method: string, target: string, speaksAnthropic: boolean): Matched {
  if (!target.startsWith('/') || target.startsWith('//')) return { problem: 'bad-target' };
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? '' : target.slice(mark);
  if (!QUERY.test(query)) return { problem: 'bad-target' };
  const name = MODEL_PATH.test(path) ? '/v1/models' : path;
  const fixed = Object.hasOwn(ROUTES, name) ? ROUTES[name]! : undefined;
  if (fixed === undefined) return { problem: 'unknown-path' };
  if (fixed.method !== method) return { problem: 'wrong-method' };
  const upstream = speaksAnthropic && name === '/v1/models' ? 'anthropic' : fixed.upstream;
  return { route: { name, upstream, wire: fixed.wire, path: path + query } };
}

/** The dialect of a generating route; undefined for embeddings, models and token counts. */
export function dialectOf(route: Route): Dialect | undefined {
  return route.wire === 'plain' || route.wire === 'openai-embeddings' ? undefined : route.wire;
}
