import { Worker } from 'node:worker_threads';

import { AgentInfraError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import type { StopReason } from './engine.ts';
import type { LoadJob } from './job.ts';
import type { Progress } from './progress.ts';
import type { RunHooks } from './run-builtin.ts';
import type { LoadSummary } from './summary.ts';

export interface WorkerInput {
  readonly job: LoadJob;
  readonly progressEveryMs: number;
}

export interface ToWorker {
  readonly reason: StopReason;
  readonly graceMs: number;
}

export type FromWorker =
  | { readonly type: 'started' }
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'summary'; readonly summary: LoadSummary }
  | {
      readonly type: 'error';
      readonly code: ErrorCode;
      readonly message: string;
      readonly hint: string | undefined;
    }
  | { readonly type: 'bug'; readonly message: string; readonly stack: string | undefined };

/** Runs a job in a thread of its own: drawing a dashboard here cannot delay a timer there. */
export function runInWorker(job: LoadJob, hooks: RunHooks): Promise<LoadSummary> {
  const input: WorkerInput = { job, progressEveryMs: hooks.progressEveryMs };
  const worker = new Worker(new URL('./engine-worker.js', import.meta.url), { workerData: input });
  return new Promise((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      switch (message.type) {
        case 'started':
          hooks.onStart((reason, graceMs) => {
            worker.postMessage({ reason, graceMs } satisfies ToWorker);
          });
          return;
        case 'progress':
          hooks.onProgress(message.progress);
          return;
        case 'summary':
          resolve(message.summary);
          return;
        case 'error': {
          const { code, hint } = message;
          reject(new AgentInfraError(code, message.message, hint === undefined ? {} : { hint }));
          return;
        }
        case 'bug':
          reject(Object.assign(new Error(message.message), { stack: message.stack }));
      }
    });
    worker.on('error', reject);
    worker.on('exit', (code) => {
      reject(new Error(`the engine's thread ended with code ${code} and without a summary`));
    });
  });
}
