import { AgentInfraError, asError } from '../errors.ts';
import type { Admin, AdminAnswer } from './admin.ts';
import { answerAdmin } from './admin.ts';
import { RemoteLimitGate } from './remote-limit-gate.ts';
import { openRequestLog } from './request-log.ts';
import type { RequestLog } from './request-log.ts';
import { startProvider } from './start-provider.ts';
import type { RunningProvider } from './start-provider.ts';
import type { ToPrimary, ToWorker } from './worker-messages.ts';
import { realClock } from '../system.ts';

/**
 * One worker of `agent-infra provider --workers N`: a whole provider on the shared port, with its
 * own engines and prompt caches (as replicas behind one address), and the primary's limits. When
 * the channel to the primary closes, node's cluster module ends the process.
 */
let provider: RunningProvider | undefined;
let limits: RemoteLimitGate | undefined;
let log: RequestLog | undefined;
const adminCalls = new Map<number, (answer: AdminAnswer) => void>();
let adminIds = 0;

function send(message: ToPrimary): void {
  if (process.connected) process.send?.(message);
}

/** A caller's admin request concerns all workers: the primary asks them. */
const admin: Admin = (call) =>
  new Promise((resolve) => {
    adminIds += 1;
    adminCalls.set(adminIds, resolve);
    send({ kind: 'admin', id: adminIds, call });
  });

async function start(message: ToWorker & { readonly kind: 'start' }): Promise<void> {
  const { config, address, instance } = message;
  limits = new RemoteLimitGate(config, send);
  log = message.log === undefined ? undefined : await openRequestLog(message.log);
  provider = await startProvider({ config, address, log, limits, instance, admin });
  send({ kind: 'ready', url: provider.url });
}

async function stop(graceMs: number): Promise<void> {
  await provider?.close(graceMs);
  await log?.close();
  if (process.connected) process.disconnect();
}

function receive(message: ToWorker): void {
  switch (message.kind) {
    case 'start':
      start(message).catch((thrown: unknown) => {
        const error = asError(thrown);
        const code = error instanceof AgentInfraError ? error.code : '';
        const hint = error instanceof AgentInfraError ? error.hint : undefined;
        send({ kind: 'failed', code, message: error.message, hint });
      });
      return;
    case 'answer':
      limits?.answered(message);
      return;
    case 'admin': {
      if (provider === undefined) return;
      const { simulator, counts } = provider;
      const answer = answerAdmin(message.call, { simulator, counts, clock: realClock });
      send({ kind: 'admin-answer', id: message.id, answer });
      return;
    }
    case 'admin-result':
      adminCalls.get(message.id)?.(message.answer);
      adminCalls.delete(message.id);
      return;
    case 'stop':
      void stop(message.graceMs);
      return;
  }
}

process.on('message', receive);
send({ kind: 'loaded' });
// Signals reach the whole group: the primary decides when a worker ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
