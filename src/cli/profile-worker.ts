import { parentPort, workerData } from 'node:worker_threads';

import type { Part } from '../traces/split-inputs.ts';
import { plainError, profilePart } from './profile-part.ts';
import type { PartProfile, PartProgress, PartSetup, PlainError } from './profile-part.ts';

/** Runs in a worker thread: reads the parts it is sent, one after another, and answers each. */

export type WorkerMessage =
  | ({ readonly kind: 'progress' } & PartProgress)
  | { readonly kind: 'done'; readonly result: PartProfile }
  | { readonly kind: 'failed'; readonly error: PlainError };

const port = parentPort;
port?.on('message', (part: Part) => {
  const onProgress = (progress: PartProgress): void =>
    port.postMessage({ kind: 'progress', ...progress } satisfies WorkerMessage);
  profilePart(part, workerData as PartSetup, { onProgress }).then(
    (result) =>
      port.postMessage({ kind: 'done', result } satisfies WorkerMessage, buffersOf(result)),
    (thrown: unknown) =>
      port.postMessage({ kind: 'failed', error: plainError(thrown) } satisfies WorkerMessage),
  );
});

/** The memory of all number lists in plain data: handed over to the other thread instead of copied. */
function buffersOf(data: unknown): ArrayBuffer[] {
  if (data instanceof Float64Array) return [data.buffer as ArrayBuffer];
  if (typeof data !== 'object' || data === null) return [];
  return Object.values(data).flatMap(buffersOf);
}
