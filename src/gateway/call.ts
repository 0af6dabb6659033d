import type { IncomingMessage, ServerResponse } from 'node:http';

import type { AgentConfig } from '../config/gateway.ts';
import type { TokenRecord } from '../core/tokens.ts';
import type { Finish } from '../http/dialect.ts';
import type { RequestFacts } from './request-facts.ts';
import type { Route } from './route.ts';

/** One request on its way through the stages. Each stage fills in what the next ones need. */
export interface GatewayCall {
  readonly id: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly route: Route;
  /** Clock time of arrival, in ms. */
  readonly arrivedMs: number;
  readonly client: ClientPresence;
  /** Headers of the reply, whoever writes it. */
  readonly replyHeaders: Record<string, string>;
  agent: Agent;
  body: Buffer;
  facts: RequestFacts;
  /** Time spent waiting for the client's body, in ms; not our overhead. */
  bodyWaitMs: number;
  /** A stage that wants the whole reply sets how many bytes it would keep; 0 for none. */
  keepReplyBytes: number;
  outcome: CallOutcome;
}

/** Whether the client still waits. Lighter than an AbortSignal (5 µs per call). */
export interface ClientPresence {
  hasLeft: boolean;
  /** Set by the stage that has something to cancel. */
  onLeave: () => void;
}

/** Who asks. Limits and cache entries belong to an agent. */
export type Agent = Pick<AgentConfig, 'id' | 'tenant' | 'models' | 'limits' | 'cache'>;

export interface CallOutcome {
  kind: 'ok' | 'error' | 'timeout' | 'truncated' | 'cancelled' | 'limited' | 'refused';
  status: number;
  /** `none`: nothing was generated, so nothing is charged. */
  tokensBasis: 'reported' | 'estimated' | 'none';
  tokens?: TokenRecord | undefined;
  /** Answered from the cache: the tokens were paid by an earlier call. */
  cached: boolean;
  /** Why the model stopped, in the words of http/dialect.ts. */
  finish?: Finish | undefined;
  /** The whole reply as sent, when it ended well and fits `keepReplyBytes`. */
  reply?: { readonly contentType: string; readonly body: Buffer } | undefined;
  upstreamSentMs?: number | undefined;
  firstTokenMs?: number | undefined;
  upstreamEndedMs?: number | undefined;
}

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
