// How many streams one core of the load generator holds, and how wrong its clock is.
//   node bench/loadtest.mjs [streams…]        (needs `npm run build`; loopback only)
// A bare server in a process of its own stamps each chunk with CLOCK_MONOTONIC at the write. Error
// is the client's time of a chunk minus the server's stamp: it holds the write and the wakeup of
// both processes, so it is an upper bound of the client's own error. On a shared machine most of
// it is waiting for a CPU: the run delay beside it says how much.
import { fork, spawn } from 'node:child_process';
import { once, setMaxListeners } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CHUNKS_PER_SECOND = 50;
const SECONDS = 6;
const NS_PER_MS = 1e6;
/** Calls of the truth run: enough for a p99, at a load that one core of the provider holds. */
const TRUTH_CALLS = 600;
const TRUTH_AT_ONCE = 20;

if (process.argv[2] === 'server') serve();
else {
  await bench(process.argv.slice(2).map(Number));
  await truth();
}

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
  setMaxListeners(0, signal);
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
      const result = await transport.send({ step, session: 0, turn: 0, attempt: 1 }, signal);
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

/** The engine's first and last token against the bundled provider's own log of its writes. */
async function truth() {
  const { RealClock } = await import('../dist/system.js');
  const { createHttpTransport } = await import('../dist/loadtest/http-transport.js');
  const folder = mkdtempSync(join(tmpdir(), 'agent-infra-bench-'));
  const log = join(folder, 'sends.jsonl');
  const binary = fileURLToPath(new URL('../bin/agent-infra.js', import.meta.url));
  const args = [binary, 'provider', '--preset', 'fast', '--port', '0', '--log', log];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  const [url] = /http:\S+/.exec(String(line));
  const clock = new RealClock();
  const originNs = process.hrtime.bigint() - BigInt(Math.round(performance.now() * NS_PER_MS));
  const transport = createHttpTransport(
    { url, dialect: 'openai', apiKey: 'any-key', timeoutMs: 60_000 },
    clock,
  );
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  const seen = new Map();
  let next = 0;
  const caller = async () => {
    while (next < TRUTH_CALLS) {
      const session = next++;
      const messages = [{ role: 'user', tokens: 50, offset: session }];
      const step = {
        kind: 'llm',
        id: 'a',
        after: [],
        model: 'sim-1',
        messages,
        inputTokens: 50,
        outputTokens: 30,
      };
      const result = await transport.send({ step, session, turn: 0, attempt: 1 }, signal);
      if (result.outcome !== 'ok') throw new Error(`${result.outcome} ${result.error}`);
      seen.set(`${session}.0.a.1`, result);
    }
  };
  const waited = runDelayMs();
  const start = performance.now();
  await Promise.all(Array.from({ length: TRUTH_AT_ONCE }, caller));
  const seconds = (performance.now() - start) / 1000;
  const runDelay = runDelayMs() - waited;
  await transport.close();
  child.kill('SIGTERM');
  await once(child, 'exit');
  const first = [];
  const last = [];
  for (const text of readFileSync(log, 'utf8').trim().split('\n')) {
    const record = JSON.parse(text);
    const result = seen.get(record.clientId);
    if (result === undefined || !record.chunkNs?.length) continue;
    const sentMs = (ns) =>
      Number(BigInt(record.acceptNs) - originNs + BigInt(Math.round(ns))) / NS_PER_MS;
    first.push(result.firstTokenAt - sentMs(record.chunkNs[0]));
    last.push(result.lastTokenAt - sentMs(record.chunkNs.at(-1)));
  }
  rmSync(folder, { recursive: true });
  const at = (values, q) =>
    values.sort((a, b) => a - b)[Math.ceil(q * values.length) - 1].toFixed(3);
  console.log(
    `\nagainst the provider's own log, ${first.length} calls, ${TRUTH_AT_ONCE} at once, run delay ${(runDelay / seconds).toFixed(0)} ms/s`,
  );
  console.table({
    'first token seen − written, ms': {
      p50: at(first, 0.5),
      p95: at(first, 0.95),
      p99: at(first, 0.99),
    },
    'last token seen − written, ms': {
      p50: at(last, 0.5),
      p95: at(last, 0.95),
      p99: at(last, 0.99),
    },
  });
}

function runDelayMs() {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / NS_PER_MS;
  } catch {
    return Number.NaN;
  }
}
