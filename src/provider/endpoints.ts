import type { EmbeddingSettings, ProviderConfig } from '../config/provider.ts';
import type { Clock } from '../core/clock.ts';
import { NO_TOKENS } from '../core/tokens.ts';
import { ANTHROPIC_VERSIONS, readMessagesRequest } from '../http/anthropic-messages.ts';
import type { AnthropicVersion } from '../http/anthropic-messages.ts';
import type { ApiError, ReadRequest } from '../http/dialect.ts';
import { parseJson, recordOf } from '../http/dialect-json.ts';
import { promptTokens } from '../http/dialect-prompt.ts';
import { readChatRequest } from '../http/openai-chat.ts';
import { readResponsesRequest } from '../http/openai-responses.ts';
import { embeddingReply, readEmbeddingRequest } from '../http/openai-embeddings.ts';
import { embed } from './embeddings.ts';
import { answer, answerError, commonHeaders, isApiError, unknownModel } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { KeyRing } from './keys.ts';
import type { Caller } from './keys.ts';
import { lazyRandom } from './lazy-random.ts';
import type { LimitGate } from './limit-gate.ts';
import { modelBody, modelList } from './model-list.ts';
import { ResponsesEndpoints } from './responses-endpoints.ts';
import type { Simulator } from './simulator.ts';
import { drawSpread } from './spread.ts';
import { randomStreams } from '../core/random.ts';

export interface EndpointsOptions {
  readonly config: ProviderConfig;
  readonly simulator: Simulator;
  readonly limits: LimitGate;
  readonly clock: Clock;
}

/** The API's endpoints behind authentication: each reads its request and answers its exchange. */
export class Endpoints {
  readonly #options: EndpointsOptions;
  readonly #keys: KeyRing;
  readonly #responses: ResponsesEndpoints;

  constructor(options: EndpointsOptions) {
    this.#options = options;
    this.#keys = new KeyRing(options.config.keys);
    this.#responses = new ResponsesEndpoints(options.simulator, options.clock);
  }

  /**
   * POST to a generating endpoint, count_tokens or embeddings, with its whole body.
   * @param deployment the model by its path (Azure), in place of the body's
   */
  post(exchange: Exchange, path: string, text: string, deployment?: string): void {
    const caller = this.#authenticate(exchange);
    if (caller === undefined) return;
    const parsed = parseJson(text);
    const fields = deployment === undefined ? undefined : recordOf(parsed);
    const body = fields === undefined ? parsed : { ...fields, model: deployment };
    switch (path) {
      case '/v1/chat/completions':
        this.#generate(exchange, caller, readChatRequest(body));
        return;
      case '/v1/responses':
        this.#responses.create(exchange, caller, body);
        return;
      case '/v1/responses/input_tokens':
        this.#countInput(exchange, readResponsesRequest(body));
        return;
      case '/v1/messages':
      case '/v1/messages/count_tokens':
        this.#messages(exchange, caller, body, path);
        return;
      case '/v1/embeddings':
        this.#embeddings(exchange, caller, body);
        return;
      default:
        this.#responses.cancel(exchange, responseId(path));
    }
  }

  /** GET of models and stored responses. */
  get(exchange: Exchange, path: string, query: URLSearchParams): void {
    if (this.#authenticate(exchange) === undefined) return;
    const { config } = this.#options;
    const { api } = exchange;
    if (path === '/v1/models') {
      const list = modelList(config, api, query);
      if (isApiError(list)) this.#refuse(exchange, list);
      else this.#ok(exchange, list);
      return;
    }
    const model = /^\/v1\/models\/(.+)$/.exec(path)?.[1];
    if (model !== undefined) {
      const body = modelBody(config, api, decoded(model));
      if (body === undefined) this.#refuse(exchange, unknownModel(api, decoded(model)));
      else this.#ok(exchange, body);
      return;
    }
    this.#responses.read(exchange, responseId(path), query);
  }

  delete(exchange: Exchange, path: string): void {
    if (this.#authenticate(exchange) === undefined) return;
    this.#responses.delete(exchange, responseId(path));
  }

  #authenticate(exchange: Exchange): Caller | undefined {
    const caller = this.#keys.authenticate(exchange.headers, exchange.api);
    if (isApiError(caller)) {
      this.#refuse(exchange, caller);
      return undefined;
    }
    exchange.record.key = caller.name;
    return caller;
  }

  #generate(exchange: Exchange, caller: Caller, read: ReadRequest): void {
    if (read.ok) this.#options.simulator.generate(exchange, caller, read.request);
    else this.#refuse(exchange, read.error);
  }

  #messages(exchange: Exchange, caller: Caller, body: unknown, path: string): void {
    const version = anthropicVersion(exchange.headers['anthropic-version']);
    if (typeof version === 'object') return this.#refuse(exchange, version);
    if (path === '/v1/messages') {
      this.#generate(exchange, caller, readMessagesRequest(body, { version }));
      return;
    }
    const read = readMessagesRequest(body, { version, maxTokens: 'optional' });
    if (!read.ok) return this.#refuse(exchange, read.error);
    const { model, prompt } = read.request;
    if (this.#options.simulator.model(model, 'anthropic') === undefined) {
      return this.#refuse(exchange, unknownModel('anthropic', model));
    }
    this.#ok(exchange, { input_tokens: promptTokens(prompt) });
  }

  #countInput(exchange: Exchange, read: ReadRequest): void {
    if (!read.ok) return this.#refuse(exchange, read.error);
    const { model, prompt } = read.request;
    if (this.#options.simulator.model(model, 'openai') === undefined) {
      return this.#refuse(exchange, unknownModel('openai', model));
    }
    const input_tokens = promptTokens(prompt);
    this.#ok(exchange, { object: 'response.input_tokens', input_tokens });
  }

  #embeddings(exchange: Exchange, caller: Caller, body: unknown): void {
    const { config, limits, clock, simulator } = this.#options;
    const read = readEmbeddingRequest(body);
    if (!read.ok) return this.#refuse(exchange, read.error);
    const { request } = read;
    const model = config.embeddings.find(({ id }) => id === request.model);
    if (model === undefined) return this.#refuse(exchange, unknownModel('openai', request.model));
    const { record } = exchange;
    record.model = model.id;
    const wrong = checkDimensions(request.dimensions, model);
    if (wrong !== undefined) return this.#refuse(exchange, wrong);
    const input = { ...NO_TOKENS, uncached: request.inputTokens };
    const asked = {
      model: model.id,
      input,
      outputCap: 0,
      choices: 1,
      modelMaxOutput: 0,
      expectedOutput: 0,
    };
    limits.admit(caller.name, asked, ({ decision, headers }) => {
      if (!decision.admitted) {
        const { refusal } = decision;
        record.limit = refusal.dimension;
        this.#refuse(exchange, refusal.error, { ...headers, ...refusal.headers });
        return;
      }
      const random = lazyRandom(randomStreams(`${config.seed}/${record.id}`), 'embedding');
      simulator.pacer.at(clock.now() + drawSpread(model.latency, random), () => {
        decision.ticket.settle(clock.now(), input);
        if (exchange.isOver()) return;
        record.tokens = input;
        const vectors = embed(model, request, config.seed);
        this.#ok(exchange, embeddingReply(request, vectors), headers);
      });
    });
  }

  #ok(exchange: Exchange, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
    const common = commonHeaders(exchange, this.#options.clock.now());
    answer(exchange, 200, body, { ...common, ...headers }, 'complete');
  }

  #refuse(
    exchange: Exchange,
    error: ApiError,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    const common = commonHeaders(exchange, this.#options.clock.now());
    answerError(exchange, error, { ...common, ...headers });
  }
}

/** The version a request names, or the 400 of one that is missing or unknown. */
function anthropicVersion(header: string | string[] | undefined): AnthropicVersion | ApiError {
  if (typeof header !== 'string') {
    return { status: 400, message: 'anthropic-version: header is required' };
  }
  const known = ANTHROPIC_VERSIONS.find((version) => version === header);
  return known ?? { status: 400, message: `anthropic-version: "${header}" is not a valid version` };
}

function checkDimensions(
  dimensions: number | undefined,
  model: EmbeddingSettings,
): ApiError | undefined {
  if (dimensions === undefined || dimensions <= model.dimensions) return undefined;
  const message = `Invalid value for 'dimensions' = ${dimensions}. Must be less than or equal to ${model.dimensions}.`;
  return { status: 400, message, type: 'invalid_request_error', param: 'dimensions' };
}

/** The id in `/v1/responses/<id>` and `/v1/responses/<id>/cancel`. */
function responseId(path: string): string {
  return path.replace('/v1/responses/', '').replace('/cancel', '');
}

/** A path segment as the client meant it; broken escapes stay as they are. */
export function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
