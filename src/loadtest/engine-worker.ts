import { parentPort, workerData } from 'node:worker_threads';

import { AgentInfraError, asError } from '../errors.ts';
import { runBuiltin } from './run-builtin.ts';
import type { FromWorker, ToWorker, WorkerInput } from './run-in-worker.ts';

/** Thread entry: the engine alone, so that no dashboard and no server delays its clock. */
const { job, progressEveryMs } = workerData as WorkerInput;
const send = (message: FromWorker): void => parentPort?.postMessage(message);

try {
  const summary = await runBuiltin(job, {
    progressEveryMs,
    onProgress: (progress) => send({ type: 'progress', progress }),
    onStart: (stop) => {
      parentPort?.on('message', ({ reason, graceMs }: ToWorker) => stop(reason, graceMs));
      send({ type: 'started' });
    },
  });
  send({ type: 'summary', summary });
} catch (thrown) {
  // Errors lose their class between threads: what a user can act on travels as data.
  if (thrown instanceof AgentInfraError) {
    const { code, hint, message } = thrown;
    send({ type: 'error', code, message, hint });
  } else {
    const error = asError(thrown);
    send({ type: 'bug', message: error.message, stack: error.stack });
  }
}
parentPort?.close();
