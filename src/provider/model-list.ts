import type { ProviderConfig } from '../config/provider.ts';
import type { Json } from '../http/dialect-json.ts';
import type { Api } from './model-state.ts';

/** Creation date of every simulated model: a constant, so that lists compare equal. */
const CREATED_S = 1_760_000_000;
const CREATED_AT = '2025-10-09T08:53:20Z';

/** The body of `GET /v1/models` in the API's shape. */
export function modelList(config: ProviderConfig, api: Api): Json {
  const ids = idsOf(config, api);
  const data = ids.map((id) => model(id, api));
  if (api === 'openai') return { object: 'list', data };
  return { data, has_more: false, first_id: ids[0] ?? null, last_id: ids.at(-1) ?? null };
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
