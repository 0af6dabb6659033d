import type { IncomingMessage, ServerResponse } from 'node:http';

import { faultListSchema } from '../config/provider-fault.ts';
import type { Clock } from '../core/clock.ts';
import { asError } from '../errors.ts';
import { parseJson } from '../http/dialect-json.ts';
import { PROMETHEUS_CONTENT_TYPE } from '../http/prometheus.ts';
import { readBody, sendJson } from '../http/server.ts';
import type { KeyCounts } from './key-counts.ts';
import type { Simulator } from './simulator.ts';

/** One call of the admin interface, as data: with several workers it travels between processes. */
export interface AdminCall {
  /** `GET /admin/keys` and so on, or `GET /metrics`. */
  readonly call: string;
  readonly body: string;
}

export interface AdminAnswer {
  readonly status: number;
  /** JSON, or text for metrics. */
  readonly body: unknown;
}

export type Admin = (call: AdminCall) => Promise<AdminAnswer>;

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
 *   GET    /metrics         Prometheus text
 */
export function answerAdmin({ call, body }: AdminCall, context: AdminContext): AdminAnswer {
  const { simulator, counts, clock } = context;
  const { faults, models, metrics } = simulator;
  switch (call) {
    case 'GET /metrics':
      return { status: 200, body: metrics.text() };
    case 'GET /admin/keys':
      return { status: 200, body: { keys: counts.toJSON() } };
    case 'GET /admin/engines': {
      const engines = models.map(({ settings, timing }) => [settings.id, { ...timing.gauges }]);
      return { status: 200, body: { models: Object.fromEntries(engines) as unknown } };
    }
    case 'GET /admin/faults':
      return { status: 200, body: { faults: faults.faults(), counts: faults.counts() } };
    case 'DELETE /admin/faults':
      faults.replace([], clock.now());
      return { status: 200, body: { faults: [] } };
    case 'PUT /admin/faults':
      return putFaults(body, context);
    default:
      return { status: 404, body: { error: `unknown admin call: ${call}` } };
  }
}

function putFaults(text: string, { simulator, clock }: AdminContext): AdminAnswer {
  const read = faultListSchema.safeParse(parseJson(text));
  if (!read.success) {
    const problems = read.error.issues.map(({ path, message }) => ({
      path: path.map(String).join('.'),
      message,
    }));
    const error = 'the fault script does not fit its schema';
    return { status: 400, body: { error, problems } };
  }
  simulator.faults.replace(read.data, clock.now());
  return { status: 200, body: { faults: simulator.faults.faults() } };
}

/** Serves one HTTP request of the admin interface. */
export async function serveAdmin(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  admin: Admin,
): Promise<void> {
  try {
    const body = request.method === 'PUT' ? (await readBody(request)).toString('utf8') : '';
    const answer = await admin({ call: `${request.method} ${path}`, body });
    if (typeof answer.body === 'string') {
      response.writeHead(answer.status, { 'content-type': PROMETHEUS_CONTENT_TYPE });
      response.end(answer.body);
    } else {
      sendJson(response, answer.status, answer.body);
    }
  } catch (thrown) {
    if (!response.headersSent) sendJson(response, 400, { error: asError(thrown).message });
  }
}
