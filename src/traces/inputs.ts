import { readFileSync, type Dirent } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';

import { AgentInfraError } from '../errors.ts';
import type { TraceFormat } from './readers.ts';

/** One file to read. `named`: the user named it, so that not understanding it is an error. */
export interface TraceInput {
  readonly path: string;
  readonly named: boolean;
  /** Size on disk (compressed, if it is); undefined for stdin. */
  readonly bytes: number | undefined;
  readonly open: () => AsyncIterable<Buffer>;
  /** Whether it repeats another file byte for byte, when that is known already. */
  readonly isCopy?: boolean | undefined;
  /** Its format, when that is known already: whole lines cut out of a file. */
  readonly format?: TraceFormat | undefined;
}

/**
 * Files, directories (walked, sorted, hidden ones left out), globs (`*`, `?`, `**`, `{a,b}`) and
 * `-` for stdin, each file once. Throws trace.unreadable for a path that cannot be read and for a
 * glob or directory without trace files.
 */
export async function expandInputs(
  inputs: readonly string[],
  stdin: AsyncIterable<Buffer>,
): Promise<readonly TraceInput[]> {
  const found = new Map<string, TraceInput>();
  for (const input of inputs) {
    for (const file of await expand(input, stdin)) {
      if (!found.has(file.path)) found.set(file.path, file);
    }
  }
  return [...found.values()];
}

async function expand(input: string, stdin: AsyncIterable<Buffer>): Promise<readonly TraceInput[]> {
  if (input === '-') return [{ path: 'stdin', named: true, bytes: undefined, open: () => stdin }];
  const facts = await stat(input).catch((error: unknown) => {
    if (isGlob(input)) return undefined;
    throw unreadable(input, error);
  });
  if (facts === undefined) return globbed(input);
  if (facts.isDirectory()) {
    const files = (await walk(input)).filter((path) => TRACE_NAME.test(path));
    if (files.length === 0) {
      throw new AgentInfraError('trace.unreadable', `${input} holds no trace files`, {
        hint: 'Looked for .json, .jsonl, .ndjson, .csv, .har and .traj, also compressed.',
      });
    }
    return Promise.all(files.map((path) => fileInput(path, false)));
  }
  return [await fileInput(input, true)];
}

async function globbed(pattern: string): Promise<readonly TraceInput[]> {
  const parts = pattern.split(/[\\/]/);
  const fixed = parts.slice(
    0,
    parts.findIndex((part) => isGlob(part)),
  );
  const root = fixed.length === 0 ? '.' : fixed.join(sep) || sep;
  const matches = globPattern(pattern);
  const files = (await walk(root)).filter((path) =>
    matches.test(root === '.' && !pattern.startsWith('.') ? path.replace(/^\.[\\/]/, '') : path),
  );
  if (files.length === 0) {
    throw new AgentInfraError('trace.unreadable', `no file matches ${pattern}`);
  }
  return Promise.all(files.map((path) => fileInput(path, true)));
}

async function fileInput(path: string, named: boolean): Promise<TraceInput> {
  const { size } = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  return { path, named, bytes: size, open: () => contentOf(path, size) };
}

/** The bytes of a file of known size; 0 for what has none, as a pipe. */
export function contentOf(path: string, bytes: number): AsyncIterable<Buffer> {
  const isSmall = bytes > 0 && bytes <= SMALL_FILE_BYTES;
  return isSmall ? atOnce(path) : readFrom(path);
}

/** Stores of many small files: each trip through the thread pool would cost more than the reading. */
async function* atOnce(path: string): AsyncGenerator<Buffer> {
  yield readFileSync(path);
}

/**
 * The bytes of a file in chunks. While one is worked on, the next is read into the other of two
 * buffers: a chunk is valid until the next one is asked for.
 * @param start offset of the first byte read
 */
export async function* readFrom(path: string, start?: number): AsyncGenerator<Buffer> {
  const handle = await open(path);
  const buffers = [takeBuffer(), takeBuffer()] as const;
  // Without an offset of its own, because a pipe has none.
  let position = start ?? null;
  const readInto = (buffer: Buffer): Promise<{ bytesRead: number }> => {
    const reading = handle.read(buffer, 0, READ_BYTES, position);
    // It is awaited only after the chunk before is done with; a failure may come earlier.
    reading.catch(() => {});
    return reading;
  };
  let reading = readInto(buffers[0]);
  try {
    for (let turn = 0; ; turn = 1 - turn) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) return;
      if (position !== null) position += bytesRead;
      reading = readInto(buffers[1 - turn]!);
      yield buffers[turn]!.subarray(0, bytesRead);
    }
  } finally {
    // What is under way would go into a buffer of the next file.
    await reading.catch(() => {});
    idleBuffers.push(...buffers);
    await handle.close();
  }
}

function takeBuffer(): Buffer {
  return idleBuffers.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
}

/** All files below a directory, sorted; `x.jsonl` before the files of directory `x` (sub-agents after their session). */
async function walk(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(directory, error);
  });
  const files: string[] = [];
  for (const entry of entries.toSorted(sessionsFirst)) {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) files.push(...(await walk(path)));
    else if (entry.isFile() || entry.isSymbolicLink()) files.push(path);
  }
  return files;
}

function sessionsFirst(a: Dirent, b: Dirent): number {
  const [left, right] = [a, b].map(({ name }) => name.replace(/\.jsonl$/, '')) as [string, string];
  if (left !== right) return left < right ? -1 : 1;
  return Number(a.isDirectory()) - Number(b.isDirectory());
}

function isGlob(text: string): boolean {
  return /[*?{]/.test(text);
}

function globPattern(pattern: string): RegExp {
  const source = pattern.replaceAll(/\*\*[\\/]?|[*?{},]|[.+^$()|[\]\\]/g, (token) => {
    if (token.startsWith('**')) return '(?:.*/)?';
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    if (token === '{') return '(?:';
    if (token === '}') return ')';
    if (token === ',') return pattern.includes('{') ? '|' : ',';
    return `\\${token}`;
  });
  return new RegExp(`^${source}$`);
}

function unreadable(path: string, cause: unknown): AgentInfraError {
  const code = (cause as NodeJS.ErrnoException).code;
  const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? String(cause)})`;
  return new AgentInfraError('trace.unreadable', `${path} ${why}`, { cause });
}

const TRACE_NAME =
  /\.(?:json|jsonl|ndjson|csv|har|traj|log|tar|tgz)(?:\.(?:gz|zst))?$|[\\/]opencode[\w-]*\.db$/i;
/** 26,400 files of some 300 bytes take 5.3 s of CPU time instead of 12.7 s. */
const SMALL_FILE_BYTES = 32 * 1024;
/** Large reads: with 64 KiB a fifth of the time goes to the event loop. */
const READ_BYTES = 512 * 1024;
/** Buffers of files that are closed; new ones for each file would be gone over by the collector. */
const idleBuffers: Buffer[] = [];
