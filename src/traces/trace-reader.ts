import type { Place, Tally } from './tally.ts';

/** What a reader is shown of a file to say whether it is its format: the first 64 KB, parsed as far as they go. */
export type Sample = CsvSample | JsonSample;

interface CsvSample {
  readonly kind: 'csv';
  readonly header: readonly string[];
}

interface JsonSample {
  readonly kind: 'json';
  readonly framing: 'lines' | 'document';
  /** The first lines' values; the elements of a document that is a list; else the document. */
  readonly records: readonly unknown[];
}

/**
 * One trace format. `mismatch` says why a sample is not of it; undefined means that it is. The
 * file's name counts only for files that a known folder layout names and their content does not.
 */
export type TraceReader = CsvReader | JsonReader;

export interface CsvReader {
  readonly kind: 'csv';
  readonly title: string;
  readonly mismatch: (sample: Sample, name: string) => string | undefined;
  /** 'quoted': fields may hold commas and line ends in quotes; the fold then books rows itself. */
  readonly rows?: 'quoted';
  /** A row is bytes [start, end) of `line`, without its line end; the header row comes first. */
  readonly open: (tally: Tally) => CsvFold;
}

export interface JsonReader {
  readonly kind: 'json';
  readonly title: string;
  readonly mismatch: (sample: Sample, name: string) => string | undefined;
  /** 'whole': a list is one record (a message list); by default a list is a list of records. */
  readonly lists?: 'whole';
  readonly open: (tally: Tally) => JsonFold;
}

export interface CsvFold {
  /** A new file begins; its first row is the header. */
  header(columns: readonly string[]): void;
  row(line: Buffer, start: number, end: number, place: Place): void;
  end(): void;
}

export interface JsonFold {
  /** A new file begins. */
  file?(name: string): void;
  /**
   * Reads bytes [start, end) of a JSON-lines file by itself instead of being given their value;
   * false when they are not JSON, with nothing booked.
   */
  line?(bytes: Buffer, start: number, end: number, place: Place): boolean;
  /** One line of a JSON-lines file, one element of a list, or one document. Books its records. */
  value(value: unknown, place: Place): void;
  /** All files are read: emit what waited for later records, and book it. */
  end(): void;
}

/** Mismatch text for a JSON format told by a property of its records. */
export function needsRecord(
  sample: Sample,
  what: string,
  test: (record: unknown) => boolean,
): string | undefined {
  if (sample.kind !== 'json') return 'not JSON';
  return sample.records.some(test) ? undefined : `no record ${what}`;
}
