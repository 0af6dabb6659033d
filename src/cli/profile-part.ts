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

/** How every part of the inputs is read; plain data for another thread. */
export interface PartSetup {
  readonly format: string;
  readonly fold: ProfileOptions;
}

export interface PartProgress {
  readonly file: string;
  /** Since the message before. */
  readonly bytes: number;
  readonly records: number;
}

/** What one part came to; plain data. */
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

/** Bytes between two progress messages. */
const PROGRESS_BYTES = 8 * 1024 * 1024;

/** Reads and folds one part, in whatever thread. Throws as readPart does. */
export async function profilePart(
  part: Part,
  { format, fold: options }: PartSetup,
  { onProgress, signal }: PartOptions,
): Promise<PartProfile> {
  const fold = new ProfileFold(options);
  const claims = new IdentityClaims();
  let told = { bytes: 0, records: 0 };
  const { problem, ...read } = await readPart(part.map(partInput), fold, {
    format,
    claims,
    signal,
    onProgress: ({ file, bytesRead }) => {
      if (bytesRead - told.bytes < PROGRESS_BYTES) return;
      const now = { bytes: bytesRead, records: fold.recordsRead };
      onProgress({ file, bytes: now.bytes - told.bytes, records: now.records - told.records });
      told = now;
    },
  });
  return {
    state: fold.state(),
    claims: claims.hashes(),
    read: { ...read, problem: problem === undefined ? undefined : plainError(problem) },
  };
}

interface PartOptions {
  readonly onProgress: (progress: PartProgress) => void;
  readonly signal?: AbortSignal | undefined;
}

export function plainError(thrown: unknown): PlainError {
  const error = asError(thrown);
  const isKnown = error instanceof AgentInfraError;
  return {
    code: isKnown ? error.code : undefined,
    message: error.message,
    hint: isKnown ? error.hint : undefined,
    stack: error.stack,
  };
}

/** The error again; a bug keeps the stack of the thread it happened in. */
export function revived({ code, message, hint, stack }: PlainError): Error {
  if (code !== undefined) {
    return new AgentInfraError(code, message, hint === undefined ? {} : { hint });
  }
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
