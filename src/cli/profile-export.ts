import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from 'node:events';
import type { Writable } from 'node:stream';

import { nearest } from '../config/nearest.ts';
import { EXIT, AgentInfraError, unwritableFile } from '../errors.ts';
import { onInterrupt } from '../system.ts';
import { readTraces } from '../traces/read.ts';
import { writers } from '../traces/write-formats.ts';
import type { ExportFormat } from '../traces/write-formats.ts';
import type { TraceWriter } from '../traces/write-trace.ts';
import { wholeFile } from './whole-file.ts';

export interface ExportFlags {
  readonly format: string;
  readonly from: string;
  readonly output?: string | undefined;
}

/** `profile export`: a trace in another tool's format, without content. Returns the exit code. */
export async function exportTraces(inputs: readonly string[], flags: ExportFlags): Promise<number> {
  const format = exportFormat(flags.format);
  const { target } = writers[format];
  const output = flags.output ?? '-';
  if (target === 'folder' && output === '-') {
    throw new AgentInfraError('usage.invalid', `${format} is a folder of files: name it with -o`);
  }
  const interruption = new AbortController();
  let signalName: 'SIGINT' | 'SIGTERM' = 'SIGINT';
  const release = onInterrupt((name) => {
    signalName = name;
    interruption.abort(new Error(name));
    if (inputs.includes('-')) process.stdin.destroy();
  });
  try {
    const notes = await (target === 'folder'
      ? toFolder(output, format, (writer) => read(inputs, flags, writer, interruption.signal))
      : toStream(output, format, (writer) => read(inputs, flags, writer, interruption.signal)));
    for (const note of notes) process.stderr.write(`note: ${note}\n`);
    return EXIT.pass;
  } catch (thrown) {
    if (!interruption.signal.aborted) throw thrown;
    process.stderr.write(`interrupted (${signalName}); the export is not complete\n`);
    return signalName === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
  } finally {
    release();
  }
}

async function read(
  inputs: readonly string[],
  flags: ExportFlags,
  writer: TraceWriter,
  signal: AbortSignal,
): Promise<void> {
  await readTraces(inputs, writer, { format: flags.from, signal });
  signal.throwIfAborted();
  writer.end();
}

/** Lines go to the stream as the sessions come; a file gets its name only when it is whole. */
async function toStream(
  output: string,
  format: ExportFormat,
  run: (writer: TraceWriter) => Promise<void>,
): Promise<readonly string[]> {
  const whole = output === '-' ? undefined : await unwritable(output, () => wholeFile(output));
  const stream: Writable = whole === undefined ? process.stdout : createWriteStream(whole.path);
  let problem: Error | undefined;
  stream.on('error', (error: Error) => (problem = error));
  const writer = writers[format].open({
    text: (text) => void stream.write(text),
    file: () => {
      throw new Error(`${format} writes one stream`);
    },
  });
  try {
    await run(writer);
    if (whole !== undefined) {
      stream.end();
      if (problem === undefined) await once(stream, 'close');
      await unwritable(output, async () => {
        if (problem !== undefined) throw problem;
        await whole.keep();
      });
    }
    return writer.notes;
  } finally {
    if (whole !== undefined) {
      stream.destroy();
      await whole.drop();
    }
  }
}

async function toFolder(
  folder: string,
  format: ExportFormat,
  run: (writer: TraceWriter) => Promise<void>,
): Promise<readonly string[]> {
  await unwritable(folder, () => mkdir(folder, { recursive: true }));
  let files = 0;
  // One after the other: thousands of files at once would use up the descriptors.
  let written = Promise.resolve();
  const writer = writers[format].open({
    text: () => {
      throw new Error(`${format} writes files`);
    },
    file: (name, text) => {
      files += 1;
      written = written.then(() => writeFile(join(folder, name), text));
      written.catch(() => {}); // reported below, when everything is read
    },
  });
  await run(writer);
  await unwritable(folder, () => written);
  return [...writer.notes, `${files} files in ${folder}`];
}

async function unwritable<T>(file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (thrown) {
    throw unwritableFile(file, thrown);
  }
}

function exportFormat(text: string): ExportFormat {
  if (Object.hasOwn(writers, text)) return text as ExportFormat;
  const names = Object.keys(writers);
  const guess = nearest(text, names);
  throw new AgentInfraError('usage.invalid', `no export format is called "${text}"`, {
    hint: `${guess === undefined ? '' : `Did you mean "${guess}"? `}Known: ${names.join(', ')}.`,
  });
}
