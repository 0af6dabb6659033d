import type { GatewayConfig } from '../config/gateway.ts';
import { sleep } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import { BodyTooLargeError, readBody } from '../http/server.ts';
import type { Agent, Stage } from './call.ts';
import { NO_RETRY, Refusal } from './refusal.ts';
import { requestFacts } from './request-facts.ts';

/** Reads the body whole (bounded in size and time), parses it once, and checks the model. */
export function readRequest(
  config: Pick<GatewayConfig, 'bodyLimit' | 'timeouts'>,
  clock: Clock,
): Stage {
  return async (call, next) => {
    if (call.request.method === 'POST') {
      const startMs = clock.now();
      call.body = await boundedBody(call.request, config, clock);
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

type BodyOf = Parameters<typeof readBody>[0];

async function boundedBody(
  request: BodyOf,
  { bodyLimit, timeouts }: Pick<GatewayConfig, 'bodyLimit' | 'timeouts'>,
  clock: Clock,
): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > bodyLimit) throw tooLarge(bodyLimit);
  const done = new AbortController();
  const deadline = sleep(clock, timeouts.body, done.signal).then(() => 'late' as const);
  deadline.catch(() => {}); // the abort below, once the body is there
  try {
    const body = await Promise.race([readBody(request, bodyLimit), deadline]);
    if (body !== 'late') return body;
  } catch (thrown) {
    if (thrown instanceof BodyTooLargeError) throw tooLarge(bodyLimit);
    throw new Refusal('the client left while it sent its body', {
      status: 400,
      code: 'client_left',
      outcome: 'cancelled',
    });
  } finally {
    done.abort(new Error('body read'));
  }
  throw new Refusal(`the body did not arrive within ${timeouts.body / 1000} s`, {
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
