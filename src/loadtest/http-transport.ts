import type { Dialect as ScenarioDialect } from '../config/scenario.ts';
import type { Clock } from '../core/clock.ts';
import { HttpClient } from '../http/client.ts';
import type { ResponseHandler } from '../http/client.ts';
import type { Dialect } from '../http/dialect.ts';
import { createStreamReader, replyOutcome } from '../http/read-stream.ts';
import { SseParser } from '../http/sse.ts';
import type { SseEvent } from '../http/sse.ts';
import { GapCounts } from './gaps.ts';
import { wireRequest } from './request-body.ts';
import type { AttemptResult, Transport, TransportCall } from './transport.ts';

export interface HttpTarget {
  /** Base URL without the API path. */
  readonly url: string;
  readonly dialect: ScenarioDialect;
  readonly apiKey?: string | undefined;
  readonly timeoutMs: number;
}

const WIRE_DIALECT = {
  openai: 'openai-chat',
  anthropic: 'anthropic-messages',
} as const satisfies Record<ScenarioDialect, Dialect>;

/** Sends calls over HTTP/1.1 with as many connections as there are calls in flight. */
export function createHttpTransport(target: HttpTarget, clock: Clock): Transport {
  const url = new URL(target.url);
  const client = new HttpClient(url.origin, clock);
  const basePath = url.pathname.replace(/\/(?:v1\/?)?$/, '');
  return {
    send: (call, signal) => {
      const { path, headers, body } = wireRequest(target.dialect, call.step, target.apiKey);
      return new Promise((resolve) => {
        const exchange = new Exchange(WIRE_DIALECT[target.dialect], clock, signal, resolve);
        exchange.sent();
        client.send(
          {
            method: 'POST',
            path: basePath + path,
            headers: { ...headers, ...callHeaders(call) },
            body,
            timeoutMs: target.timeoutMs,
            signal,
          },
          exchange,
        );
      });
    },
    close: () => client.destroy(),
  };
}

/**
 * The retry marker of the SDKs, a session id for gateways that route by it, and an id that joins
 * a server's log with our samples.
 */
function callHeaders(call: TransportCall): Readonly<Record<string, string>> {
  const { attempt, session, step, turn } = call;
  return {
    'x-stainless-retry-count': String(attempt - 1),
    'x-session-id': String(session),
    'x-client-request-id': `${session}.${turn}.${step.id}.${attempt}`,
  };
}

/** One attempt on the wire. The clock is read first thing in each callback, before any parsing. */
class Exchange implements ResponseHandler {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #resolve: (result: AttemptResult) => void;
  readonly #parser = new SseParser();
  readonly #reader;
  readonly #gaps = new GapCounts();
  #times: Mutable<Times> = {};
  #status: number | undefined;
  #headers: AttemptResult['headers'] = {};
  #isStream = false;

  constructor(
    dialect: Dialect,
    clock: Clock,
    signal: AbortSignal,
    resolve: (result: AttemptResult) => void,
  ) {
    this.#clock = clock;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reader = createStreamReader(dialect);
  }

  sent(): void {
    this.#times.sentAt = this.#clock.now();
  }

  onSent(): void {
    this.#times.socketAt = this.#clock.now();
  }

  onHeaders(status: number, headers: AttemptResult['headers']): void {
    this.#times.headersAt = this.#clock.now();
    this.#status = status;
    this.#headers = headers;
    const type = String(headers['content-type'] ?? '');
    this.#isStream = status < 300 && type.includes('text/event-stream');
  }

  onData(chunk: Uint8Array): void {
    const now = this.#clock.now();
    this.#times.firstByteAt ??= now;
    if (this.#isStream) this.#read(this.#parser.push(chunk), now);
  }

  onEnd(): void {
    const now = this.#clock.now();
    if (!this.#isStream) {
      const isOk = this.#status !== undefined && this.#status < 300;
      this.#finish(now, 'failed', isOk ? 'not-a-stream' : `http-${this.#status}`);
      return;
    }
    this.#read(this.#parser.end(), now);
    const outcome = replyOutcome(this.#reader.state);
    if (outcome === 'complete') this.#finish(now, 'ok');
    else if (outcome === 'truncated') this.#finish(now, 'truncated', 'truncated');
    else this.#finish(now, 'failed', outcome === 'malformed' ? 'malformed-stream' : this.#inBand());
  }

  onError(error: Error): void {
    const now = this.#clock.now();
    if (this.#signal.aborted) this.#finish(now, 'aborted');
    else this.#finish(now, 'failed', errorCode(error));
  }

  /** Events of one read share its time; a gap is between reads, or it would be a made-up zero. */
  #read(events: readonly SseEvent[], now: number): void {
    const times = this.#times;
    let brought = false;
    for (const event of events) {
      const progress = this.#reader.push(event);
      if (progress === 'text' || progress === 'tool' || progress === 'reasoning') brought = true;
      if (progress === 'text') times.firstVisibleAt ??= now;
      if (progress === 'tool') times.firstToolAt ??= now;
    }
    const { opened, terminal } = this.#reader.state;
    if (opened) times.firstRoleAt ??= now;
    if (terminal) times.doneAt ??= now;
    if (!brought) return;
    if (times.lastTokenAt !== undefined) this.#gaps.add(now - times.lastTokenAt);
    times.firstTokenAt ??= now;
    times.lastTokenAt = now;
  }

  #inBand(): string {
    return `in-stream-${this.#reader.state.error?.status ?? 'error'}`;
  }

  #finish(endAt: number, outcome: AttemptResult['outcome'], error?: string): void {
    const { state } = this.#reader;
    this.#resolve({
      ...this.#times,
      endAt,
      status: this.#status,
      headers: this.#headers,
      outcome,
      error,
      usage: state.usage,
      chunks: state.tokenFrames,
      gaps: this.#gaps.count === 0 ? undefined : this.#gaps.encode(),
      stallMs: this.#gaps.largestMs,
    });
  }
}

type Times = Pick<
  AttemptResult,
  | 'sentAt'
  | 'socketAt'
  | 'headersAt'
  | 'firstByteAt'
  | 'firstRoleAt'
  | 'firstTokenAt'
  | 'firstVisibleAt'
  | 'firstToolAt'
  | 'lastTokenAt'
  | 'doneAt'
>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** `timeout`, or the system's or client's own code; never a message, which may quote content. */
function errorCode(error: Error): string {
  const code = (error as { code?: unknown }).code;
  if (code === 'TIMEOUT') return 'timeout';
  return typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? code : 'connection-error';
}
