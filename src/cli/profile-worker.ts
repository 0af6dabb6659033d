import { parentPort, workerData } from 'node:worker_threads';

import type { Part } from '../traces/split-inputs.ts';
import { plainError, profilePart } from './profile-part.ts';
import type { PartProfile, PartProgress, PartSetup, PlainError } from './profile-part.ts';
import { rehearsePart } from './rehearse-part.ts';

/** Runs in a worker thread: reads the parts it is sent, one after another, and hands over all at the end. */

/** A part to read, or `results`: there is no other part. */
export type WorkerOrder = Part | 'results';

export type WorkerMessage =
  | ({ readonly kind: 'progress' } & PartProgress)
  | { readonly kind: 'done' }
  /** Of the parts read, in their order. */
  | { readonly kind: 'results'; readonly results: readonly PartProfile[] }
  | { readonly kind: 'failed'; readonly error: PlainError };

const port = parentPort;
const setup = workerData as PartSetup;
const results: PartProfile[] = [];
let isRehearsed = false;

port?.on('message', (order: WorkerOrder) => {
  if (order === 'results') handOver();
  else {
    read(order).then(
      () => tell({ kind: 'done' }),
      (thrown: unknown) => tell({ kind: 'failed', error: plainError(thrown) }),
    );
  }
});

async function read(part: Part): Promise<void> {
  if (!isRehearsed) await rehearsePart(part, setup, false);
  isRehearsed = true;
  const onProgress = (progress: PartProgress): void => tell({ kind: 'progress', ...progress });
  results.push(await profilePart(part, setup, { onProgress }));
}

/**
 * With the memory of their lists, which is not copied. Not part by part: the first time that a list
 * loses its memory, V8 throws away all code compiled for lists of numbers, and from then on tests
 * with each use of one whether it still has any.
 */
function handOver(): void {
  tell({ kind: 'results', results }, buffersOf(results));
}

function tell(message: WorkerMessage, transferred: readonly ArrayBuffer[] = []): void {
  port?.postMessage(message, transferred);
}

/** The memory of all number lists in plain data. */
function buffersOf(data: unknown): ArrayBuffer[] {
  if (data instanceof Float64Array) return [data.buffer as ArrayBuffer];
  if (typeof data !== 'object' || data === null) return [];
  return Object.values(data).flatMap(buffersOf);
}
