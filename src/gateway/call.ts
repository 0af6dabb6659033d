import type { IncomingMessage, ServerResponse } from 'node:http';

import type { AgentConfig } from '../config/gateway.ts';
import type { TokenRecord } from '../core/tokens.ts';
import type { Finish } from '../http/dialect.ts';
import { NO_FACTS } from './request-facts.ts';
import type { RequestFacts } from './request-facts.ts';
import type { Route } from './route.ts';

/** Whether the client still waits. Lighter than an AbortSignal (5 µs per call). */
class ClientPresence {
  hasLeft = false;
  /** Set by the stage that has something to cancel. */
  onLeave: (() => void) | undefined = undefined;
}

export class CallOutcome {
  kind: 'ok' | 'error' | 'timeout' | 'truncated' | 'cancelled' | 'limited' | 'refused' = 'error';
  status = 0;
  /** `none`: nothing was generated, so nothing is charged. */
  tokensBasis: 'reported' | 'estimated' | 'none' = 'none';
  tokens: TokenRecord | undefined = undefined;
  /** Answered from the cache: the tokens were paid by an earlier call. */
  cached = false;
  /** Why the model stopped, in the words of http/dialect.ts. */
  finish: Finish | undefined = undefined;
  /** The whole reply as sent, when it ended well and fits `keepReplyBytes`. */
  reply: { readonly contentType: string; readonly body: Buffer } | undefined = undefined;
  upstreamSentMs: number | undefined = undefined;
  firstTokenMs: number | undefined = undefined;
  upstreamEndedMs: number | undefined = undefined;
}

const NO_BODY = Buffer.alloc(0);

/**
 * One request on its way through the stages. Each stage fills in what the next ones need. A class
 * like everything that lives as long as a request: see PoolExchange in http/client.ts.
 */
export class GatewayCall {
  readonly id: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly route: Route;
  /** Clock time of arrival, in ms. */
  readonly arrivedMs: number;
  readonly client = new ClientPresence();
  /** Headers of the reply, whoever writes it. */
  readonly replyHeaders: Record<string, string>;
  /** The reply headers tell the agent's own limits, so the provider's stay here. */
  hasOwnLimits = false;
  agent: Agent;
  body: Buffer = NO_BODY;
  facts: RequestFacts = NO_FACTS;
  /** Time spent waiting for the client's body, in ms; not our overhead. */
  bodyWaitMs = 0;
  /** A stage that wants the whole reply sets how many bytes it would keep; 0 for none. */
  keepReplyBytes = 0;
  readonly outcome = new CallOutcome();

  constructor(
    id: string,
    request: IncomingMessage,
    response: ServerResponse,
    route: Route,
    arrivedMs: number,
    agent: Agent,
  ) {
    this.id = id;
    this.request = request;
    this.response = response;
    this.route = route;
    this.arrivedMs = arrivedMs;
    this.agent = agent;
    this.replyHeaders = { 'x-request-id': id };
  }
}

/** Who asks. Limits and cache entries belong to an agent. */
export type Agent = Pick<AgentConfig, 'id' | 'tenant' | 'models' | 'limits' | 'cache'>;

/** A stage does its part, calls `next` once at most, and may act on the outcome afterwards. */
export type Stage = (call: GatewayCall, next: () => Promise<void>) => Promise<void>;

/** Runs the stages in order; each one wraps those after it. */
export function composeStages(stages: readonly Stage[]): (call: GatewayCall) => Promise<void> {
  const run = (index: number, call: GatewayCall): Promise<void> => {
    const stage = stages[index];
    return stage === undefined ? Promise.resolve() : stage(call, () => run(index + 1, call));
  };
  return (call) => run(0, call);
}
