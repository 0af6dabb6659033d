import { createHash } from 'node:crypto';

import type { TraceSink } from '../core/trace.ts';
import { AgentInfraError, asError } from '../errors.ts';
import { openFiles, type TraceFile } from './archive.ts';
import { driveCsv, driveJson } from './drive.ts';
import { expandInputs, type TraceInput } from './inputs.ts';
import { isTraceFormat, readers, type TraceFormat } from './readers.ts';
import { HEAD_BYTES, sampleOf, sniff, type Head } from './sniff.ts';
import { Place, Tally } from './tally.ts';
import type { CsvFold, JsonFold } from './trace-reader.ts';

export interface ReadTracesOptions {
  /** One of the formats of readers.ts, or 'auto' (default). */
  readonly format?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
  /** What `-` reads. */
  readonly stdin?: AsyncIterable<Buffer> | undefined;
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
  const forced = forcedFormat(options.format);
  const files = await expandInputs(inputs, options.stdin ?? process.stdin);
  const tally = new Tally(sink);
  const run = new Run(tally, forced, options, files);
  for (const input of files) await run.input(input);
  run.end();
  const { read, used, skipped, duplicates, calls, buckets } = tally.counts;
  if (calls === 0 && buckets === 0) throw run.nothingFound();
  return {
    format: run.formats.join(' + '),
    files: run.read,
    records: { read, used, skipped, duplicates },
  };
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
  #problem: AgentInfraError | undefined;

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

  /** The error for a run without a single LLM call: what stood in the way, as exactly as known. */
  nothingFound(): AgentInfraError {
    const { read, skipped } = this.#tally.counts;
    if (this.#folds.size === 0 && this.#problem !== undefined) return this.#problem;
    const formats = this.formats.join(' + ');
    return new AgentInfraError(
      'trace.empty',
      `no LLM call in ${this.read.join(', ')}: ${read} records read as ${formats}, ${skipped} skipped`,
      { hint: 'Check that the trace holds LLM calls and is not cut off at its beginning.' },
    );
  }

  async #file(file: TraceFile, input: TraceInput): Promise<void> {
    const head = await file.bytes.peek(HEAD_BYTES);
    const complete = head.length < HEAD_BYTES;
    const format = this.#formatOf(file.name, sampleOf(head, complete), input.named);
    if (format === undefined) return;
    this.read.push(file.name);
    this.#place.file = file.name;
    this.#place.line = 0;
    const opened = this.#fold(format);
    const chunks = this.#watched(file);
    if (opened.kind === 'csv') await driveCsv(chunks, opened.fold, this.#place, this.#tally);
    else {
      opened.fold.file?.(file.name);
      const sample = sampleOf(head, complete);
      const framing = sample.kind === 'json' ? sample.framing : 'lines';
      const reader = readers[format];
      const lists = reader.kind === 'json' ? reader.lists : undefined;
      await driveJson(chunks, opened.fold, { framing, lists }, this.#place, this.#tally);
    }
  }

  #formatOf(name: string, head: Head, named: boolean): TraceFormat | undefined {
    const refuse = (problem: AgentInfraError, reason: string): undefined => {
      this.#problem ??= problem;
      this.#whole(name, () => this.#tally.skip(reason, name));
    };
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
class CopyFinder {
  readonly #sizes = new Map<number, number>();
  readonly #hashes = new Set<string>();

  constructor(files: readonly TraceInput[]) {
    for (const { bytes } of files) {
      if (bytes !== undefined) this.#sizes.set(bytes, (this.#sizes.get(bytes) ?? 0) + 1);
    }
  }

  async isCopy(input: TraceInput): Promise<boolean> {
    const { bytes } = input;
    if (bytes === undefined || bytes === 0 || this.#sizes.get(bytes) === 1) return false;
    const hash = createHash('sha256');
    for await (const chunk of input.open()) hash.update(chunk);
    const digest = hash.digest('base64');
    if (this.#hashes.has(digest)) return true;
    this.#hashes.add(digest);
    return false;
  }
}

function forcedFormat(format: string | undefined): TraceFormat | undefined {
  if (format === undefined || format === 'auto') return undefined;
  if (isTraceFormat(format)) return format;
  throw new AgentInfraError('trace.unknown-format', `there is no trace format ${format}`, {
    hint: `Formats: auto, ${Object.keys(readers).join(', ')}.`,
  });
}
