import type { ProviderConfig } from '../config/provider.ts';
import type { ApiError } from '../http/dialect.ts';
import type { Json } from '../http/dialect-json.ts';
import type { Api } from './model-state.ts';

/** Creation date of every simulated model: a constant, so that lists compare equal. */
const CREATED_S = 1_760_000_000;
const CREATED_AT = '2025-10-09T08:53:20Z';

/** Models on one page of Anthropic's list unless `limit` says otherwise, and at most. */
const PAGE = 20;
const LARGEST_PAGE = 1000;

/**
 * The body of `GET /v1/models` in the API's shape. OpenAI's list is whole; Anthropic's comes in
 * pages: `limit` models after `after_id` or before `before_id`.
 */
export function modelList(
  config: ProviderConfig,
  api: Api,
  query: URLSearchParams,
): Json | ApiError {
  const ids = idsOf(config, api);
  if (api === 'openai') return { object: 'list', data: ids.map((id) => model(id, api)) };
  const limit = Number(query.get('limit') ?? PAGE);
  if (!Number.isInteger(limit) || limit < 1 || limit > LARGEST_PAGE) {
    const message = `limit: Input should be a valid integer from 1 to ${LARGEST_PAGE}`;
    return { status: 400, message };
  }
  const before = query.get('before_id');
  const end = before === null ? ids.length : Math.max(0, ids.indexOf(before));
  const first = before === null ? ids.indexOf(query.get('after_id') ?? '') + 1 : end - limit;
  const start = Math.max(0, first);
  const page = ids.slice(start, Math.min(end, start + limit));
  return {
    data: page.map((id) => model(id, api)),
    has_more: before === null ? start + page.length < ids.length : start > 0,
    first_id: page[0] ?? null,
    last_id: page.at(-1) ?? null,
  };
}

/** The body of `GET /v1/models/{id}`; undefined for a model that is not served. */
export function modelBody(config: ProviderConfig, api: Api, id: string): Json | undefined {
  return idsOf(config, api).includes(id) ? model(id, api) : undefined;
}

function idsOf({ models, embeddings }: ProviderConfig, api: Api): readonly string[] {
  const generating = models.filter(({ apis }) => apis.includes(api)).map(({ id }) => id);
  return api === 'openai' ? [...generating, ...embeddings.map(({ id }) => id)] : generating;
}

function model(id: string, api: Api): Json {
  return api === 'openai'
    ? { id, object: 'model', created: CREATED_S, owned_by: 'agent-infra' }
    : { type: 'model', id, display_name: id, created_at: CREATED_AT };
}
