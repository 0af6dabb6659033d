import type { IncomingMessage, ServerResponse } from 'node:http';

import type { ClientExchange, HttpClient, HttpMethod, ResponseHandler } from '../http/client.ts';
import type { CallRecorder, ReplyEnding } from './call-recorder.ts';

/** Headers of one connection; everything else passes. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Request headers that are made anew for the other connection. */
const REMADE = new Set([...HOP_BY_HOP, 'host', 'content-length', 'accept-encoding', 'expect']);

export interface ProxiedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
  /** Path at the upstream. */
  readonly path: string;
}

/**
 * Passes one exchange through, every byte as it came and when it came; a recorder may watch.
 * Broken replies stay broken: a reset is a reset for the client too.
 */
export function proxyExchange(
  client: HttpClient,
  { body, path, request, response }: ProxiedRequest,
  recorder: CallRecorder | undefined,
): Promise<ReplyEnding> {
  return new Promise((resolve) => {
    let hasLeft = false;
    let hasPassed = false;
    let isComplete = false;
    const onFirstPassed = (): void => recorder?.firstPassed();
    const handler: ResponseHandler = {
      onSent: () => recorder?.sent(),
      onHeaders(status, headers) {
        recorder?.headersReceived(status, headers);
        response.sendDate = false;
        response.writeHead(status, passedBack(headers));
        // Alone only if no byte of the body came in the same read.
        setImmediate(() => {
          if (!response.writableEnded) response.flushHeaders();
        });
      },
      onData(chunk) {
        if (!hasPassed) recorder?.firstArrived();
        // Out first, looked at afterwards: reading takes time that the client need not wait for.
        const isFlowing = response.write(chunk, hasPassed ? undefined : onFirstPassed);
        hasPassed = true;
        recorder?.received(chunk);
        if (isFlowing) return;
        exchange.pause();
        response.once('drain', () => exchange.resume());
      },
      onEnd() {
        recorder?.ended();
        isComplete = true;
        response.end(() => {
          recorder?.passed();
          resolve('ended');
        });
      },
      onError(error) {
        if (hasLeft) resolve('client-left');
        else if (response.headersSent) {
          response.destroy();
          resolve('reset');
        } else {
          sendUnreachable(response, error);
          resolve('no-answer');
        }
      },
    };
    response.on('error', () => {});
    response.on('close', () => {
      if (response.writableFinished) return;
      // Gone after the provider's last byte: the call itself is whole.
      if (isComplete) resolve('ended');
      hasLeft = true;
      exchange.abort(new Error('the client left'));
    });
    const method = request.method as HttpMethod;
    const exchange: ClientExchange = client.send(
      {
        method,
        path,
        headers: passedOn(request.rawHeaders),
        // Bodies of GET and HEAD have no meaning, and undici refuses them.
        body: method === 'GET' || method === 'HEAD' || body.length === 0 ? undefined : body,
      },
      handler,
    );
    if (response.destroyed) exchange.abort(new Error('the client left'));
  });
}

/**
 * Encodings are given up: usage is read on the way, and a client that did not decode gets the same
 * bytes after decoding.
 */
function passedOn(rawHeaders: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'accept-encoding': 'identity' };
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    const value = rawHeaders[index + 1]!;
    if (REMADE.has(name)) continue;
    const known = headers[name];
    headers[name] = known === undefined ? value : [known, value].flat();
  }
  return headers;
}

function passedBack(
  received: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(received)) {
    if (value !== undefined && !HOP_BY_HOP.has(name)) headers[name] = value;
  }
  return headers;
}

function sendUnreachable(response: ServerResponse, error: Error): void {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  const message = `agent-infra recorder: the provider cannot be reached (${code})`;
  const body = JSON.stringify({ error: { message, type: 'server_error', code: 'unreachable' } });
  response.writeHead(502, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
