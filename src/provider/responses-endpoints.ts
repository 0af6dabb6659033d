import type { Clock } from '../core/clock.ts';
import type { ApiError, ModelRequest, ReplyHead } from '../http/dialect.ts';
import { recordOf, stringOf } from '../http/dialect-json.ts';
import { readResponsesRequest } from '../http/openai-responses.ts';
import { responsesState } from '../http/openai-responses-reply.ts';
import { BackgroundSink } from './background-sink.ts';
import { answer, answerError, commonHeaders } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { FollowedStream } from './followed-stream.ts';
import type { Caller } from './keys.ts';
import { ResponseStore } from './response-store.ts';
import type { Simulator } from './simulator.ts';

/** The Responses API with its store: create, also in the background, read, cancel, delete. */
export class ResponsesEndpoints {
  readonly #simulator: Simulator;
  readonly #clock: Clock;
  readonly #store = new ResponseStore();

  constructor(simulator: Simulator, clock: Clock) {
    this.#simulator = simulator;
    this.#clock = clock;
  }

  /** The conversation so far comes from the store, and the reply goes there. */
  create(exchange: Exchange, caller: Caller, body: unknown): void {
    const read = readResponsesRequest(body);
    if (!read.ok) return this.#refuse(exchange, read.error);
    const fields = recordOf(body) ?? {};
    const previous = stringOf(fields['previous_response_id']);
    let { request } = read;
    if (previous !== undefined) {
      const stored = this.#store.get(previous);
      if (stored === undefined) return this.#refuse(exchange, unknownPrevious(previous));
      request = { ...request, prompt: [...stored.conversation, ...request.prompt] };
    }
    const keep = fields['store'] !== false;
    if (request.background === true) {
      if (!keep) this.#refuse(exchange, BACKGROUND_NEEDS_STORE);
      else if (request.stream) this.#streamInBackground(exchange, caller, request);
      else this.#inBackground(exchange, caller, request);
      return;
    }
    this.#simulator.generate(exchange, caller, request, {
      onFinished: (call) => {
        if (keep) this.#store.put(call);
      },
    });
  }

  /** The state of a response, or with `stream=true` its events after `starting_after`. */
  read(exchange: Exchange, id: string, query: URLSearchParams): void {
    const stored = this.#store.get(id);
    if (stored === undefined) return this.#refuse(exchange, unknownResponse(id));
    if (query.get('stream') !== 'true') return this.#ok(exchange, stored.body);
    const after = query.get('starting_after');
    if (stored.stream === undefined) this.#refuse(exchange, NOT_STREAMED);
    else if (after !== null && !/^\d{1,9}$/.test(after)) this.#refuse(exchange, BAD_START);
    else this.#follow(exchange, stored.stream, after === null ? -1 : Number(after));
  }

  #follow(exchange: Exchange, stream: FollowedStream, after: number): void {
    const { record, sink, sinceAcceptNs, end } = exchange;
    const common = commonHeaders(exchange, this.#clock.now());
    record.stream = true;
    stream.follow(
      {
        head: (status, headers) => {
          record.status = status;
          record.headersNs = sinceAcceptNs();
          sink.head(status, { ...headers, ...common });
        },
        write: (text) => {
          record.bytes = (record.bytes ?? 0) + text.length;
          record.chunkNs?.push(sinceAcceptNs());
          sink.write(text);
        },
        end: (text) => {
          sink.end(text);
          end('complete');
        },
        reset: () => {
          sink.reset();
          end('fault');
        },
        onAbandoned: (listener) => sink.onAbandoned(listener),
      },
      after,
    );
  }

  delete(exchange: Exchange, id: string): void {
    this.#store.get(id)?.cancel?.();
    if (this.#store.delete(id)) this.#ok(exchange, { id, object: 'response', deleted: true });
    else this.#refuse(exchange, unknownResponse(id));
  }

  /** Ends a background call; the others cannot be cancelled, and ended ones stay as they are. */
  cancel(exchange: Exchange, id: string): void {
    const stored = this.#store.get(id);
    if (stored === undefined) return this.#refuse(exchange, unknownResponse(id));
    if (stored.body['background'] !== true) return this.#refuse(exchange, NOT_IN_BACKGROUND);
    stored.cancel?.();
    this.#ok(exchange, this.#store.get(id)!.body);
  }

  /**
   * The caller has its answer (`queued`) when the call is admitted, and polls for the rest. Until
   * then refusals and faults reach it as ever. The log's record closes when the work is over.
   */
  #inBackground(exchange: Exchange, caller: Caller, request: ModelRequest): void {
    const sink = new BackgroundSink(exchange.sink);
    let head: ReplyHead | undefined;
    let isCancelled = false;
    const cancel = (): void => {
      isCancelled = true;
      sink.cancel();
    };
    const work: Exchange = {
      ...exchange,
      sink,
      end: (outcome) => {
        exchange.end(outcome);
        if (head === undefined || outcome === 'complete') return;
        const status = isCancelled ? 'cancelled' : 'failed';
        this.#store.replace(head.id, { body: responsesState(head, status), conversation: [] });
      },
    };
    this.#simulator.generate(work, caller, request, {
      onAdmitted: (admitted) => {
        head = admitted;
        const body = responsesState(admitted, 'in_progress');
        this.#store.start(admitted.id, { body, conversation: [], cancel });
        this.#sendQueued(exchange, admitted);
        sink.detach();
      },
      onFinished: (call) => this.#store.put(call, { background: true }),
    });
  }

  /** The caller reads along as long as it likes; the reply is made and kept without it. */
  #streamInBackground(exchange: Exchange, caller: Caller, request: ModelRequest): void {
    const stream = new FollowedStream();
    let head: ReplyHead | undefined;
    let isCancelled = false;
    exchange.sink.onAbandoned(() => {
      if (head === undefined) stream.cancel();
    });
    stream.follow(exchange.sink, -1);
    const work: Exchange = {
      ...exchange,
      sink: stream,
      end: (outcome) => {
        exchange.end(outcome);
        if (head === undefined || outcome === 'complete') return;
        const status = isCancelled ? 'cancelled' : 'failed';
        this.#store.replace(head.id, {
          body: responsesState(head, status),
          conversation: [],
          stream,
        });
      },
    };
    this.#simulator.generate(work, caller, request, {
      onAdmitted: (admitted) => {
        head = admitted;
        const body = responsesState(admitted, 'in_progress');
        const cancel = (): void => {
          isCancelled = true;
          stream.cancel();
        };
        this.#store.start(admitted.id, { body, conversation: [], cancel, stream });
      },
      onFinished: (call) => this.#store.put(call, { background: true, stream }),
    });
  }

  /** Answers without closing the record. */
  #sendQueued(exchange: Exchange, head: ReplyHead): void {
    const text = JSON.stringify(responsesState(head, 'queued'));
    exchange.sink.head(200, {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(text)),
      ...commonHeaders(exchange, this.#clock.now()),
    });
    exchange.sink.end(text);
  }

  #ok(exchange: Exchange, body: unknown): void {
    answer(exchange, 200, body, commonHeaders(exchange, this.#clock.now()), 'complete');
  }

  #refuse(exchange: Exchange, error: ApiError): void {
    answerError(exchange, error, commonHeaders(exchange, this.#clock.now()));
  }
}

const BACKGROUND_NEEDS_STORE: ApiError = {
  status: 400,
  message: 'Background mode requires store=true.',
  type: 'invalid_request_error',
  param: 'background',
};

const NOT_IN_BACKGROUND: ApiError = {
  status: 400,
  message: 'Only responses created with background=true can be cancelled.',
  type: 'invalid_request_error',
};

const NOT_STREAMED: ApiError = {
  status: 400,
  message: 'Only responses created with background=true and stream=true can be streamed.',
  type: 'invalid_request_error',
  param: 'stream',
};

const BAD_START: ApiError = {
  status: 400,
  message: "Invalid 'starting_after': expected a sequence number.",
  type: 'invalid_request_error',
  param: 'starting_after',
};

function unknownResponse(id: string): ApiError {
  const message = `Response with id '${id}' not found.`;
  return { status: 404, message, type: 'invalid_request_error' };
}

function unknownPrevious(id: string): ApiError {
  return {
    status: 400,
    message: `Previous response with id '${id}' not found.`,
    type: 'invalid_request_error',
    param: 'previous_response_id',
    code: 'previous_response_not_found',
  };
}
