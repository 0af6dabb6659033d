import { AgentInfraError } from '../errors.ts';
import { csvFields, isOpenRecord } from './csv-fields.ts';
import { parseJsonPrefix } from './json-value.ts';
import { LineSplitter } from './line-splitter.ts';
import type { OnLongLine } from './line-splitter.ts';
import type { Place, Tally } from './tally.ts';
import type { CsvFold, JsonFold } from './trace-reader.ts';

/** Largest JSON document held at once; V8 has no longer strings (2^29 - 24 characters). */
const LARGEST_DOCUMENT_BYTES = 500 * 1024 * 1024;

/** Prompts stand in rows of exports; longer rows are damage. */
const LARGEST_ROW_BYTES = 64 * 1024 * 1024;

export interface JsonFraming {
  readonly framing: 'lines' | 'document';
  readonly lists: 'whole' | undefined;
}

/** Feeds a CSV file row by row; books nothing itself but the header. */
export async function driveCsv(
  chunks: AsyncIterable<Buffer>,
  fold: CsvFold,
  place: Place,
  tally: Tally,
): Promise<void> {
  const splitter = new LineSplitter(
    (bytes, start, end) => {
      place.line += 1;
      if (place.line === 1) {
        const from = bytes[start] === 0xef ? start + 3 : start;
        fold.header(bytes.toString('utf8', from, end).split(','));
      } else if (end > start) {
        tally.read(1);
        fold.row(bytes, start, end, place);
      }
    },
    passOver(place, tally),
  );
  for await (const chunk of chunks) splitter.push(chunk);
  splitter.end();
}

/** Feeds a CSV file whose quoted fields may go over several lines; the fold books its rows. */
export async function driveQuotedCsv(
  chunks: AsyncIterable<Buffer>,
  fold: CsvFold,
  place: Place,
  tally: Tally,
): Promise<void> {
  let open: string[] = [];
  let openBytes = 0;
  let hasHeader = false;
  const row = (text: string): void => {
    open = [];
    openBytes = 0;
    if (!hasHeader) fold.header(csvFields(text.replace(/^\uFEFF/, '')));
    else if (text !== '') {
      const bytes = Buffer.from(text);
      fold.row(bytes, 0, bytes.length, place);
    }
    hasHeader = true;
  };
  const splitter = new LineSplitter(
    (bytes, start, end) => {
      place.line += 1;
      const line = bytes.toString('utf8', start, end);
      const isOpen = isOpenRecord(line) !== open.length > 0;
      open.push(line);
      openBytes += end - start;
      // A quote too many would swallow the rest of the file.
      if (!isOpen || openBytes > LARGEST_ROW_BYTES) row(open.join('\n'));
    },
    passOver(place, tally),
  );
  for await (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  if (open.length > 0) row(open.join('\n'));
}

/** Feeds a JSON-lines file line by line, or a document as a whole or element by element. */
export async function driveJson(
  chunks: AsyncIterable<Buffer>,
  fold: JsonFold,
  how: JsonFraming,
  place: Place,
  tally: Tally,
): Promise<void> {
  if (how.framing === 'lines') await driveLines(chunks, fold, place, tally);
  else await driveDocument(chunks, fold, how, place, tally);
}

/** Books a line that is too long to be read. */
function passOver(place: Place, tally: Tally): OnLongLine {
  return () => {
    place.line += 1;
    tally.read(1);
    tally.skip('line is longer than 500 MiB', place);
  };
}

async function driveLines(
  chunks: AsyncIterable<Buffer>,
  fold: JsonFold,
  place: Place,
  tally: Tally,
): Promise<void> {
  let last = false;
  const splitter = new LineSplitter(
    (bytes, start, end) => {
      place.line += 1;
      if (fold.line?.(bytes, start, end, place) === true) return;
      let value: unknown;
      try {
        value = JSON.parse(bytes.toString('utf8', start, end));
      } catch {
        const text = bytes.toString('utf8', start, end).replace(/^\uFEFF/, '');
        if (text.trim() === '') return;
        try {
          // Rare: a byte-order mark before the first line.
          value = JSON.parse(text);
        } catch {
          tally.read(1);
          tally.skip(last ? 'last line is cut off' : 'line is not JSON', place);
          return;
        }
      }
      fold.value(value, place);
    },
    passOver(place, tally),
  );
  for await (const chunk of chunks) splitter.push(chunk);
  last = true;
  splitter.end();
}

async function driveDocument(
  chunks: AsyncIterable<Buffer>,
  fold: JsonFold,
  how: JsonFraming,
  place: Place,
  tally: Tally,
): Promise<void> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    pieces.push(Buffer.from(chunk));
    size += chunk.length;
    if (size > LARGEST_DOCUMENT_BYTES) {
      throw new AgentInfraError(
        'trace.unreadable',
        `${place.file} is one JSON document of more than 500 MiB`,
        { hint: 'Write it as JSON lines, one record per line, for example with jq -c .[]' },
      );
    }
  }
  const text = Buffer.concat(pieces)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    tally.read(1);
    tally.skip('document is cut off or damaged; its beginning was used', place);
    document = parseJsonPrefix(text);
    if (document === undefined) return;
  }
  if (!Array.isArray(document) || how.lists === 'whole') {
    fold.value(document, place);
    return;
  }
  for (const element of document as readonly unknown[]) {
    place.line += 1;
    fold.value(element, place);
  }
}
