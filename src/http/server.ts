import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { AgentInfraError, asError } from '../errors.ts';

export interface ServerAddress {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
}

export interface RunningServer {
  /** `http://127.0.0.1:PORT`, without trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Stops accepting, lets running exchanges finish for up to `graceMs`, then cuts them. */
  close(graceMs?: number): Promise<void>;
}

/** While closing, sockets that became idle are closed this often. */
const IDLE_SWEEP_MS = 20;

export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/** Clients keep sockets for 4 s (http/client.ts); ours must outlast them or paced runs meet resets. */
const KEEP_ALIVE_MS = 30_000;

/** Starts a plain HTTP/1.1 server with TCP_NODELAY and no per-request time limit. */
export async function startServer(
  address: ServerAddress,
  listener: RequestListener,
): Promise<RunningServer> {
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0, noDelay: true },
    listener,
  );
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return {
    url: `http://${host}:${port}`,
    port,
    close: (graceMs = 0) => closeServer(server, graceMs),
  };
}

function listen(server: Server, { host, port }: ServerAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const hint =
        error.code === 'EADDRINUSE'
          ? 'Another program listens there; choose another --port, or 0.'
          : undefined;
      reject(
        new AgentInfraError('listen.failed', `cannot listen on ${host}:${port}: ${error.message}`, {
          cause: error,
          ...(hint === undefined ? {} : { hint }),
        }),
      );
    });
    server.listen(port, host, () => resolve());
  });
}

function closeServer(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    // A kept-alive socket whose last exchange ends during the grace would hold it to its end.
    const sweep = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MS);
    server.close(() => {
      clearTimeout(cut);
      clearInterval(sweep);
      resolve();
    });
    server.closeIdleConnections();
  });
}

export class BodyTooLargeError extends Error {
  readonly limitBytes: number;

  constructor(limitBytes: number) {
    super(`the request body is larger than ${limitBytes} bytes`);
    this.limitBytes = limitBytes;
  }
}

/** Default limit of request bodies: 1M-token prompts are about 4 MB of text; images come on top. */
const BODY_LIMIT_BYTES = 32 * 1024 * 1024;

/** The whole request body; rejects with BodyTooLargeError beyond the limit. */
export function readBody(request: IncomingMessage, limitBytes = BODY_LIMIT_BYTES): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limitBytes) {
        reject(new BodyTooLargeError(limitBytes));
        request.removeAllListeners('data');
        request.resume();
      } else {
        chunks.push(chunk);
      }
    });
    request.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    request.on('error', (thrown) => reject(asError(thrown)));
    request.on('aborted', () => reject(new Error('the client closed the connection')));
  });
}

/** Answers with JSON in one write. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}
