import type { IncomingMessage, ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';

import type { GatewayConfig } from '../config/gateway.ts';
import type { Clock } from '../core/clock.ts';
import { randomStreams } from '../core/random.ts';
import { PROMETHEUS_CONTENT_TYPE } from '../http/prometheus.ts';
import { sendJson, startServer } from '../http/server.ts';
import type { RunningServer } from '../http/server.ts';
import { realClock } from '../system.ts';
import { ANONYMOUS, authenticate } from './authenticate.ts';
import { GatewayCall, composeStages } from './call.ts';
import type { Stage } from './call.ts';
import { callDeadlines, closeDeadlines } from './call-deadlines.ts';
import { checkRequest } from './check-request.ts';
import { exactCache } from './exact-cache.ts';
import { forward } from './forward.ts';
import { GatewayMetrics } from './gateway-metrics.ts';
import { limitRate } from './limit-rate.ts';
import { readRequest } from './read-request.ts';
import { Refusal, sendRefusal } from './refusal.ts';
import { matchRoute } from './route.ts';
import { openUpstreams } from './upstream.ts';

export interface GatewayOptions {
  readonly clock?: Clock | undefined;
  /** Called with errors that are bugs: one line, no content. */
  readonly log?: ((line: string) => void) | undefined;
}

export interface RunningGateway extends RunningServer {
  /** What /metrics shows. */
  metricsText(): string;
}

/** Starts the gateway. `close` drains: it takes no new calls and lets running ones finish. */
export async function startGateway(
  config: GatewayConfig,
  options: GatewayOptions = {},
): Promise<RunningGateway> {
  const clock = options.clock ?? realClock;
  const metrics = new GatewayMetrics();
  const upstreams = openUpstreams(config.upstreams, clock);
  const random = randomStreams(randomUUID());
  const deadlines = callDeadlines(config.timeouts, clock);
  const stages: readonly Stage[] = [
    countCalls(metrics, clock),
    answerRefusals(options.log ?? (() => {})),
    authenticate(config),
    readRequest(config, clock, deadlines),
    limitRate(config.limits, config.agents, clock, random, metrics),
    exactCache(config.cache, clock, metrics),
    forward(upstreams, config, clock, metrics, deadlines),
  ];
  const run = composeStages(stages);
  let isDraining = false;

  const server = await startServer(config.listen, (request, response) => {
    if (isDraining) response.shouldKeepAlive = false;
    if (request.url === '/healthz') {
      sendJson(response, isDraining ? 503 : 200, { status: isDraining ? 'draining' : 'ok' });
    } else if (request.url === '/metrics') {
      response.writeHead(200, { 'content-type': PROMETHEUS_CONTENT_TYPE });
      response.end(metrics.text());
    } else {
      const call = acceptCall(request, response, clock);
      if (call !== undefined) void run(call);
    }
  });

  return {
    url: server.url,
    port: server.port,
    metricsText: () => metrics.text(),
    async close(graceMs = config.timeouts.drain) {
      isDraining = true;
      await server.close(graceMs);
      closeDeadlines(deadlines);
      await Promise.all([
        upstreams.openai?.client.destroy(),
        upstreams.anthropic?.client.destroy(),
      ]);
    },
  };
}

/** Makes the call of a request, or answers what has no route or could be read in two ways. */
function acceptCall(
  request: IncomingMessage,
  response: ServerResponse,
  clock: Clock,
): GatewayCall | undefined {
  const arrivedMs = clock.now();
  const id = requestId(request);
  const { headers, method = '', url = '' } = request;
  const speaksAnthropic = headers['anthropic-version'] !== undefined;
  response.on('error', () => {}); // the client's end of the socket; `close` follows
  try {
    checkRequest(request);
    const matched = matchRoute(method, url, speaksAnthropic);
    if ('problem' in matched) throw NOT_ROUTED[matched.problem];
    return newCall(id, request, response, matched.route, arrivedMs);
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    const upstream = speaksAnthropic ? 'anthropic' : 'openai';
    // Nobody reads the body of a request that is refused here, so the connection cannot go on.
    sendRefusal(response, upstream, thrown, { 'x-request-id': id, connection: 'close' });
    return undefined;
  }
}

function newCall(
  id: string,
  request: IncomingMessage,
  response: ServerResponse,
  route: GatewayCall['route'],
  arrivedMs: number,
): GatewayCall {
  const call = new GatewayCall(id, request, response, route, arrivedMs, ANONYMOUS);
  const { client } = call;
  response.on('close', () => {
    if (response.writableFinished) return;
    client.hasLeft = true;
    client.onLeave?.();
  });
  return call;
}

/** The caller's own id when it is harmless in logs and headers, else a new one. */
function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,128}$/.test(given) ? given : randomUUID();
}

/** Outermost stage: counts calls, whatever the others make of them. */
function countCalls(metrics: GatewayMetrics, clock: Clock): Stage {
  return async (call, next) => {
    metrics.inFlight.add(1);
    try {
      await next();
    } finally {
      metrics.inFlight.add(-1);
      metrics.finished(call, clock.now());
    }
  };
}

/** Turns refusals of the inner stages into answers in the caller's dialect. */
function answerRefusals(log: (line: string) => void): Stage {
  return async (call, next) => {
    try {
      await next();
    } catch (thrown) {
      const refusal = thrown instanceof Refusal ? thrown : internalError(call, thrown, log);
      call.outcome.kind = refusal.details.outcome;
      call.outcome.status = refusal.details.status;
      if (call.response.headersSent) call.response.destroy();
      else if (!call.response.destroyed) {
        // An unread body would be read and thrown away before the next request: cut it off.
        if (!call.request.complete) call.replyHeaders['connection'] = 'close';
        sendRefusal(call.response, call.route.upstream, refusal, call.replyHeaders);
      }
    }
  };
}

function internalError(call: GatewayCall, thrown: unknown, log: (line: string) => void): Refusal {
  const name = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : typeof thrown;
  log(`internal error in call ${call.id} on ${call.route.name}: ${name}`);
  return new Refusal('internal error of the gateway', {
    status: 500,
    code: 'gateway_error',
    outcome: 'error',
  });
}

const NOT_ROUTED = {
  'bad-target': new Refusal('the request target is not a path', {
    status: 400,
    code: 'bad_target',
    outcome: 'refused',
  }),
  'unknown-path': new Refusal('the gateway does not serve this path', {
    status: 404,
    code: 'unknown_path',
    outcome: 'refused',
  }),
  'wrong-method': new Refusal('the path does not take this method', {
    status: 405,
    code: 'method_not_allowed',
    outcome: 'refused',
  }),
} satisfies Record<string, Refusal>;
