import { closeSync, createReadStream, existsSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { AgentInfraError, asError, fileReason, unwritableFile } from '../errors.ts';
import { SAMPLES_FILE } from './job.ts';
import type { Sample } from './sample.ts';

/** Lines are written together once this much has gathered, or when `flush` is called each second. */
const BUFFER_CHARACTERS = 64 * 1024;

export interface SampleWriter {
  add(sample: Sample): void;
  flush(): void;
  /** Throws `output.unwritable` when a write has failed. */
  close(): void;
}

/**
 * Appends samples to a file. Writes are synchronous (a page-cache copy of 64 KiB takes some 20 µs)
 * so that a killed run loses at most what the last `flush` left. A failed write (a full disk) throws
 * only in `close`, since `add` is called from timers: `onFailure` is told once, to end the run.
 */
export function createSampleWriter(file: string, onFailure?: () => void): SampleWriter {
  const handle = opened(file);
  let buffer = '';
  let failure: Error | undefined;
  const flush = (): void => {
    const text = buffer;
    buffer = '';
    if (text === '' || failure !== undefined) return;
    try {
      writeAll(handle, Buffer.from(text));
    } catch (thrown) {
      failure = unwritable(file, thrown);
      onFailure?.();
    }
  };
  return {
    add: (sample) => {
      buffer += `${JSON.stringify(sample)}\n`;
      if (buffer.length >= BUFFER_CHARACTERS) flush();
    },
    flush,
    close: () => {
      flush();
      closeSync(handle);
      if (failure !== undefined) throw failure;
    },
  };
}

export interface ReadSamples {
  readonly read: number;
  /** Lines that are no JSON object; a killed run's last line is often cut. */
  readonly broken: number;
}

/** Feeds every sample of a file to `sink`, in order, with one line in memory at a time. */
export async function readSamples(
  file: string,
  sink: (sample: Sample) => void,
): Promise<ReadSamples> {
  let read = 0;
  let broken = 0;
  try {
    const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity });
    for await (const line of lines) {
      if (line === '') continue;
      read += 1;
      const sample = parseSample(line);
      if (sample === undefined) broken += 1;
      else sink(sample);
    }
  } catch (thrown) {
    if (thrown instanceof AgentInfraError) throw thrown;
    const cause = asError(thrown);
    throw new AgentInfraError('trace.unreadable', `${file}: ${fileReason(thrown)}`, {
      cause,
      hint: 'Give the folder of a load-test run: it holds samples.jsonl.',
    });
  }
  return { read, broken };
}

/** The samples in a run's folder, or the file that was named; throws `trace.unreadable`. */
export function samplesIn(run: string): string {
  const found = statSync(run, { throwIfNoEntry: false });
  if (found === undefined) {
    throw new AgentInfraError('trace.unreadable', `${run}: no such file or folder`, { hint: HINT });
  }
  if (!found.isDirectory()) return run;
  const file = join(run, SAMPLES_FILE);
  if (existsSync(file)) return file;
  const message = `${run} holds no ${SAMPLES_FILE}: no load test ran into it`;
  throw new AgentInfraError('trace.unreadable', message, { hint: HINT });
}

const HINT = 'Give the folder of a load-test run, as loadtest names it at its end.';

/** A line's sample; undefined when it is none. */
export function parseSample(line: string): Sample | undefined {
  try {
    const value = JSON.parse(line) as unknown;
    const isSample = typeof value === 'object' && value !== null && 'type' in value;
    return isSample ? (value as Sample) : undefined;
  } catch {
    return undefined;
  }
}

function opened(file: string): number {
  try {
    return openSync(file, 'w');
  } catch (thrown) {
    throw unwritable(file, thrown);
  }
}

/** A nearly full disk takes a part of the bytes and says so only at the next call. */
function writeAll(handle: number, bytes: Buffer): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(handle, bytes, written);
}

/** What a failed file operation is to the user; any other error comes back as it is. */
export function unwritable(file: string, thrown: unknown): Error {
  const cause = asError(thrown);
  if (!('syscall' in cause)) return cause;
  return unwritableFile(
    file,
    thrown,
    'Give a folder on a disk with space: -o <dir>. Whatever was written: agent-infra report <dir>.',
  );
}
