import type { IncomingMessage } from 'node:http';

import type { GatewayConfig } from '../config/gateway.ts';
import type { Clock } from '../core/clock.ts';
import type { Deadlines } from '../core/deadlines.ts';
import { BodyTooLargeError, readBody } from '../http/server.ts';
import type { CallDeadlines } from './call-deadlines.ts';
import type { Agent, Stage } from './call.ts';
import { NO_RETRY, Refusal } from './refusal.ts';
import { requestFacts } from './request-facts.ts';

/** Reads the body whole (bounded in size and time), parses it once, and checks the model. */
export function readRequest(
  config: Pick<GatewayConfig, 'bodyLimit' | 'timeouts'>,
  clock: Clock,
  { body: deadlines }: CallDeadlines,
): Stage {
  return async (call, next) => {
    if (call.request.method === 'POST') {
      const startMs = clock.now();
      call.body = await boundedBody(call.request, config, deadlines, startMs);
      call.bodyWaitMs = clock.now() - startMs;
      const facts = requestFacts(call.body);
      if ('problem' in facts) {
        throw new Refusal(facts.problem, { status: 400, code: 'invalid_body', outcome: 'refused' });
      }
      call.facts = facts;
      checkModel(call.agent, facts.model);
    }
    await next();
  };
}

function boundedBody(
  request: IncomingMessage,
  { bodyLimit, timeouts }: Pick<GatewayConfig, 'bodyLimit' | 'timeouts'>,
  deadlines: Deadlines,
  nowMs: number,
): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > bodyLimit) throw tooLarge(bodyLimit);
  return new Promise((resolve, reject) => {
    const deadline = deadlines.start(nowMs, () => reject(tooSlow(timeouts.body)));
    readBody(request, bodyLimit).then(
      (body) => {
        deadlines.cancel(deadline);
        resolve(body);
      },
      (thrown: unknown) => {
        deadlines.cancel(deadline);
        reject(thrown instanceof BodyTooLargeError ? tooLarge(bodyLimit) : CLIENT_LEFT);
      },
    );
  });
}

const CLIENT_LEFT = new Refusal('the client left while it sent its body', {
  status: 400,
  code: 'client_left',
  outcome: 'cancelled',
});

function tooSlow(limitMs: number): Refusal {
  return new Refusal(`the body did not arrive within ${limitMs / 1000} s`, {
    status: 408,
    code: 'body_timeout',
    outcome: 'refused',
    headers: { connection: 'close', ...NO_RETRY },
  });
}

function tooLarge(limit: number): Refusal {
  return new Refusal(`the body is larger than ${limit} bytes`, {
    status: 413,
    code: 'body_too_large',
    outcome: 'refused',
    headers: { connection: 'close' },
  });
}

function checkModel(agent: Agent, model: string | undefined): void {
  if (agent.models === undefined || (model !== undefined && agent.models.includes(model))) return;
  throw new Refusal('this agent may not use the model it asked for', {
    status: 403,
    code: 'model_not_allowed',
    outcome: 'refused',
  });
}
