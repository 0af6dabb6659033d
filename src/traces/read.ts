import { createHash } from 'node:crypto';

import { nearest } from '../config/nearest.ts';
import type { TraceSink } from '../core/trace.ts';
import { AgentInfraError, asError } from '../errors.ts';
import { openFiles, type TraceFile } from './archive.ts';
import { driveCsv, driveJson, driveQuotedCsv } from './drive.ts';
import { expandInputs, type TraceInput } from './inputs.ts';
import { isSqlite, opencodeRows } from './opencode-database.ts';
import { isTraceFormat, readers, type TraceFormat } from './readers.ts';
import type { IdentityClaims } from './split-claims.ts';
import { splitRules } from './split-formats.ts';
import { HEAD_BYTES, sampleOf, sniff, type Head } from './sniff.ts';
import { Place, Tally } from './tally.ts';
import type { CsvFold, CsvReader, JsonFold } from './trace-reader.ts';

export interface ReadTracesOptions {
  /** One of the formats of readers.ts, or 'auto' (default). */
  readonly format?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
  /** What `-` reads. */
  readonly stdin?: AsyncIterable<Buffer> | undefined;
  /** Filled with what may not be read in two parts (split-claims.ts). */
  readonly claims?: IdentityClaims | undefined;
}

interface ReadProgress {
  readonly file: string;
  /** Bytes read so far of all inputs, decompressed; the total is of files on disk. */
  readonly bytesRead: number;
  readonly bytesTotal: number;
}

export interface ReadTracesResult {
  /** The format's name; several, joined by ` + `, when the inputs differ. */
  readonly format: string;
  readonly files: readonly string[];
  /** `read = used + skipped + duplicates`, see Tally for what each means. */
  readonly records: {
    readonly read: number;
    readonly used: number;
    readonly skipped: number;
    readonly duplicates: number;
  };
}

/** What reading some of the inputs came to. */
export interface ReadPart {
  readonly formats: readonly TraceFormat[];
  readonly files: readonly string[];
  readonly counts: Readonly<Tally['counts']>;
  /** Why the first file that no reader took was refused. */
  readonly problem: AgentInfraError | undefined;
}

type Fold =
  | { readonly kind: 'csv'; readonly fold: CsvFold }
  | { readonly kind: 'json'; readonly fold: JsonFold };

/**
 * Reads traces of any known format from files, directories, globs and `-` (stdin), plain or
 * gzip/zstd/tar, and reports calls, sessions and the fate of every record to the sink:
 * `read = used + skipped + duplicates` holds at every return (definitions: tally.ts). A file that
 * repeats another byte for byte, an empty or unknown file of a directory, and a damaged line are
 * each one record with its own fate, never fatal while something is left.
 *
 * Throws AgentInfraError: trace.unreadable (path, archive), trace.unknown-format (a named file no
 * reader or more than one accepts), trace.empty (no LLM call in all inputs).
 */
export async function readTraces(
  inputs: readonly string[],
  sink: TraceSink,
  options: ReadTracesOptions = {},
): Promise<ReadTracesResult> {
  const files = await expandInputs(inputs, options.stdin ?? process.stdin);
  return joinParts([await readPart(files, sink, options)]);
}

/** Reads some of the inputs of a run. Errors as readTraces, but no call at all is not one here. */
export async function readPart(
  files: readonly TraceInput[],
  sink: TraceSink,
  options: ReadTracesOptions,
): Promise<ReadPart> {
  const forced = forcedFormat(options.format);
  const tally = new Tally(sink, options.claims);
  const run = new Run(tally, forced, options, files);
  for (const input of files) await run.input(input);
  run.end();
  return { formats: run.formats, files: run.read, counts: tally.counts, problem: run.problem };
}

/** The result of a run whose parts stand in the order of the inputs. Throws trace.empty and the like. */
export function joinParts(parts: readonly ReadPart[]): ReadTracesResult {
  const counts = { read: 0, used: 0, skipped: 0, duplicates: 0, calls: 0, buckets: 0 };
  for (const part of parts) {
    for (const name of Object.keys(counts) as (keyof typeof counts)[]) {
      counts[name] += part.counts[name];
    }
  }
  const formats = [...new Set(parts.flatMap((part) => part.formats))];
  const files = [...new Set(parts.flatMap((part) => part.files))];
  const { calls, buckets, ...records } = counts;
  if (calls === 0 && buckets === 0) {
    const problem = parts.find((part) => part.problem !== undefined)?.problem;
    throw nothingFound({ formats, files, records, problem });
  }
  const { read, used, skipped, duplicates } = records;
  return { format: formats.join(' + '), files, records: { read, used, skipped, duplicates } };
}

/** The error for a run without a single LLM call: what stood in the way, as exactly as known. */
function nothingFound({
  formats,
  files,
  records,
  problem,
}: Pick<ReadPart, 'formats' | 'files' | 'problem'> & {
  readonly records: { readonly read: number; readonly skipped: number };
}): AgentInfraError {
  if (formats.length === 0 && problem !== undefined) return problem;
  return new AgentInfraError(
    'trace.empty',
    `no LLM call in ${files.join(', ')}: ${records.read} records read as ${formats.join(' + ')}, ${records.skipped} skipped`,
    { hint: 'Check that the trace holds LLM calls and is not cut off at its beginning.' },
  );
}

class Run {
  readonly read: string[] = [];
  readonly #tally: Tally;
  readonly #forced: TraceFormat | undefined;
  readonly #options: ReadTracesOptions;
  readonly #folds = new Map<TraceFormat, Fold>();
  readonly #place = new Place();
  readonly #copies: CopyFinder;
  readonly #bytesTotal: number;
  #bytesRead = 0;
  /** Why the first file that no reader took was refused. */
  problem: AgentInfraError | undefined;

  constructor(
    tally: Tally,
    forced: TraceFormat | undefined,
    options: ReadTracesOptions,
    files: readonly TraceInput[],
  ) {
    this.#tally = tally;
    this.#forced = forced;
    this.#options = options;
    this.#copies = new CopyFinder(files);
    this.#bytesTotal = files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  }

  get formats(): readonly TraceFormat[] {
    return [...this.#folds.keys()];
  }

  async input(input: TraceInput): Promise<void> {
    if (await this.#copies.isCopy(input)) {
      this.#whole(input.path, () => this.#tally.duplicate('file is a copy of another file'));
      return;
    }
    try {
      for await (const file of openFiles(input.path, input.open())) await this.#file(file, input);
    } catch (thrown) {
      if (this.#options.signal?.aborted === true) throw thrown;
      throw this.#unreadable(input, thrown);
    }
  }

  end(): void {
    for (const { fold } of this.#folds.values()) fold.end();
    this.#tally.end();
  }

  async #file(file: TraceFile, input: TraceInput): Promise<void> {
    const head = await file.bytes.peek(HEAD_BYTES);
    const complete = head.length < HEAD_BYTES;
    const isOpencode = this.#forced === undefined || this.#forced === 'opencode';
    if (isOpencode && isSqlite(head)) {
      this.#database(file.name, input);
      return;
    }
    const format = input.format ?? this.#formatOf(file.name, sampleOf(head, complete), input.named);
    if (format === undefined) return;
    this.read.push(file.name);
    this.#place.file = file.name;
    this.#place.line = 0;
    const opened = this.#fold(format);
    const chunks = this.#watched(file);
    if (opened.kind === 'csv') {
      const { rows } = readers[format] as CsvReader;
      if (rows === 'quoted') await driveQuotedCsv(chunks, opened.fold, this.#place, this.#tally);
      else await driveCsv(chunks, opened.fold, this.#place, this.#tally);
    } else {
      opened.fold.file?.(file.name);
      const sample = sampleOf(head, complete);
      const isDocument = sample.kind === 'json' && input.format === undefined;
      const framing = isDocument ? sample.framing : 'lines';
      const reader = readers[format];
      const lists = reader.kind === 'json' ? reader.lists : undefined;
      await driveJson(chunks, opened.fold, { framing, lists }, this.#place, this.#tally);
    }
  }

  /** opencode's database; no other format is one. */
  #database(name: string, { path, named, bytes }: TraceInput): void {
    this.#place.file = name;
    this.#place.line = 0;
    try {
      if (name !== path || bytes === undefined) throw notOnDisk(name);
      for (const row of opencodeRows(path)) {
        if (this.#place.line === 0) this.read.push(name);
        this.#options.signal?.throwIfAborted();
        const opened = this.#fold('opencode');
        this.#place.line += 1;
        if (opened.kind === 'json') opened.fold.value(row, this.#place);
      }
    } catch (error) {
      if (named || !(error instanceof AgentInfraError)) throw error;
      this.#refuse(name, error, 'SQLite database (needs Node.js 22.13, or opencode export)');
    }
  }

  #refuse(name: string, problem: AgentInfraError, reason: string): undefined {
    this.problem ??= problem;
    this.#whole(name, () => this.#tally.skip(reason, name));
  }

  #formatOf(name: string, head: Head, named: boolean): TraceFormat | undefined {
    const refuse = (problem: AgentInfraError, reason: string): undefined =>
      this.#refuse(name, problem, reason);
    if (head.kind === 'empty') {
      return refuse(new AgentInfraError('trace.empty', `${name} is empty`), 'empty file');
    }
    if (head.kind === 'binary') {
      const problem = new AgentInfraError(
        'trace.unknown-format',
        `${name} is a binary file, not a trace`,
        { hint: 'Traces are text: JSON, JSON lines or CSV, also inside gzip, zstd or tar.' },
      );
      if (named) throw problem;
      return refuse(problem, 'binary file');
    }
    if (this.#forced !== undefined) return this.#forced;
    try {
      return sniff(name, head);
    } catch (error) {
      if (named) throw error;
      return refuse(error as AgentInfraError, 'unknown format');
    }
  }

  /** A file that is one record to the tally. */
  #whole(name: string, fate: () => void): void {
    this.read.push(name);
    this.#tally.read(1);
    fate();
  }

  #fold(format: TraceFormat): Fold {
    const open = this.#folds.get(format);
    if (open !== undefined) return open;
    if (splitRules[format] === 'together') this.#tally.claim('format', format);
    const reader = readers[format];
    const fold: Fold =
      reader.kind === 'csv'
        ? { kind: 'csv', fold: reader.open(this.#tally) }
        : { kind: 'json', fold: reader.open(this.#tally) };
    this.#folds.set(format, fold);
    return fold;
  }

  async *#watched(file: TraceFile): AsyncGenerator<Buffer> {
    for await (const chunk of file.bytes) {
      this.#options.signal?.throwIfAborted();
      this.#bytesRead += chunk.length;
      this.#options.onProgress?.({
        file: file.name,
        bytesRead: this.#bytesRead,
        bytesTotal: this.#bytesTotal,
      });
      yield chunk;
    }
  }

  #unreadable(input: TraceInput, thrown: unknown): AgentInfraError {
    const error = asError(thrown);
    if (error instanceof AgentInfraError) return error;
    const code = (error as NodeJS.ErrnoException).code;
    // Errors with a code come from the disk or the decompressor; anything else is our bug.
    if (code === undefined) throw error;
    return new AgentInfraError(
      'trace.unreadable',
      `${input.path} cannot be read: ${error.message}`,
      { cause: error },
    );
  }
}

/** Finds files that repeat another file byte for byte; only files of equal size are hashed. */
export class CopyFinder {
  readonly #sizes = new Map<number, number>();
  readonly #hashes = new Set<string>();

  constructor(files: readonly TraceInput[]) {
    for (const { bytes } of files) {
      if (bytes !== undefined) this.#sizes.set(bytes, (this.#sizes.get(bytes) ?? 0) + 1);
    }
  }

  async isCopy(input: TraceInput): Promise<boolean> {
    const { bytes, isCopy } = input;
    if (isCopy !== undefined) return isCopy;
    if (bytes === undefined || bytes === 0 || this.#sizes.get(bytes) === 1) return false;
    const hash = createHash('sha256');
    for await (const chunk of input.open()) hash.update(chunk);
    const digest = hash.digest('base64');
    if (this.#hashes.has(digest)) return true;
    this.#hashes.add(digest);
    return false;
  }
}

function notOnDisk(name: string): AgentInfraError {
  return new AgentInfraError(
    'trace.unreadable',
    `${name} is an SQLite database, which is read only as a file on disk`,
  );
}

function forcedFormat(format: string | undefined): TraceFormat | undefined {
  if (format === undefined || format === 'auto') return undefined;
  if (isTraceFormat(format)) return format;
  const formats = Object.keys(readers);
  const guess = nearest(format, formats);
  const message = `there is no trace format ${format}${guess === undefined ? '' : `; did you mean ${guess}?`}`;
  throw new AgentInfraError('trace.unknown-format', message, {
    hint: `Formats: auto, ${formats.join(', ')}.`,
  });
}
