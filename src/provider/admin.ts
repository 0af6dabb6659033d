import type { IncomingMessage, ServerResponse } from 'node:http';

import { faultListSchema } from '../config/provider-fault.ts';
import type { Clock } from '../core/clock.ts';
import { asError } from '../errors.ts';
import { parseJson } from '../http/dialect-json.ts';
import { readBody, sendJson } from '../http/server.ts';
import type { KeyCounts } from './key-counts.ts';
import type { Simulator } from './simulator.ts';

export interface AdminContext {
  readonly simulator: Simulator;
  readonly counts: KeyCounts;
  readonly clock: Clock;
}

/**
 * Control during a run, without authentication: bind it to where only the tester can reach it.
 *
 *   GET    /admin/keys      requests, outcomes and tokens by key
 *   GET    /admin/faults    the script in force, with how often each line struck
 *   PUT    /admin/faults    another script (a JSON list as in the configuration), in force at once
 *   DELETE /admin/faults    no faults
 *   GET    /admin/engines   running, waiting and KV usage by model
 */
export async function answerAdmin(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  context: AdminContext,
): Promise<void> {
  const { simulator, counts } = context;
  const { faults, models } = simulator;
  const call = `${request.method} ${path}`;
  switch (call) {
    case 'GET /admin/keys':
      sendJson(response, 200, { keys: counts });
      return;
    case 'GET /admin/engines':
      sendJson(response, 200, {
        models: Object.fromEntries(
          models.map(({ settings, timing }) => [settings.id, timing.gauges]),
        ),
      });
      return;
    case 'GET /admin/faults':
      sendJson(response, 200, { faults: faults.faults(), counts: faults.counts() });
      return;
    case 'DELETE /admin/faults':
      faults.replace([], context.clock.now());
      sendJson(response, 200, { faults: [] });
      return;
    case 'PUT /admin/faults':
      await putFaults(request, response, context);
      return;
    default:
      sendJson(response, 404, { error: `unknown admin call: ${call}` });
  }
}

async function putFaults(
  request: IncomingMessage,
  response: ServerResponse,
  { simulator, clock }: AdminContext,
): Promise<void> {
  let text: string;
  try {
    text = (await readBody(request)).toString('utf8');
  } catch (thrown) {
    sendJson(response, 400, { error: asError(thrown).message });
    return;
  }
  const read = faultListSchema.safeParse(parseJson(text));
  if (!read.success) {
    const problems = read.error.issues.map(({ path, message }) => ({
      path: path.map(String).join('.'),
      message,
    }));
    sendJson(response, 400, { error: 'the fault script does not fit its schema', problems });
    return;
  }
  simulator.faults.replace(read.data, clock.now());
  sendJson(response, 200, { faults: simulator.faults.faults() });
}
