import { Pool } from 'undici';
import type { Dispatcher } from 'undici';

import type { CancelTimer, Clock } from '../core/clock.ts';

export type HttpMethod = 'GET' | 'HEAD' | 'OPTIONS' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface HttpRequest {
  readonly method: HttpMethod;
  /** Path with query, starting with "/". */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Uint8Array | undefined;
  /** Total time from `send` to the last byte; own timers, since undici's tick every 499 ms. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Callbacks of one exchange, in this order; exactly one of onEnd and onError is called last. */
export interface ResponseHandler {
  /** The request left the pool's queue and is being written. */
  onSent?(): void;
  onHeaders(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void;
  onData(chunk: Uint8Array): void;
  onEnd(): void;
  onError(error: Error): void;
}

/** Control over one running exchange. All calls are no-ops once it has ended. */
export interface ClientExchange {
  /** Stops reading the response; the server meets TCP back-pressure. */
  pause(): void;
  resume(): void;
  /** Ends the exchange: `onError` gets the reason, the socket is closed. */
  abort(reason: Error): void;
}

export class TimeoutError extends Error {
  readonly code = 'TIMEOUT';
}

export interface HttpClientOptions {
  /** Sockets per origin; undefined is unlimited, so that the pool never queues inside the client. */
  readonly connections?: number | undefined;
  /** Idle sockets close after this long. Below common servers' 5 s, or paced runs meet resets. */
  readonly keepAliveMs?: number | undefined;
}

/**
 * HTTP/1.1 client for one origin on undici's dispatch interface (a quarter of fetch's cost per
 * streamed chunk). Owns its deadlines: a request whose deadline passes while it still waits for a
 * socket is settled at the deadline and aborted before it is sent.
 */
export class HttpClient {
  readonly #pool: Pool;
  readonly #clock: Clock;

  constructor(origin: string, clock: Clock, options: HttpClientOptions = {}) {
    this.#clock = clock;
    this.#pool = new Pool(origin, {
      connections: options.connections ?? null,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
      keepAliveTimeout: options.keepAliveMs ?? 4000,
    });
  }

  send(request: HttpRequest, handler: ResponseHandler): ClientExchange {
    const { signal, timeoutMs } = request;
    let settled = false;
    let controller: Dispatcher.DispatchController | undefined;
    let cancelDeadline: CancelTimer | undefined;
    const settle = (finish: () => void): void => {
      if (settled) return;
      settled = true;
      cancelDeadline?.();
      signal?.removeEventListener('abort', onAbort);
      finish();
    };
    const fail = (error: Error): void => {
      if (settled) return;
      settle(() => handler.onError(error));
      controller?.abort(error);
    };
    const onAbort = (): void => fail(signal?.reason as Error);
    const exchangeControl: ClientExchange = {
      pause: () => {
        if (!settled) controller?.pause();
      },
      resume: () => {
        if (!settled) controller?.resume();
      },
      abort: fail,
    };
    if (signal?.aborted === true) {
      settled = true;
      handler.onError(signal.reason as Error);
      return exchangeControl;
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    if (timeoutMs !== undefined) {
      cancelDeadline = this.#clock.at(this.#clock.now() + timeoutMs, () =>
        fail(new TimeoutError(`no complete answer within ${timeoutMs} ms`)),
      );
    }
    this.#pool.dispatch(
      {
        method: request.method,
        path: request.path,
        headers: request.headers,
        body: request.body ?? null,
      },
      {
        onRequestStart(started) {
          controller = started;
          if (settled) started.abort(new TimeoutError('expired before it was sent'));
          else handler.onSent?.();
        },
        onResponseStart(_controller, status, headers) {
          if (!settled && status >= 200) handler.onHeaders(status, headers);
        },
        onResponseData(_controller, chunk) {
          if (!settled) handler.onData(chunk);
        },
        onResponseEnd() {
          settle(() => handler.onEnd());
        },
        onResponseError(_controller, error) {
          settle(() => handler.onError(error));
        },
      },
    );
    return exchangeControl;
  }

  /** Waits for running requests, then closes the sockets. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** Closes the sockets at once; running requests fail. */
  async destroy(): Promise<void> {
    await this.#pool.destroy();
  }
}

export interface WholeResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** One exchange with its whole body in memory: for small answers (admin calls, health checks). */
export function exchange(client: HttpClient, request: HttpRequest): Promise<WholeResponse> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let headers: WholeResponse['headers'] = {};
    const chunks: Uint8Array[] = [];
    client.send(request, {
      onHeaders(code, fields) {
        status = code;
        headers = fields;
      },
      onData: (chunk) => void chunks.push(chunk),
      onEnd: () => resolve({ status, headers, body: Buffer.concat(chunks) }),
      onError: reject,
    });
  });
}
