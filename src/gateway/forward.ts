import type { GatewayConfig } from '../config/gateway.ts';
import type { Clock } from '../core/clock.ts';
import type { Deadline } from '../core/deadlines.ts';
import { TimeoutError } from '../http/client.ts';
import type { ClientExchange, ResponseHandler } from '../http/client.ts';
import type { CallDeadlines } from './call-deadlines.ts';
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
  deadlines: CallDeadlines,
): Stage {
  const { forwardHeaders, timeouts } = config;
  const context: ForwardContext = { clock, metrics, deadlines, forwardHeaders, timeouts };
  return (call) => {
    const upstream = upstreams[call.route.upstream];
    if (upstream === undefined) {
      throw new Refusal(`this gateway has no ${call.route.upstream} upstream`, {
        status: 404,
        code: 'no_upstream',
        outcome: 'refused',
      });
    }
    return new Forwarding(call, upstream, context).run();
  };
}

interface ForwardContext {
  readonly clock: Clock;
  readonly metrics: GatewayMetrics;
  readonly forwardHeaders: GatewayConfig['forwardHeaders'];
  readonly timeouts: GatewayConfig['timeouts'];
  readonly deadlines: CallDeadlines;
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
  readonly #context: ForwardContext;
  #exchange: ClientExchange | undefined;
  #reply: StreamReply | WholeReply | undefined;
  #headers: Record<string, string | string[]> = {};
  #isPaused = false;
  #lastActivityMs = 0;
  #firstToken: Deadline | undefined;
  #idle: Deadline | undefined;
  #total: Deadline | undefined;
  #resolve: () => void = NOTHING;
  #reject: (error: Error) => void = NOTHING;

  constructor(call: GatewayCall, upstream: Upstream, context: ForwardContext) {
    this.#call = call;
    this.#upstream = upstream;
    this.#context = context;
  }

  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#send();
    });
  }

  #send(): void {
    const { body, client: caller, outcome, request, route } = this.#call;
    const { basePath, client } = this.#upstream;
    const { clock, deadlines, forwardHeaders, timeouts } = this.#context;
    const nowMs = clock.now();
    this.#lastActivityMs = nowMs;
    outcome.upstreamSentMs = nowMs;
    this.#total = deadlines.total.start(nowMs, () => {
      const message = `no complete answer within ${timeouts.total} ms`;
      this.#exchange?.abort(new TimeoutError(message));
    });
    this.#firstToken = deadlines.firstToken.start(nowMs, () =>
      this.#giveUp(timeoutRefusal('first token', timeouts.firstToken)),
    );
    this.#exchange = client.send(
      {
        method: request.method === 'GET' ? 'GET' : 'POST',
        path: joinPath(basePath, route.path),
        headers: forwardedHeaders(request.headers, this.#upstream, forwardHeaders),
        body: request.method === 'GET' ? undefined : body,
      },
      this,
    );
    caller.onLeave = () => this.#exchange?.abort(new Error('the client left'));
    if (caller.hasLeft) caller.onLeave();
  }

  onHeaders(status: number, headers: ReplyHeaders): void {
    const call = this.#call;
    this.#touch();
    noteProviderLimits(call, headers, this.#context.metrics);
    if (status === 429) this.#context.metrics.limitedByProvider(call);
    const type = String(headers['content-type'] ?? '');
    const problem = replyProblem(call, status, type);
    if (problem !== undefined) {
      this.#giveUp(problem);
      return;
    }
    call.outcome.status = status;
    this.#headers = returnedHeaders(headers, call);
    const dialect = dialectOf(call.route);
    if (dialect !== undefined && call.facts.stream && status === 200) {
      this.#reply = new StreamReply(call, dialect, type);
    } else {
      this.#reply = new WholeReply(call, dialect, status, headers);
      this.#tokensBegan();
    }
  }

  onData(chunk: Buffer): void {
    const reply = this.#reply;
    if (reply === undefined) return;
    this.#touch();
    const wasWaiting = reply.isWaitingForToken;
    const ready = reply.push(chunk);
    if (wasWaiting && !reply.isWaitingForToken) {
      this.#call.outcome.firstTokenMs = this.#lastActivityMs;
      this.#tokensBegan();
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
    this.#cancelDeadlines();
    const reply = this.#reply!;
    const { outcome, response } = this.#call;
    outcome.upstreamEndedMs = this.#context.clock.now();
    const { tail, terminal } = reply.end();
    Object.assign(outcome, reply.outcome());
    if (reply instanceof StreamReply) {
      this.#context.metrics.streamEnded(this.#call, terminal);
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
    this.#cancelDeadlines();
    const call = this.#call;
    const { outcome, response } = call;
    outcome.upstreamEndedMs = this.#context.clock.now();
    const reply = this.#reply;
    if (reply !== undefined) Object.assign(outcome, reply.outcome());
    if (call.client.hasLeft) {
      outcome.kind = 'cancelled';
      if (reply instanceof StreamReply) this.#context.metrics.streamEnded(call, 'cancelled');
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
      this.#context.metrics.streamEnded(call, reason);
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
    this.#lastActivityMs = this.#context.clock.now();
  }

  /** From here on the reply may not fall silent. */
  #tokensBegan(): void {
    const { firstToken } = this.#context.deadlines;
    if (this.#firstToken !== undefined) firstToken.cancel(this.#firstToken);
    this.#watchSilence(this.#lastActivityMs);
  }

  /** Looks once per idle time whether anything came since. A slow reader is not silence. */
  #watchSilence(nowMs: number): void {
    const { clock, deadlines, timeouts } = this.#context;
    this.#idle = deadlines.idle.start(nowMs, () => {
      const firedMs = clock.now();
      if (this.#isPaused) this.#lastActivityMs = firedMs;
      if (firedMs < this.#lastActivityMs + timeouts.idle) this.#watchSilence(this.#lastActivityMs);
      else this.#giveUp(timeoutRefusal('next part of the reply', timeouts.idle));
    });
  }

  #cancelDeadlines(): void {
    const { firstToken, idle, total } = this.#context.deadlines;
    if (this.#firstToken !== undefined) firstToken.cancel(this.#firstToken);
    if (this.#idle !== undefined) idle.cancel(this.#idle);
    if (this.#total !== undefined) total.cancel(this.#total);
  }
}

const NOTHING = (): void => {};

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
