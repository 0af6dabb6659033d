import { isObject, type JsonObject } from './json-value.ts';
import { SpanForest } from './span-forest.ts';
import type { Place, Tally } from './tally.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';

/** What an export of spans (observations, runs) needs to be read into a forest. */
export interface SpanList {
  readonly title: string;
  /** What one of its records has, for the message of a file that is none of it. */
  readonly what: string;
  /** The records of a document: of a page or download, or the document itself. */
  readonly recordsIn: (document: JsonObject) => readonly unknown[];
  readonly isRecord: (record: unknown) => record is JsonObject;
  /** Why another record is skipped. */
  readonly skip: string;
  /** Adds a record's spans to the forest. */
  readonly add: (record: JsonObject, at: SpanListContext) => void;
}

export interface SpanListContext {
  readonly forest: SpanForest;
  readonly tally: Tally;
  /** What the record stands in. */
  readonly document: JsonObject;
  readonly place: Place;
}

/** A reader of documents and lines that hold spans. */
export function spanListReader(list: SpanList): JsonReader {
  const { recordsIn, isRecord } = list;
  return {
    kind: 'json',
    title: list.title,
    mismatch: (sample: Sample) =>
      needsRecord(
        sample,
        list.what,
        (record) => isObject(record) && recordsIn(record).some(isRecord),
      ),
    open: (tally: Tally) => new SpanListFold(list, tally),
  };
}

class SpanListFold implements JsonFold {
  readonly #list: SpanList;
  readonly #tally: Tally;
  readonly #forest: SpanForest;

  constructor(list: SpanList, tally: Tally) {
    this.#list = list;
    this.#tally = tally;
    this.#forest = new SpanForest(tally);
  }

  value(value: unknown, place: Place): void {
    const { add, isRecord, recordsIn, skip } = this.#list;
    const document = isObject(value) ? value : {};
    for (const record of isObject(value) ? recordsIn(value) : [value]) {
      if (isRecord(record)) {
        add(record, { forest: this.#forest, tally: this.#tally, document, place });
      } else {
        this.#tally.read();
        this.#tally.skip(skip, place);
      }
    }
  }

  end(): void {
    this.#forest.end();
  }
}
