import type { GatewayConfig } from '../config/gateway.ts';
import type { CancelTimer, Clock } from '../core/clock.ts';
import { TimeoutError } from '../http/client.ts';
import type { ClientExchange, ResponseHandler } from '../http/client.ts';
import type { GatewayCall, Stage } from './call.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import { noteProviderLimits } from './provider-limits.ts';
import { NO_RETRY, Refusal } from './refusal.ts';
import { dialectOf } from './route.ts';
import { StreamReply } from './stream-reply.ts';
import { forwardedHeaders, joinPath, returnedHeaders } from './upstream.ts';
import type { Upstream, Upstreams } from './upstream.ts';
import { WholeReply } from './whole-reply.ts';

type ReplyHeaders = Parameters<ResponseHandler['onHeaders']>[1];

/** The last stage: asks the provider and passes its reply on as it arrives. */
export function forward(
  upstreams: Upstreams,
  config: Pick<GatewayConfig, 'timeouts' | 'forwardHeaders'>,
  clock: Clock,
  metrics: GatewayMetrics,
): Stage {
  return (call) => {
    const upstream = upstreams[call.route.upstream];
    if (upstream === undefined) {
      throw new Refusal(`this gateway has no ${call.route.upstream} upstream`, {
        status: 404,
        code: 'no_upstream',
        outcome: 'refused',
      });
    }
    return new Forwarding(call, upstream, config, clock, metrics).run();
  };
}

/**
 * One exchange with a provider. Status and headers are committed to the client only once the reply
 * has shown that it is what was asked for: a stream whose first frame is an error becomes an error
 * status. After that, a broken stream ends with the dialect's error frame, never with a silent end
 * that SDKs read as success.
 */
class Forwarding implements ResponseHandler {
  readonly #call: GatewayCall;
  readonly #upstream: Upstream;
  readonly #config: Pick<GatewayConfig, 'timeouts' | 'forwardHeaders'>;
  readonly #clock: Clock;
  readonly #metrics: GatewayMetrics;
  #exchange: ClientExchange | undefined;
  #reply: StreamReply | WholeReply | undefined;
  #headers: Record<string, string | string[]> = {};
  #isPaused = false;
  #lastActivityMs = 0;
  #cancelWatch: CancelTimer = () => {};
  #resolve: () => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(
    call: GatewayCall,
    upstream: Upstream,
    config: Pick<GatewayConfig, 'timeouts' | 'forwardHeaders'>,
    clock: Clock,
    metrics: GatewayMetrics,
  ) {
    this.#call = call;
    this.#upstream = upstream;
    this.#config = config;
    this.#clock = clock;
    this.#metrics = metrics;
  }

  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      const { body, client: caller, request, route } = this.#call;
      const { basePath, client } = this.#upstream;
      this.#lastActivityMs = this.#clock.now();
      this.#call.outcome.upstreamSentMs = this.#lastActivityMs;
      this.#watch();
      this.#exchange = client.send(
        {
          method: request.method === 'GET' ? 'GET' : 'POST',
          path: joinPath(basePath, route.path),
          headers: forwardedHeaders(request.headers, this.#upstream, this.#config.forwardHeaders),
          body: request.method === 'GET' ? undefined : body,
          timeoutMs: this.#config.timeouts.total,
        },
        this,
      );
      caller.onLeave = () => this.#exchange?.abort(new Error('the client left'));
      if (caller.hasLeft) caller.onLeave();
    });
  }

  onHeaders(status: number, headers: ReplyHeaders): void {
    const call = this.#call;
    this.#touch();
    noteProviderLimits(call, headers, this.#metrics);
    if (status === 429) this.#metrics.limitedByProvider(call);
    const type = String(headers['content-type'] ?? '');
    const problem = replyProblem(call, status, type);
    if (problem !== undefined) {
      this.#giveUp(problem);
      return;
    }
    call.outcome.status = status;
    this.#headers = returnedHeaders(headers, call.replyHeaders);
    const dialect = dialectOf(call.route);
    if (dialect !== undefined && call.facts.stream && status === 200) {
      this.#reply = new StreamReply(call, dialect, type);
    } else {
      this.#reply = new WholeReply(call, dialect, status, type);
      this.#commit();
    }
    this.#watch();
  }

  onData(chunk: Buffer): void {
    const reply = this.#reply;
    if (reply === undefined) return;
    this.#touch();
    const wasWaiting = reply.isWaitingForToken;
    const ready = reply.push(chunk);
    if (wasWaiting && !reply.isWaitingForToken) {
      this.#call.outcome.firstTokenMs = this.#clock.now();
      this.#watch();
    }
    if (ready.length === 0) return;
    if (!this.#call.response.headersSent) {
      const early = reply.earlyError();
      if (early !== undefined) {
        this.#giveUp(early);
        return;
      }
      this.#commit();
    }
    if (!this.#call.response.write(ready)) this.#pause();
  }

  onEnd(): void {
    this.#cancelWatch();
    const reply = this.#reply!;
    const { outcome, response } = this.#call;
    outcome.upstreamEndedMs = this.#clock.now();
    const { tail, terminal } = reply.end();
    Object.assign(outcome, reply.outcome());
    if (reply instanceof StreamReply) {
      this.#metrics.streamEnded(this.#call, terminal);
    }
    const early = response.headersSent ? undefined : reply.earlyError();
    if (early !== undefined) {
      this.#reject(early);
      return;
    }
    if (!response.headersSent) this.#commit();
    response.end(tail);
    this.#resolve();
  }

  onError(error: Error): void {
    this.#cancelWatch();
    const call = this.#call;
    const { outcome, response } = call;
    outcome.upstreamEndedMs = this.#clock.now();
    const reply = this.#reply;
    if (reply !== undefined) Object.assign(outcome, reply.outcome());
    if (call.client.hasLeft) {
      outcome.kind = 'cancelled';
      if (reply instanceof StreamReply) this.#metrics.streamEnded(call, 'cancelled');
      this.#resolve();
      return;
    }
    const refusal = error instanceof Refusal ? error : transportRefusal(error);
    outcome.kind = refusal.details.outcome;
    if (!response.headersSent) {
      this.#reject(refusal);
      return;
    }
    if (reply instanceof StreamReply) {
      const reason = outcome.kind === 'timeout' ? 'timeout' : 'reset';
      this.#metrics.streamEnded(call, reason);
      response.end(reply.errorFrame(refusal.details, refusal.message));
    } else {
      // A cut body with a content-length: closing the socket is what makes every client see it.
      response.destroy();
    }
    this.#resolve();
  }

  /** Ends the exchange from our side; onError sees the refusal. */
  #giveUp(refusal: Refusal): void {
    this.#exchange?.abort(refusal);
  }

  #commit(): void {
    this.#call.response.writeHead(this.#call.outcome.status, this.#headers);
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#exchange?.pause();
    this.#call.response.once('drain', () => {
      this.#isPaused = false;
      this.#touch();
      this.#exchange?.resume();
    });
  }

  #touch(): void {
    this.#lastActivityMs = this.#clock.now();
  }

  /** One timer for both deadlines: the first token, then silence. A slow reader is not silence. */
  #watch(): void {
    this.#cancelWatch();
    const { firstToken, idle } = this.#config.timeouts;
    const isWaiting = this.#reply?.isWaitingForToken ?? true;
    const dueMs = isWaiting
      ? this.#call.outcome.upstreamSentMs! + firstToken
      : this.#lastActivityMs + idle;
    this.#cancelWatch = this.#clock.at(dueMs, () => {
      if (this.#isPaused) this.#touch();
      const isSilent = this.#clock.now() >= this.#lastActivityMs + idle;
      if (isWaiting) this.#giveUp(timeoutRefusal('first token', firstToken));
      else if (isSilent) this.#giveUp(timeoutRefusal('next part of the reply', idle));
      else this.#watch();
    });
  }
}

/** A 200 that is not what the caller's SDK expects would be read as an empty success. */
function replyProblem(call: GatewayCall, status: number, type: string): Refusal | undefined {
  if (status === 401) {
    return new Refusal('the provider refused the credential of this gateway', {
      status: 502,
      code: 'upstream_authentication',
      outcome: 'error',
      headers: NO_RETRY,
    });
  }
  if (status !== 200) return undefined;
  const isStream = call.facts.stream && dialectOf(call.route) !== undefined;
  const expected = isStream ? 'text/event-stream' : 'json';
  if (type.toLowerCase().includes(expected)) return undefined;
  return new Refusal(`the provider answered with content that is not ${expected}`, {
    status: 502,
    code: 'upstream_content_type',
    outcome: 'error',
  });
}

function transportRefusal(error: Error): Refusal {
  if (error instanceof TimeoutError) {
    return new Refusal(`the provider gave ${error.message}`, {
      status: 504,
      code: 'upstream_timeout',
      outcome: 'timeout',
    });
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return new Refusal(`the connection to the provider failed (${code})`, {
    status: 502,
    code: 'upstream_connection',
    outcome: 'error',
  });
}

function timeoutRefusal(what: string, limitMs: number): Refusal {
  return new Refusal(`the provider sent no ${what} within ${limitMs / 1000} s`, {
    status: 504,
    code: 'upstream_timeout',
    outcome: 'timeout',
  });
}
