import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { fileURLToPath } from 'node:url';

import type { ProviderConfig } from '../config/provider.ts';
import { NO_TOKENS } from '../core/tokens.ts';
import { AgentInfraError, ERRORS } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import type { ServerAddress } from '../http/server.ts';
import { realClock, wallNowMs } from '../system.ts';
import type { AdminAnswer, AdminCall } from './admin.ts';
import type { LimitTicket } from './key-limits.ts';
import { LocalLimitGate } from './limit-gate.ts';
import { mergeAdmin } from './merge-admin.ts';
import type { ToPrimary, ToWorker } from './worker-messages.ts';

export interface WorkersOptions {
  readonly config: ProviderConfig;
  readonly address: ServerAddress;
  readonly workers: number;
  /** File of the request log, shared by all workers. */
  readonly log: string | undefined;
}

export interface RunningWorkers {
  readonly url: string;
  /** Rejects when a worker ends by itself. */
  readonly failed: Promise<never>;
  close(graceMs: number): Promise<void>;
}

interface AdminRound {
  readonly call: AdminCall;
  /** Who asked, and under which id. */
  readonly asker: Worker;
  readonly askerId: number;
  missing: number;
  readonly answers: AdminAnswer[];
}

/**
 * Several provider processes on one port. The limits live here, one account per key; engines and
 * prompt caches are each worker's own, so N workers are N replicas behind one address. Fault
 * scripts are the same in all, with counters (`first`, `every`) of each worker's own; stored
 * responses are known to the worker that gave them.
 */
export async function startWorkers(options: WorkersOptions): Promise<RunningWorkers> {
  const { config, address, log } = options;
  cluster.setupPrimary({ exec: fileURLToPath(new URL('./worker-process.js', import.meta.url)) });
  const primary = new Primary(config);
  const workers = Array.from({ length: options.workers }, () => cluster.fork());
  let closing = false;
  const failed = new Promise<never>((_resolve, reject) => {
    for (const worker of workers) {
      worker.once('exit', (code) => {
        primary.left(worker);
        if (!closing)
          reject(
            new AgentInfraError(
              'dependency.failed',
              `a provider worker ended with exit code ${code}`,
            ),
          );
      });
    }
  });
  failed.catch(() => {}); // whoever awaits it sees it; during start it is not awaited
  const exits = workers.map(
    (worker) => new Promise<void>((resolve) => void worker.once('exit', () => resolve())),
  );
  const ready = workers.map((worker, index) => {
    const start = { kind: 'start', config, address, log, instance: String(index) } as const;
    return primary.adopt(worker, start);
  });
  const close = async (graceMs: number): Promise<void> => {
    closing = true;
    for (const worker of workers) {
      if (worker.isConnected()) tell(worker, { kind: 'stop', graceMs });
    }
    await Promise.all(exits);
  };
  try {
    const [url] = await Promise.race([Promise.all(ready), failed]);
    return { url: url!, failed, close };
  } catch (error) {
    closing = true;
    for (const worker of workers) worker.kill('SIGKILL');
    throw error;
  }
}

function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message);
}

/** Keeps the limits and gathers the workers' admin answers. */
class Primary {
  readonly #limits: LocalLimitGate;
  readonly #tickets = new Map<Worker, Map<number, LimitTicket>>();
  readonly #rounds = new Map<number, AdminRound>();
  #roundIds = 0;

  constructor(config: ProviderConfig) {
    this.#limits = new LocalLimitGate(config, realClock, wallNowMs);
  }

  /** Serves a worker from now on. Resolves with its URL when it listens. */
  adopt(worker: Worker, start: ToWorker): Promise<string> {
    this.#tickets.set(worker, new Map());
    return new Promise((resolve, reject) => {
      worker.on('message', (message: ToPrimary) => {
        if (message.kind === 'loaded') tell(worker, start);
        else if (message.kind === 'ready') resolve(message.url);
        else if (message.kind === 'failed') reject(workerError(message));
        else this.#receive(worker, message);
      });
    });
  }

  /** What a worker held is given back as unused. */
  left(worker: Worker): void {
    for (const ticket of this.#tickets.get(worker)?.values() ?? []) {
      ticket.settle(realClock.now(), NO_TOKENS);
    }
    this.#tickets.delete(worker);
  }

  #receive(worker: Worker, message: ToPrimary): void {
    const tickets = this.#tickets.get(worker);
    switch (message.kind) {
      case 'admit':
        this.#limits.admit(message.key, message.request, ({ decision, headers, servedBy }) => {
          if (decision.admitted) tickets?.set(message.id, decision.ticket);
          tell(worker, {
            kind: 'answer',
            id: message.id,
            headers,
            servedBy,
            refusal: decision.admitted ? undefined : decision.refusal,
            live: decision.admitted && decision.ticket.progress !== undefined,
          });
        });
        return;
      case 'progress':
        tickets?.get(message.id)?.progress?.(realClock.now(), message.outputTokens);
        return;
      case 'settle':
        tickets?.get(message.id)?.settle(realClock.now(), message.used);
        tickets?.delete(message.id);
        return;
      case 'admin':
        this.#ask(worker, message.id, message.call);
        return;
      case 'admin-answer':
        this.#gather(message.id, message.answer);
        return;
      case 'loaded':
      case 'ready':
      case 'failed':
        return; // only while it starts
    }
  }

  #ask(asker: Worker, askerId: number, call: AdminCall): void {
    this.#roundIds += 1;
    const id = this.#roundIds;
    const workers = [...this.#tickets.keys()];
    this.#rounds.set(id, { call, asker, askerId, missing: workers.length, answers: [] });
    for (const worker of workers) tell(worker, { kind: 'admin', id, call });
  }

  #gather(id: number, answer: AdminAnswer): void {
    const round = this.#rounds.get(id);
    if (round === undefined) return;
    round.answers.push(answer);
    round.missing -= 1;
    if (round.missing > 0) return;
    this.#rounds.delete(id);
    const merged = mergeAdmin(round.call, round.answers);
    tell(round.asker, { kind: 'admin-result', id: round.askerId, answer: merged });
  }
}

function workerError(failure: ToPrimary & { readonly kind: 'failed' }): Error {
  const { code, message, hint } = failure;
  if (!(code in ERRORS)) return new Error(message);
  return new AgentInfraError(code as ErrorCode, message, hint === undefined ? {} : { hint });
}
