import { connect } from 'node:net';

import { afterEach, describe, expect, test } from 'vitest';

import { AgentInfraError } from '../../src/errors.ts';
import { HttpClient, exchange } from '../../src/http/client.ts';
import { BodyTooLargeError, readBody, sendJson, startServer } from '../../src/http/server.ts';
import type { RequestListener, RunningServer } from '../../src/http/server.ts';
import { realClock } from '../../src/system.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };
const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((thing) => thing.close()));
});

async function serve(listener: RequestListener): Promise<RunningServer> {
  const server = await startServer(LOOPBACK, listener);
  opened.push({ close: () => server.close(0) });
  return server;
}

function clientOf(server: RunningServer): HttpClient {
  const client = new HttpClient(server.url, realClock);
  opened.push({ close: () => client.destroy() });
  return client;
}

const get = { method: 'GET', path: '/', headers: {} } as const;

describe('close', () => {
  test('lets running exchanges finish and does not wait for their kept-alive sockets', async () => {
    let release: (() => void) | undefined;
    const server = await serve((_request, response) => {
      release = () => sendJson(response, 200, { ok: true });
    });
    const running = exchange(clientOf(server), get);
    await expect.poll(() => release).toBeTypeOf('function');
    const closing = server.close(60_000);
    release!();
    expect((await running).status).toBe(200);
    await closing;
  });

  test('cuts what is still running after the grace', async () => {
    let requests = 0;
    const server = await serve(() => void (requests += 1));
    const running = exchange(clientOf(server), get);
    running.catch(() => {});
    await expect.poll(() => requests).toBe(1);
    await server.close(10);
    await expect(running).rejects.toThrow(/other side closed|socket/);
  });
});

test('a taken port is a listen.failed error with a hint', async () => {
  const server = await serve(() => {});
  const again = startServer({ host: '127.0.0.1', port: server.port }, () => {});
  await expect(again).rejects.toThrow(AgentInfraError);
  await expect(again).rejects.toMatchObject({
    code: 'listen.failed',
    hint: expect.stringContaining('--port') as string,
  });
});

test('small writes are not held back (TCP_NODELAY on accepted sockets)', async () => {
  let noDelay: unknown;
  const server = await serve((request, response) => {
    // Node keeps the option on the server; the accepted socket carries it out.
    noDelay = Reflect.get(Reflect.get(request.socket, 'server') as object, 'noDelay');
    sendJson(response, 200, {});
  });
  await exchange(clientOf(server), get);
  expect(noDelay).toBe(true);
});

describe('readBody', () => {
  async function bodyOf(send: (port: number) => void, limit?: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      void serve((request, response) => {
        readBody(request, limit).then(resolve, reject);
        request.on('close', () => response.end());
      }).then((server) => send(server.port));
    });
  }

  function send(text: string): (port: number) => void {
    return (port) => {
      const socket = connect(port, '127.0.0.1', () => socket.end(text));
      socket.on('error', () => {});
      opened.push({ close: async () => void socket.destroy() });
    };
  }

  test('joins chunks', async () => {
    const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    const body = await bodyOf(send(`${chunked}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`));
    expect(body.toString()).toBe('abcde');
  });

  test('an empty body is an empty buffer', async () => {
    const body = await bodyOf(send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'));
    expect(body).toHaveLength(0);
  });

  test('refuses more than the limit', async () => {
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n';
    await expect(bodyOf(send(`${head}hello world`), 10)).rejects.toThrow(BodyTooLargeError);
  });

  test('a client that leaves in the middle is an error, not a short body', async () => {
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n';
    await expect(bodyOf(send(`${head}hello`))).rejects.toThrow(/closed|aborted/);
  });
});
