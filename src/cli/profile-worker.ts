import { parentPort, workerData } from 'node:worker_threads';

import { AgentInfraError, asError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { readPart } from '../traces/read.ts';
import type { ReadPart } from '../traces/read.ts';
import { IdentityClaims } from '../traces/split-claims.ts';
import { partInput } from '../traces/split-inputs.ts';
import type { Part } from '../traces/split-inputs.ts';
import { ProfileFold } from '../workload/profile-fold.ts';
import type { ProfileOptions } from '../workload/profile-fold.ts';
import type { ProfileState } from '../workload/profile-state.ts';

/** Runs in a worker thread: reads the parts it is sent, one after another, and answers each. */

export interface WorkerSetup {
  readonly format: string;
  readonly fold: ProfileOptions;
}

export type WorkerMessage =
  | {
      readonly kind: 'progress';
      readonly file: string;
      readonly bytes: number;
      readonly records: number;
    }
  | { readonly kind: 'done'; readonly result: PartProfile }
  | { readonly kind: 'failed'; readonly error: PlainError };

/** What one part came to. */
export interface PartProfile {
  /** Undefined once it is merged. */
  state: ProfileState | undefined;
  readonly claims: Float64Array;
  readonly read: Omit<ReadPart, 'problem'> & { readonly problem: PlainError | undefined };
}

/** An error as data: class instances do not survive the way between threads. */
export interface PlainError {
  /** Undefined for a bug. */
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
}

function plainError(thrown: unknown): PlainError {
  const error = asError(thrown);
  const isKnown = error instanceof AgentInfraError;
  return {
    code: isKnown ? error.code : undefined,
    message: error.message,
    hint: isKnown ? error.hint : undefined,
    stack: error.stack,
  };
}

const port = parentPort;
port?.on('message', (part: Part) => {
  profilePart(part, workerData as WorkerSetup).then(
    (result) =>
      port.postMessage({ kind: 'done', result } satisfies WorkerMessage, buffersOf(result)),
    (thrown: unknown) =>
      port.postMessage({ kind: 'failed', error: plainError(thrown) } satisfies WorkerMessage),
  );
});

/** Bytes between two progress messages. */
const PROGRESS_BYTES = 8 * 1024 * 1024;

async function profilePart(
  part: Part,
  { format, fold: options }: WorkerSetup,
): Promise<PartProfile> {
  const fold = new ProfileFold(options);
  const claims = new IdentityClaims();
  let told = { bytes: 0, records: 0 };
  const { problem, ...read } = await readPart(part.map(partInput), fold, {
    format,
    claims,
    onProgress: ({ file, bytesRead }) => {
      if (bytesRead - told.bytes < PROGRESS_BYTES) return;
      const now = { bytes: bytesRead, records: fold.recordsRead };
      port?.postMessage({
        kind: 'progress',
        file,
        bytes: now.bytes - told.bytes,
        records: now.records - told.records,
      } satisfies WorkerMessage);
      told = now;
    },
  });
  return {
    state: fold.state(),
    claims: claims.hashes(),
    read: { ...read, problem: problem === undefined ? undefined : plainError(problem) },
  };
}

/** The memory of all number lists in plain data: handed over to the other thread instead of copied. */
function buffersOf(data: unknown): ArrayBuffer[] {
  if (data instanceof Float64Array) return [data.buffer as ArrayBuffer];
  if (typeof data !== 'object' || data === null) return [];
  return Object.values(data).flatMap(buffersOf);
}
