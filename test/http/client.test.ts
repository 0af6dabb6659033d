import type { Socket } from 'node:net';

import { afterEach, describe, expect, test, vi } from 'vitest';

import { HttpClient, TimeoutError, exchange } from '../../src/http/client.ts';
import type { ClientExchange, HttpClientOptions, HttpRequest } from '../../src/http/client.ts';
import { sendJson, startServer } from '../../src/http/server.ts';
import type { RequestListener } from '../../src/http/server.ts';
import { realClock } from '../../src/system.ts';
import { expectStill } from '../support/standstill.ts';

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((thing) => thing.close()));
});

async function clientOf(
  listener: RequestListener,
  options: HttpClientOptions = {},
): Promise<HttpClient> {
  const server = await startServer({ host: '127.0.0.1', port: 0 }, listener);
  const client = new HttpClient(server.url, realClock, options);
  opened.push({ close: () => client.destroy() }, { close: () => server.close(0) });
  return client;
}

interface Told {
  readonly events: string[];
  readonly error: Error | undefined;
}

/** Runs one exchange and lists the callbacks in order. */
function run(
  client: HttpClient,
  request: Partial<HttpRequest> = {},
  onData: (control: ClientExchange) => void = () => {},
): Promise<Told> {
  return new Promise((resolve) => {
    const events: string[] = [];
    const control = client.send(
      { method: 'GET', path: '/', headers: {}, ...request },
      {
        onSent: () => void events.push('sent'),
        onHeaders: (status) => void events.push(`headers ${status}`),
        onData: (chunk) => {
          events.push(`data ${chunk.length}`);
          onData(control);
        },
        onEnd: () => {
          events.push('end');
          setTimeout(() => resolve({ events, error: undefined }), 20);
        },
        onError: (error) => {
          events.push('error');
          // Later callbacks would be a bug; give them time to show up.
          setTimeout(() => resolve({ events, error }), 20);
        },
      },
    );
  });
}

test('callbacks come in order and end once', async () => {
  const client = await clientOf((_request, response) => sendJson(response, 200, { ok: true }));
  expect((await run(client)).events).toEqual(['sent', 'headers 200', 'data 11', 'end']);
});

test('exchange gathers a whole answer', async () => {
  const client = await clientOf((_request, response) =>
    sendJson(response, 418, { a: 1 }, { 'x-test': 'y' }),
  );
  const answer = await exchange(client, { method: 'GET', path: '/', headers: {} });
  expect(answer.status).toBe(418);
  expect(answer.headers['x-test']).toBe('y');
  expect(answer.body.toString()).toBe('{"a":1}');
});

describe('deadlines', () => {
  test('no answer in time is one TimeoutError', async () => {
    const client = await clientOf(() => {});
    const { error, events } = await run(client, { timeoutMs: 30 });
    expect(error).toBeInstanceOf(TimeoutError);
    expect(events).toEqual(['sent', 'error']);
  });

  test('a body that stalls meets the deadline too', async () => {
    const client = await clientOf((_request, response) => void response.write('x'));
    const { error, events } = await run(client, { timeoutMs: 300 });
    expect(error).toBeInstanceOf(TimeoutError);
    expect(events).toEqual(['sent', 'headers 200', 'data 1', 'error']);
  });

  test('a request that expires in the queue is settled then and never reaches the server', async () => {
    const paths: string[] = [];
    const client = await clientOf(
      (request, response) => {
        paths.push(request.url ?? '');
        setTimeout(() => sendJson(response, 200, {}), 120);
      },
      { connections: 1 },
    );
    const first = run(client, { path: '/first' });
    const second = await run(client, { path: '/second', timeoutMs: 30 });
    expect(second.events).toEqual(['error']);
    expect((await first).events).toContain('end');
    const third = await run(client, { path: '/third' });
    expect(third.events).toContain('end');
    expect(paths).toEqual(['/first', '/third']);
  });
});

describe('abort', () => {
  test('a signal that has fired sends nothing', async () => {
    let requests = 0;
    const client = await clientOf(() => void (requests += 1));
    const { error, events } = await run(client, { signal: AbortSignal.abort(new Error('no')) });
    expect(error?.message).toBe('no');
    expect(events).toEqual(['error']);
    expect(requests).toBe(0);
  });

  test('a signal during the answer closes the socket', async () => {
    let closed: Promise<void> | undefined;
    const client = await clientOf((request, response) => {
      closed = new Promise((resolve) => void request.socket.on('close', resolve));
      response.write('x');
    });
    const leave = new AbortController();
    const { error } = await run(client, { signal: leave.signal }, () =>
      leave.abort(new Error('left')),
    );
    expect(error?.message).toBe('left');
    await closed;
  });

  test('after the end nothing happens, and the next exchange is unharmed', async () => {
    const client = await clientOf((_request, response) => sendJson(response, 200, {}), {
      connections: 1,
    });
    let control: ClientExchange | undefined;
    await run(client, {}, (given) => {
      control = given;
    });
    const next = run(client);
    control!.abort(new Error('late'));
    control!.pause();
    expect((await next).events).toContain('end');
  });
});

test('a paused exchange stops the sender; resume brings every byte', async () => {
  const total = 64 * 1024 * 1024;
  const chunk = Buffer.alloc(256 * 1024, 1);
  let written = 0;
  const client = await clientOf((_request, response) => {
    const pump = (): void => {
      while (written < total) {
        written += chunk.length;
        if (!response.write(chunk)) {
          response.once('drain', pump);
          return;
        }
      }
      response.end();
    };
    pump();
  });
  let received = 0;
  let control: ClientExchange | undefined;
  const done = new Promise<void>((resolve, reject) => {
    control = client.send(
      { method: 'GET', path: '/', headers: {} },
      {
        onHeaders: () => {},
        onData: (bytes) => {
          if (received === 0) control!.pause();
          received += bytes.length;
        },
        onEnd: resolve,
        onError: reject,
      },
    );
  });
  await expectStill(() => written);
  expect(written).toBeLessThan(total / 2);
  control!.resume();
  await done;
  expect(received).toBe(total);
});

test('requests are not held back (TCP_NODELAY on our sockets)', async () => {
  const { Socket: NodeSocket } = await import('node:net');
  const spy = vi.spyOn(NodeSocket.prototype as Socket, 'setNoDelay');
  const client = await clientOf((_request, response) => sendJson(response, 200, {}));
  await run(client);
  expect(spy).toHaveBeenCalledWith(true);
  spy.mockRestore();
});

test('a refused connection is an error, not a hang', async () => {
  const server = await startServer({ host: '127.0.0.1', port: 0 }, () => {});
  await server.close(0);
  const client = new HttpClient(server.url, realClock);
  const { error } = await run(client);
  expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  await client.destroy();
});
