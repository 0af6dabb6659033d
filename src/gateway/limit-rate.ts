import type { AgentLimits, GatewayConfig } from '../config/gateway.ts';
import type { Clock } from '../core/clock.ts';
import type { RandomStreams } from '../core/random.ts';
import { inputTokens } from '../core/tokens.ts';
import { formatDuration } from '../core/units.ts';
import { AgentRateLimit } from './agent-limits.ts';
import type { Decision } from './agent-limits.ts';
import type { Agent, GatewayCall, Stage } from './call.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import { limitHeaders } from './limit-headers.ts';
import { NO_RETRY, Refusal } from './refusal.ts';
import type { Route } from './route.ts';
import { TokenEstimator } from './token-estimate.ts';

/** Above this wait SDKs disagree: some sleep for an hour, some retry at once (provider-wire 9). */
const LONGEST_TOLD_WAIT_MS = 60_000;

interface AgentState {
  readonly limit: AgentRateLimit;
  readonly estimator: TokenEstimator;
}

/**
 * Holds each agent to its requests and tokens per minute: reserves an estimate before the call,
 * settles on the real usage after it, gives the tokens back when nothing was generated.
 */
export function limitRate(
  defaults: AgentLimits,
  agents: GatewayConfig['agents'],
  clock: Clock,
  random: RandomStreams,
  metrics: GatewayMetrics,
): Stage {
  const states = new Map<string, AgentState>();
  const stateOf = (agent: Agent): AgentState | undefined => {
    const known = states.get(agent.id);
    if (known !== undefined) return known;
    const limits = agent.limits ?? defaults;
    if (limits.requestsPerMinute === undefined && limits.tokensPerMinute === undefined) {
      return undefined;
    }
    const limit = new AgentRateLimit(limits, random(`retry-after/${agent.id}`), clock.now());
    const state = { limit, estimator: new TokenEstimator() };
    states.set(agent.id, state);
    return state;
  };
  for (const agent of agents) stateOf(agent);

  return async (call, next) => {
    const state = stateOf(call.agent);
    if (state === undefined) return next();
    const { limit, estimator } = state;
    const hasOutput = call.route.wire !== 'openai-embeddings' && call.route.wire !== 'plain';
    const estimate = estimator.estimate(call.facts, call.body.length, hasOutput);
    const decision = limit.reserve(clock.now(), estimate);
    Object.assign(call.replyHeaders, limitHeaders(call.route.upstream, limit.states(clock.now())));
    call.hasOwnLimits = true;
    if (!decision.admitted) {
      metrics.limited(call, decision.dimension);
      throw tooMany(decision, call.route.upstream);
    }
    try {
      await next();
    } finally {
      const { outcome } = call;
      const { tokens } = outcome;
      if (tokens === undefined || outcome.cached) {
        limit.refundTokens(clock.now(), decision.reservation);
      } else {
        limit.settle(clock.now(), decision.reservation, inputTokens(tokens) + tokens.output);
        learn(estimator, call);
      }
    }
  };
}

function learn(estimator: TokenEstimator, call: GatewayCall): void {
  const { tokens, tokensBasis } = call.outcome;
  if (tokens === undefined || tokensBasis !== 'reported') return;
  estimator.learn(call.facts, call.body.length, tokens);
}

function tooMany(
  decision: Extract<Decision, { admitted: false }>,
  upstream: Route['upstream'],
): Refusal {
  const { dimension, limit, requested, used, retryAfterMs } = decision;
  const unit = dimension === 'tokens' ? 'tokens per min (TPM)' : 'requests per min (RPM)';
  const figures = `Limit ${round(limit)}, Used ${round(used)}, Requested ${round(requested)}`;
  const isNever = retryAfterMs === Number.POSITIVE_INFINITY;
  const message = isNever
    ? `Request too large for this agent on ${unit}: ${figures}. The input or output tokens must be reduced.`
    : `Rate limit reached for this agent on ${unit}: ${figures}. Please try again in ${formatDuration(retryAfterMs)}.`;
  return new Refusal(message, {
    status: 429,
    code: 'rate_limit_exceeded',
    type: upstream === 'openai' ? dimension : undefined,
    outcome: 'limited',
    headers: isNever ? NO_RETRY : retryHeaders(retryAfterMs),
  });
}

function retryHeaders(retryAfterMs: number): Record<string, string> {
  const ms = Math.max(1, Math.ceil(retryAfterMs));
  return {
    'retry-after-ms': String(ms),
    'retry-after': String(Math.ceil(ms / 1000)),
    ...(ms > LONGEST_TOLD_WAIT_MS ? NO_RETRY : {}),
  };
}

function round(value: number): number {
  return Math.max(0, Math.round(value));
}
