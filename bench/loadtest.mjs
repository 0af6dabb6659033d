// How many streams one core of the load generator holds, and how wrong its clock is.
//   node bench/loadtest.mjs [streams…]        (needs `npm run build`; loopback only)
// A bare server in a process of its own stamps each chunk with CLOCK_MONOTONIC at the write. Error
// is the client's time of a chunk minus the server's stamp: it holds the write and the wakeup of
// both processes, so it is an upper bound of the client's own error. On a shared machine most of
// it is waiting for a CPU: the run delay beside it says how much.
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';

const CHUNKS_PER_SECOND = 50;
const SECONDS = 6;
const NS_PER_MS = 1e6;

if (process.argv[2] === 'server') serve();
else await bench(process.argv.slice(2).map(Number));

function serve() {
  const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, (request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const tokens = JSON.parse(Buffer.concat(chunks)).max_tokens;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      let sent = 0;
      const start = performance.now();
      const next = () => {
        const choice = { index: 0, delta: { content: 'tok ' } };
        const stamp = String(process.hrtime.bigint());
        response.write(`data: ${JSON.stringify({ choices: [choice], t: stamp })}\n\n`);
        sent += 1;
        if (sent < tokens) {
          setTimeout(next, start + (sent * 1000) / CHUNKS_PER_SECOND - performance.now());
        } else {
          response.end(
            `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: { prompt_tokens: 10, completion_tokens: tokens } })}\n\ndata: [DONE]\n\n`,
          );
        }
      };
      setTimeout(next, Math.random() * 20);
    });
  });
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
}

async function bench(levels) {
  const { RealClock } = await import('../dist/system.js');
  const { createHttpTransport } = await import('../dist/loadtest/http-transport.js');
  const { HttpClient } = await import('../dist/http/client.js');
  const child = fork(new URL(import.meta.url).pathname, ['server']);
  const [{ port }] = await once(child, 'message');
  const clock = new RealClock();
  const url = `http://127.0.0.1:${port}`;
  const rows = [];
  for (const streams of levels.length > 0 ? levels : [50, 200, 500]) {
    const bare = await measure(streams, () => bareClient(HttpClient, url, clock));
    const full = await measure(streams, () => engineClient(createHttpTransport, url, clock));
    rows.push({
      streams,
      ...describe('bare', bare),
      ...describe('engine', full),
      'engine/bare CPU': (full.cpu / bare.cpu).toFixed(2),
    });
  }
  child.kill();
  console.log(
    `${CHUNKS_PER_SECOND} chunks/s per stream, ${SECONDS} s per row, Node ${process.version}`,
  );
  console.table(rows);
}

function describe(name, { chunks, cpu, errors, runDelay, seconds, timed }) {
  const sorted = errors.sort((a, b) => a - b);
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)];
  return {
    [`${name} µs/chunk`]: ((cpu * 1e6) / chunks).toFixed(1),
    [`${name} cores`]: (cpu / seconds).toFixed(2),
    ...(timed
      ? {
          'error p50 ms': at(0.5)?.toFixed(2),
          'error p99 ms': at(0.99)?.toFixed(2),
          'run delay ms/s': (runDelay / seconds).toFixed(0),
        }
      : {}),
  };
}

async function measure(streams, create) {
  const client = create();
  await Promise.all(Array.from({ length: Math.min(streams, 50) }, () => client.stream(2)));
  client.reset();
  const cpu = process.cpuUsage();
  const waited = runDelayMs();
  const start = performance.now();
  await Promise.all(
    Array.from({ length: streams }, () => client.stream(SECONDS * CHUNKS_PER_SECOND)),
  );
  const seconds = (performance.now() - start) / 1000;
  const used = process.cpuUsage(cpu);
  await client.close();
  return {
    ...client.result(),
    cpu: (used.user + used.system) / 1e6,
    seconds,
    runDelay: runDelayMs() - waited,
  };
}

/** The engine's own transport: SSE parsing, dialect fold, gaps, one result per call. */
function engineClient(createHttpTransport, url, clock) {
  const transport = createHttpTransport({ url, dialect: 'openai', timeoutMs: 120_000 }, clock);
  const { signal } = new AbortController();
  let chunks = 0;
  return {
    stream: async (outputTokens) => {
      const messages = [{ role: 'user', tokens: 20, offset: 0 }];
      const step = {
        kind: 'llm',
        id: 'a',
        after: [],
        model: 'm',
        messages,
        inputTokens: 20,
        outputTokens,
      };
      const result = await transport.send({ step, session: 0, attempt: 1 }, signal);
      if (result.outcome !== 'ok') throw new Error(`${result.outcome} ${result.error}`);
      chunks += result.chunks;
    },
    reset: () => (chunks = 0),
    result: () => ({ chunks, errors: [], timed: false }),
    close: () => transport.close(),
  };
}

/** The same bytes with no parsing but the stamp: what the sockets and the event loop cost. */
function bareClient(HttpClient, url, clock) {
  const client = new HttpClient(url, clock);
  let chunks = 0;
  let errors = [];
  return {
    stream: (outputTokens) =>
      new Promise((resolve, reject) => {
        client.send(
          {
            method: 'POST',
            path: '/v1/chat/completions',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ max_tokens: outputTokens }),
          },
          {
            onHeaders: () => {},
            onData: (data) => {
              const now = process.hrtime.bigint();
              for (const [, stamp] of data.toString('latin1').matchAll(/"t":"(\d+)"/g)) {
                chunks += 1;
                errors.push(Number(now - BigInt(stamp)) / NS_PER_MS);
              }
            },
            onEnd: resolve,
            onError: reject,
          },
        );
      }),
    reset: () => {
      chunks = 0;
      errors = [];
    },
    result: () => ({ chunks, errors, timed: true }),
    close: () => client.destroy(),
  };
}

function runDelayMs() {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / NS_PER_MS;
  } catch {
    return Number.NaN;
  }
}
