import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { endianness } from 'node:os';
import { createGunzip, createGzip } from 'node:zlib';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { AgentInfraError, asError, unwritableFile } from '../errors.ts';
import { LineSplitter } from '../traces/line-splitter.ts';
import type { ProfileState } from '../workload/profile-state.ts';
import { wholeFile } from './whole-file.ts';
import type { WholeFile } from './whole-file.ts';

/**
 * A shard: what one `profile --shard` run has folded, to be merged with others. gzip of JSON lines:
 * the header; the fold's state with `{"#": n}` in place of its n-th list of numbers; these lists,
 * `["#", n, base64 of doubles]`, in pieces; and an end line with the checksum of all lines before.
 */
export interface Shard {
  readonly name: string;
  readonly format: string;
  /** Names of the inputs, without folders. */
  readonly files: readonly string[];
  readonly state: ProfileState;
  /** Hashes of sessions, messages and requests (split-claims.ts), to find what two shards share. */
  readonly claims: Float64Array;
  /** Checksum; equal for equal contents. */
  readonly sha256?: string | undefined;
}

const SCHEMA = 'agent-infra/profile-shard';
/** Changes whenever ProfileState does: shards of different versions do not merge. */
const SCHEMA_VERSION = '1.3';
/** Doubles per line: 1 MiB, 1.4 MB as base64. */
const PIECE = 131_072;

export async function writeShard(file: string, shard: Shard): Promise<void> {
  let whole: WholeFile | undefined;
  try {
    whole = await wholeFile(file);
    const handle = await open(whole.path, 'w');
    await pipeline(Readable.from(shardLines(shard)), createGzip(), handle.createWriteStream());
    await whole.keep();
  } catch (thrown) {
    await whole?.drop();
    throw unwritableFile(file, thrown);
  }
}

/** Throws trace.unreadable for what is no shard, of another version, cut off or damaged. */
export async function readShard(file: string): Promise<Shard> {
  const source = createReadStream(file);
  const text = source.pipe(createGunzip());
  // pipe() passes no errors on; without this the loop below would wait for ever.
  source.on('error', (error) => text.destroy(error));
  try {
    return await parsed(file, text);
  } catch (thrown) {
    if (thrown instanceof AgentInfraError) throw thrown;
    const cause = asError(thrown) as NodeJS.ErrnoException;
    throw new AgentInfraError('trace.unreadable', `${file} ${whyUnreadable(cause)}`, {
      cause,
      hint: 'Write shards with: agent-infra profile <inputs> --shard <file>',
    });
  } finally {
    source.destroy();
    text.destroy();
  }
}

function* shardLines(shard: Shard): Generator<string> {
  const { name, format, files, state, claims } = shard;
  const hash = createHash('sha256');
  const arrays: Float64Array[] = [];
  const line = (value: unknown): string => {
    const text = `${JSON.stringify(value, (_key, part: unknown) => {
      if (!(part instanceof Float64Array)) return part;
      arrays.push(part);
      return { '#': arrays.length - 1 };
    })}\n`;
    hash.update(text);
    return text;
  };
  const header = { schema: SCHEMA, schemaVersion: SCHEMA_VERSION, endianness: endianness() };
  yield line({ ...header, name, format, files });
  yield line({ state, claims });
  for (const [index, values] of arrays.entries()) {
    for (let from = 0; from < values.length; from += PIECE) {
      const piece = values.subarray(from, from + PIECE);
      const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
      yield line(['#', index, bytes.toString('base64')]);
    }
  }
  yield `${JSON.stringify({ end: true, sha256: hash.digest('hex') })}\n`;
}

async function parsed(file: string, chunks: AsyncIterable<Buffer>): Promise<Shard> {
  const hash = createHash('sha256');
  let header: Header | undefined;
  let body: string | undefined;
  const pieces: Buffer[][] = [];
  let sha256: string | undefined;
  const splitter = new LineSplitter(
    (bytes, start, end) => {
      const text = bytes.toString('utf8', start, end);
      if (header === undefined) header = headerOf(file, text);
      else if (body === undefined) body = text;
      else {
        const value = JSON.parse(text) as Piece | EndLine;
        if (isPiece(value)) (pieces[value[1]] ??= []).push(Buffer.from(value[2], 'base64'));
        else {
          sha256 = value.sha256;
          return;
        }
      }
      hash.update(`${text}\n`);
    },
    () => {
      throw damaged(file);
    },
  );
  for await (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  if (header === undefined || body === undefined || sha256 === undefined) throw damaged(file);
  if (hash.digest('hex') !== sha256) throw damaged(file);
  const { state, claims } = JSON.parse(body, (_key, part: unknown) =>
    isReference(part) ? doubles(pieces[part['#']] ?? []) : part,
  ) as Pick<Shard, 'state' | 'claims'>;
  const { name, format, files } = header;
  return { name, format, files, state, claims, sha256 };
}

type Piece = readonly ['#', number, string];

function isPiece(value: Piece | EndLine): value is Piece {
  return Array.isArray(value);
}

interface EndLine {
  readonly sha256: string;
}

interface Header {
  readonly schema: unknown;
  readonly schemaVersion: unknown;
  readonly endianness: unknown;
  readonly name: string;
  readonly format: string;
  readonly files: readonly string[];
}

function headerOf(file: string, text: string): Header {
  let header: Partial<Header> | undefined;
  try {
    header = JSON.parse(text) as Partial<Header>;
  } catch {
    header = undefined;
  }
  if (header?.schema !== SCHEMA) {
    throw new AgentInfraError('trace.unreadable', `${file} is no profile shard`, {
      hint: 'Traces are read by: agent-infra profile <inputs>; shards are written with --shard.',
    });
  }
  if (header.schemaVersion !== SCHEMA_VERSION) {
    throw new AgentInfraError(
      'trace.unreadable',
      `${file} is a shard of version ${String(header.schemaVersion)}; this agent-infra reads ${SCHEMA_VERSION}`,
      { hint: 'Write it again from its traces with this version.' },
    );
  }
  if (header.endianness !== endianness()) {
    throw new AgentInfraError(
      'trace.unreadable',
      `${file} was written on a machine of the other byte order`,
    );
  }
  return header as Header;
}

function damaged(file: string): AgentInfraError {
  return new AgentInfraError('trace.unreadable', `${file} is cut off or damaged`, {
    hint: 'Copy it again, or write it again from its traces.',
  });
}

function whyUnreadable({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'Z_DATA_ERROR' || code === 'Z_BUF_ERROR') {
    return message.includes('header') ? 'is no profile shard' : 'is cut off or damaged';
  }
  return `cannot be read (${code ?? message})`;
}

function isReference(value: unknown): value is { readonly '#': number } {
  return typeof value === 'object' && value !== null && '#' in value;
}

function doubles(pieces: readonly Buffer[]): Float64Array {
  const bytes = Buffer.concat(pieces);
  // A copy of its own: a pooled Buffer need not start at a multiple of eight.
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}
