import { Readable } from 'node:stream';
import zlib from 'node:zlib';

import { AgentInfraError } from '../errors.ts';
import { ByteStream } from './byte-stream.ts';

/** One trace file, perhaps a member of an archive: its name for messages and its plain bytes. */
export interface TraceFile {
  readonly name: string;
  readonly bytes: ByteStream;
}

/** Undoes gzip and zstd (by magic bytes) and opens tar archives: the files inside, one after another. */
export async function* openFiles(
  name: string,
  source: AsyncIterable<Buffer>,
): AsyncGenerator<TraceFile> {
  const plain = await decompressed(name, new ByteStream(source));
  const head = await plain.peek(TAR_BLOCK);
  if (isTar(head)) {
    yield* tarMembers(name, plain);
    return;
  }
  try {
    yield { name, bytes: plain };
  } finally {
    // A file that no reader takes would stay open.
    await plain.close();
  }
}

async function decompressed(name: string, bytes: ByteStream): Promise<ByteStream> {
  const magic = await bytes.peek(4);
  if (magic.length >= 2 && magic[0] === 0x1f && magic[1] === 0x8b) {
    // SYNC_FLUSH: a truncated file still gives what it holds; its last line is then reported.
    const options = { chunkSize: CHUNK_BYTES, finishFlush: zlib.constants.Z_SYNC_FLUSH };
    return piped(bytes, zlib.createGunzip(options));
  }
  if (magic.length === 4 && magic.readUInt32LE(0) === ZSTD_MAGIC) {
    const zstd = createZstdDecompress();
    if (zstd === undefined) {
      throw new AgentInfraError(
        'trace.unreadable',
        `${name} is compressed with zstd, which this version of Node.js cannot read`,
        { hint: `Use Node.js 22.15 or later, or run: zstd -dc ${name} | agent-infra profile -` },
      );
    }
    return piped(bytes, zstd);
  }
  return bytes;
}

function piped(bytes: ByteStream, through: NodeJS.ReadWriteStream): ByteStream {
  // Copies: the stream reads ahead of the decompressor, and a chunk's memory is the next chunk's.
  const input = Readable.from(copies(bytes));
  // pipe() does not pass errors on; destroying the target ends the reader's loop with the cause.
  input.on('error', (error) => (through as zlib.Gunzip).destroy(error));
  return new ByteStream(input.pipe(through) as unknown as AsyncIterable<Buffer>);
}

async function* copies(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk);
}

function createZstdDecompress(): zlib.Gunzip | undefined {
  const { createZstdDecompress: create } = zlib as unknown as {
    createZstdDecompress?: () => zlib.Gunzip;
  };
  return create?.();
}

/** POSIX ustar and GNU tar: regular members only, long names taken from the name field alone. */
async function* tarMembers(archive: string, bytes: ByteStream): AsyncGenerator<TraceFile> {
  for (;;) {
    const header = await bytes.read(TAR_BLOCK);
    if (header.length < TAR_BLOCK || header[0] === 0) break;
    const size = tarNumber(header.subarray(124, 136));
    if (size === undefined) throw damaged(archive);
    const type = header[156];
    if (type === 0 || type === TAR_REGULAR) {
      const member = new ByteStream(bytes.take(size));
      yield { name: `${archive}:${tarText(header.subarray(0, 100))}`, bytes: member };
      for await (const _rest of member) void _rest;
    } else {
      for await (const _skipped of bytes.take(size)) void _skipped;
    }
    await bytes.read((TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK);
  }
  await bytes.close();
}

function isTar(head: Buffer): boolean {
  return head.length === TAR_BLOCK && head.toString('latin1', 257, 262) === 'ustar';
}

function tarText(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? field.length : end);
}

function tarNumber(field: Buffer): number | undefined {
  const text = tarText(field).trim();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function damaged(archive: string): AgentInfraError {
  return new AgentInfraError('trace.unreadable', `${archive}: the tar archive is damaged`);
}

/** Little-endian reading of the zstd frame magic 28 B5 2F FD (RFC 8878, 3.1.1). */
const ZSTD_MAGIC = 0xfd2fb528;
const TAR_BLOCK = 512;
const TAR_REGULAR = 48;
/** Output chunk of the decompressor: larger than zlib's 16 KiB, fewer trips through the stream. */
const CHUNK_BYTES = 256 * 1024;
