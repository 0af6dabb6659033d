import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { AgentInfraError, asError } from '../errors.ts';
import type { Sample } from './sample.ts';

/** Lines are written together once this much has gathered, or when `flush` is called each second. */
const BUFFER_CHARACTERS = 64 * 1024;

export interface SampleWriter {
  add(sample: Sample): void;
  flush(): void;
  close(): void;
}

/**
 * Appends samples to a file. Writes are synchronous (a page-cache copy of 64 KiB takes some 20 µs)
 * so that a killed run loses at most what the last `flush` left.
 */
export function createSampleWriter(file: string): SampleWriter {
  const handle = opened(file);
  let buffer = '';
  const flush = (): void => {
    if (buffer === '') return;
    writeSync(handle, buffer);
    buffer = '';
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
    throw new AgentInfraError('trace.unreadable', `${file}: ${cause.message}`, {
      cause,
      hint: 'Give the folder of a load-test run: it holds samples.jsonl.',
    });
  }
  return { read, broken };
}

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
    const cause = asError(thrown);
    throw new AgentInfraError('output.unwritable', cause.message, { cause });
  }
}
