import type { IncomingMessage, ServerResponse } from 'node:http';

import type { ProviderConfig } from '../config/provider.ts';
import type { Clock } from '../core/clock.ts';
import { Random } from '../core/random.ts';
import { asError } from '../errors.ts';
import { dialectOfPath } from '../http/dialects.ts';
import { BodyTooLargeError, readBody, sendJson, startServer } from '../http/server.ts';
import type { RunningServer, ServerAddress } from '../http/server.ts';
import { monotonicNs, realClock, wallNowMs } from '../system.ts';
import type { Admin } from './admin.ts';
import { answerAdmin, serveAdmin } from './admin.ts';
import { randomId } from './compose-reply.ts';
import { Endpoints, decoded } from './endpoints.ts';
import { readEngines } from './engine-profile.ts';
import { answerError, commonHeaders } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { KeyCounts } from './key-counts.ts';
import { LocalLimitGate } from './limit-gate.ts';
import type { LimitGate } from './limit-gate.ts';
import { readRecordings } from './recorded-times.ts';
import { HttpSink, isExpired } from './reply-sink.ts';
import type { Outcome, RequestLog, RequestRecord } from './request-log.ts';
import { Simulator } from './simulator.ts';

export interface ProviderOptions {
  readonly config: ProviderConfig;
  /** Instead of the configuration's. */
  readonly address?: ServerAddress | undefined;
  readonly log?: RequestLog | undefined;
  /** The limits, when they live elsewhere (several workers). */
  readonly limits?: LimitGate | undefined;
  /** Keeps request ids of several workers apart. */
  readonly instance?: string | undefined;
  /** Who answers the admin interface, when it is not this process alone. */
  readonly admin?: Admin | undefined;
  readonly clock?: Clock | undefined;
}

export interface RunningProvider extends RunningServer {
  readonly simulator: Simulator;
  readonly counts: KeyCounts;
}

/** Starts the simulated provider: OpenAI under `/v1`, Anthropic at `/v1/messages`, on one port. */
export async function startProvider(options: ProviderOptions): Promise<RunningProvider> {
  const { config, log, clock = realClock } = options;
  const limits = options.limits ?? new LocalLimitGate(config, clock, wallNowMs);
  // One reading of both clocks ties the provider's clock to the host's: CLOCK_MONOTONIC under both.
  const originNs = Number(monotonicNs()) - clock.now() * NS_PER_MS;
  const nowNs = (): number => Math.round(originNs + clock.now() * NS_PER_MS);
  const engines = await readEngines(config);
  const recordings = await readRecordings(config);
  const simulator = new Simulator({
    config,
    engines,
    recordings,
    clock,
    limits,
    nowEpochMs: () => config.createdAt ?? wallNowMs(),
    nowNs,
  });
  const counts = new KeyCounts();
  const admin: Admin =
    options.admin ?? ((call) => Promise.resolve(answerAdmin(call, { simulator, counts, clock })));
  const endpoints = new Endpoints({ config, simulator, limits, clock });
  const ids = new Random(`${config.seed}/request-ids/${options.instance ?? ''}`);

  const close = (record: RequestRecord): void => {
    simulator.metrics.ended(record);
    counts.add(record);
    log?.write(record);
  };

  const open = (request: IncomingMessage, response: ServerResponse, path: string): Exchange => {
    const acceptMs = clock.now();
    const record = newRecord(request, path, `req_${randomId(ids)}`, nowNs());
    if (log !== undefined) record.chunkNs = [];
    const sinceAcceptNs = (): number => Math.round((clock.now() - acceptMs) * NS_PER_MS);
    let over = false;
    const end = (outcome: Outcome): void => {
      if (over) return;
      over = true;
      record.outcome = outcome;
      record.endNs = sinceAcceptNs();
      close(record);
    };
    const { headers } = request;
    const isAnthropic =
      path.startsWith('/v1/messages') || headers['anthropic-version'] !== undefined;
    const sink = new HttpSink(response);
    sink.onAbandoned(() => end('client-closed'));
    return {
      api: isAnthropic ? 'anthropic' : 'openai',
      dialect: dialectOfPath(path) ?? (isAnthropic ? 'anthropic-messages' : 'openai-chat'),
      headers,
      sink,
      record,
      acceptMs,
      end,
      isOver: () => over,
      sinceAcceptNs,
    };
  };

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const { path, deployment } = azureRoute(pathOf(request));
    if (path === '/healthz' || path === '/health') return sendJson(response, 200, { status: 'ok' });
    if (path === '/metrics' || path.startsWith('/admin/')) {
      void serveAdmin(request, response, path, admin);
      return;
    }
    const exchange = open(request, response, path);
    if (isExpired(request.socket)) {
      exchange.record.fault = 'stale-connection';
      exchange.sink.reset();
      exchange.end('fault');
      return;
    }
    const known = METHODS.find(({ pattern }) => pattern.test(path));
    if (known === undefined || !known.methods.includes(request.method ?? '')) {
      refuse(exchange, known === undefined ? 404 : 405, `${request.method} ${path}`);
      return;
    }
    if (request.method === 'GET') return endpoints.get(exchange, path, queryOf(request));
    if (request.method === 'DELETE') return endpoints.delete(exchange, path);
    readBody(request).then(
      (body) => {
        exchange.record.bodyNs = exchange.sinceAcceptNs();
        if (exchange.isOver()) return;
        endpoints.post(exchange, path, body.toString('utf8'), deployment);
      },
      (thrown) => unreadable(exchange, thrown),
    );
  };

  const refuse = (exchange: Exchange, status: number, what: string): void => {
    const message = status === 404 ? `Unknown request URL: ${what}` : `Method not allowed: ${what}`;
    answerError(exchange, { status, message }, commonHeaders(exchange, clock.now()));
  };

  const unreadable = (exchange: Exchange, thrown: unknown): void => {
    if (exchange.isOver()) return;
    const status = thrown instanceof BodyTooLargeError ? 413 : 400;
    const { message } = asError(thrown);
    answerError(exchange, { status, message }, commonHeaders(exchange, clock.now()));
  };

  const server = await startServer(options.address ?? config.listen, listener);
  return { ...server, simulator, counts };
}

const NS_PER_MS = 1e6;

const METHODS: readonly { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [
  {
    pattern:
      /^\/v1\/(chat\/completions|responses|responses\/input_tokens|embeddings|messages|messages\/count_tokens)$/,
    methods: ['POST'],
  },
  { pattern: /^\/v1\/models(\/.+)?$/, methods: ['GET'] },
  { pattern: /^\/v1\/responses\/[^/]+$/, methods: ['GET', 'DELETE'] },
  { pattern: /^\/v1\/responses\/[^/]+\/cancel$/, methods: ['POST'] },
];

/**
 * Azure's addresses as OpenAI's: `/openai/v1/…`, and `/openai/deployments/<name>/…`, whose name
 * says the model whatever the body says.
 */
function azureRoute(path: string): { readonly path: string; readonly deployment?: string } {
  const match = /^\/openai\/(?:v1|deployments\/(?<name>[^/]+))(?<rest>\/.*)$/u.exec(path);
  if (match === null) return { path };
  const { name, rest } = match.groups!;
  const plain = `/v1${rest}`;
  return name === undefined ? { path: plain } : { path: plain, deployment: decoded(name) };
}

function pathOf({ url = '/' }: IncomingMessage): string {
  const query = url.indexOf('?');
  const path = query === -1 ? url : url.slice(0, query);
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

function queryOf({ url = '/' }: IncomingMessage): URLSearchParams {
  const query = url.indexOf('?');
  return new URLSearchParams(query === -1 ? '' : url.slice(query));
}

function newRecord(
  request: IncomingMessage,
  path: string,
  id: string,
  acceptNs: number,
): RequestRecord {
  const { headers } = request;
  const clientId = headers['x-client-request-id'];
  const retry = Number(headers['x-stainless-retry-count'] ?? 0);
  return {
    id,
    path,
    acceptNs: String(acceptNs),
    ...(typeof clientId === 'string' ? { clientId: clientId.slice(0, 128) } : {}),
    ...(retry > 0 ? { retry } : {}),
  };
}
