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
    const running = new PoolExchange(handler, request.signal);
    const { signal, timeoutMs } = request;
    if (signal?.aborted === true) {
      running.abort(signal.reason as Error);
      return running;
    }
    if (timeoutMs !== undefined) {
      running.cancelDeadline = this.#clock.at(this.#clock.now() + timeoutMs, () =>
        running.abort(new TimeoutError(`no complete answer within ${timeoutMs} ms`)),
      );
    }
    this.#pool.dispatch(
      {
        method: request.method,
        path: request.path,
        headers: request.headers,
        body: request.body ?? null,
      },
      running,
    );
    return running;
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

/**
 * One exchange: undici's callbacks on the one side, the caller's on the other. A class, and not
 * closures over an object literal: V8 moves literals that often outlive a collection into the old
 * generation from birth, where each keeps its whole exchange alive until the next full collection.
 */
class PoolExchange implements ClientExchange, Dispatcher.DispatchHandler {
  readonly #handler: ResponseHandler;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: (() => void) | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #isSettled = false;
  /** Set by the client when the exchange has a deadline. */
  cancelDeadline: CancelTimer | undefined;

  constructor(handler: ResponseHandler, signal: AbortSignal | undefined) {
    this.#handler = handler;
    this.#signal = signal;
    this.cancelDeadline = undefined;
    if (signal === undefined) return;
    this.#onAbort = () => this.abort(signal.reason as Error);
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  pause(): void {
    if (!this.#isSettled) this.#controller?.pause();
  }

  resume(): void {
    if (!this.#isSettled) this.#controller?.resume();
  }

  abort(reason: Error): void {
    if (!this.#settle()) return;
    this.#handler.onError(reason);
    this.#controller?.abort(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isSettled) controller.abort(new TimeoutError('expired before it was sent'));
    else this.#handler.onSent?.();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (!this.#isSettled && status >= 200) this.#handler.onHeaders(status, headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (!this.#isSettled) this.#handler.onData(chunk);
  }

  onResponseEnd(): void {
    if (this.#settle()) this.#handler.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#settle()) this.#handler.onError(error);
  }

  /** True for the first end of the exchange. */
  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.cancelDeadline?.();
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort);
    return true;
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
