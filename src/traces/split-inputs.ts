import { dirname, sep } from 'node:path';

import { ByteStream } from './byte-stream.ts';
import { contentOf, expandInputs, readFrom, type TraceInput } from './inputs.ts';
import { CopyFinder } from './read.ts';
import { isTraceFormat, type TraceFormat } from './readers.ts';
import { HEAD_BYTES, sampleOf, sniff } from './sniff.ts';
import { splitRules } from './split-formats.ts';

/** A file, or the lines of a file that start in a range of bytes; plain data for another thread. */
export interface PartFile {
  readonly path: string;
  readonly named: boolean;
  readonly bytes: number;
  readonly isCopy: boolean;
  readonly lines?: LineRange | undefined;
}

interface LineRange {
  readonly format: TraceFormat;
  /** Lines that start at or after `start` and before `end`. */
  readonly start: number;
  readonly end: number;
  /** First line of the file, which a CSV reader needs for every part. */
  readonly header: string | undefined;
}

/** Neighbouring inputs that one thread reads. */
export type Part = readonly PartFile[];

/** Parts per thread: enough that a slow one does not keep the others waiting for long. */
const PARTS_PER_JOB = 4;
/**
 * Less than this is read about as fast by one thread: every thread compiles its hot code anew, about
 * a second of CPU time. Two cores gain 15 % for 400 MB of transcripts; more of them, and formats that
 * take longer per byte, gain more.
 */
const WORTH_SPLITTING_BYTES = 256 * 1024 * 1024;
const SMALLEST_PART_BYTES = 8 * 1024 * 1024;

/**
 * Divides inputs into parts for several threads, in their order. Undefined when it does not pay
 * off or cannot be done: one job, little data, stdin, a format of which everything belongs together.
 */
export async function splitInputs(
  inputs: readonly string[],
  { jobs, format, minBytes = WORTH_SPLITTING_BYTES }: SplitOptions,
): Promise<readonly Part[] | undefined> {
  if (jobs < 2 || inputs.includes('-')) return undefined;
  const files = await expandInputs(inputs, noStdin());
  const total = files.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
  if (total < minBytes) return undefined;
  const copies = new CopyFinder(files);
  const size = Math.max(
    Math.min(SMALLEST_PART_BYTES, Math.ceil(minBytes / 4)),
    Math.ceil(total / (jobs * PARTS_PER_JOB)),
  );
  const units: PartFile[][] = [];
  // Of many small files one in each folder of folders tells whether they belong together.
  const stores = new Map<string, boolean>();
  let previous: string | undefined;
  let isInStore = false;
  for (const file of files) {
    const wasInStore = isInStore;
    isInStore = (file.bytes ?? 0) <= size && (await isStore(file, { stores, format }));
    const isCopy = await copies.isCopy(file);
    const facts = { path: file.path, named: file.named, bytes: file.bytes ?? 0, isCopy };
    const cut = isCopy || facts.bytes <= size ? undefined : await cutLines(file, size, format);
    if (cut === 'together') return undefined;
    if (cut !== undefined) units.push(...cut.map((lines) => [{ ...facts, lines }]));
    else if (isBelow(file.path, previous) || (isInStore && wasInStore)) units.at(-1)!.push(facts);
    else units.push([facts]);
    if (!isBelow(file.path, previous)) previous = file.path;
  }
  const parts = packed(units, size);
  return parts.length < 2 ? undefined : parts;
}

export interface SplitOptions {
  readonly jobs: number;
  /** As `--format`: a name, or auto. */
  readonly format: string;
  /** Inputs smaller than this are not split. */
  readonly minBytes?: number | undefined;
}

/** Joins parts that turned out to belong together into one, still in order. */
export function joined(parts: readonly Part[]): Part {
  return parts.flat();
}

/** A file of a part as an input to read. */
export function partInput({ path, named, bytes, isCopy, lines }: PartFile): TraceInput {
  const open = (): AsyncIterable<Buffer> =>
    lines === undefined ? contentOf(path, bytes) : linesOf(path, lines);
  return { path, named, bytes, isCopy, format: lines?.format, open };
}

/** Whether a small file lies among others that are read with it (opencode: a file per message). */
async function isStore(
  file: TraceInput,
  { stores, format }: { readonly stores: Map<string, boolean>; readonly format: string },
): Promise<boolean> {
  const folder = dirname(dirname(file.path));
  let known = stores.get(folder);
  if (known === undefined) {
    known = (await cutLines(file, SMALLEST_PART_BYTES, format)) === 'together';
    stores.set(folder, known);
  }
  return known;
}

/** Undefined: the file stays whole. 'together': so does everything. */
async function cutLines(
  file: TraceInput,
  size: number,
  forced: string,
): Promise<readonly LineRange[] | 'together' | undefined> {
  const stream = new ByteStream(file.open());
  const head = await stream.peek(HEAD_BYTES);
  await stream.close();
  const sample = sampleOf(head, false);
  // Compressed files and archives are binary; their lines cannot be reached from the middle.
  if (sample.kind === 'empty' || sample.kind === 'binary') return undefined;
  const format = isTraceFormat(forced) ? forced : sniffed(file.path, sample);
  if (format === undefined) return undefined;
  const rule = splitRules[format];
  if (rule === 'together') return 'together';
  if (rule === 'files' || (sample.kind === 'json' && sample.framing === 'document'))
    return undefined;
  const bytes = file.bytes ?? 0;
  const firstEnd = head.indexOf(NEWLINE);
  const header = sample.kind === 'csv' ? head.toString('utf8', 0, firstEnd + 1) : undefined;
  const count = Math.ceil(bytes / size);
  return Array.from({ length: count }, (_, index) => ({
    format,
    start: Math.floor((bytes * index) / count),
    end: Math.floor((bytes * (index + 1)) / count),
    header,
  }));
}

/** Undefined for what no reader takes: the thread that reads it will say why. */
function sniffed(name: string, sample: Parameters<typeof sniff>[1]): TraceFormat | undefined {
  try {
    return sniff(name, sample);
  } catch {
    return undefined;
  }
}

/** The lines of a range, with the header before them unless they begin with it. */
async function* linesOf(path: string, { start, end, header }: LineRange): AsyncGenerator<Buffer> {
  if (start > 0 && header !== undefined) yield Buffer.from(header);
  // The byte before the range tells whether a line starts right at it.
  let position = Math.max(0, start - 1);
  let isInside = start === 0;
  for await (const chunk of readFrom(path, position)) {
    let from = 0;
    if (!isInside) {
      const newline = chunk.indexOf(NEWLINE);
      if (newline !== -1) {
        if (position + newline + 1 >= end) return;
        isInside = true;
        from = newline + 1;
      }
    }
    const lastEnd = chunk.indexOf(NEWLINE, Math.max(from, end - 1 - position));
    const isLast = isInside && position + chunk.length >= end && lastEnd !== -1;
    if (isInside) yield chunk.subarray(from, isLast ? lastEnd + 1 : chunk.length);
    if (isLast) return;
    position += chunk.length;
  }
}

/** `x/…` is below `x.jsonl`: a session's sub-agents. */
function isBelow(path: string, previous: string | undefined): boolean {
  return (
    previous !== undefined && path.startsWith(previous.replace(/\.jsonl(?:\.gz|\.zst)?$/, '') + sep)
  );
}

function packed(units: readonly (readonly PartFile[])[], size: number): Part[] {
  const parts: PartFile[][] = [];
  let room = 0;
  for (const unit of units) {
    const bytes = unit.reduce((sum, file) => sum + bytesOf(file), 0);
    if (parts.length === 0 || bytes > room) {
      parts.push([]);
      room = size;
    }
    parts.at(-1)!.push(...unit);
    room -= bytes;
  }
  return parts;
}

function bytesOf({ bytes, lines }: PartFile): number {
  return lines === undefined ? bytes : lines.end - lines.start;
}

async function* noStdin(): AsyncGenerator<Buffer> {}

const NEWLINE = 10;
