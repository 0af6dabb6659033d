import { csvFields } from './csv-fields.ts';
import { unpackJson, type JsonObject } from './json-value.ts';
import { SpanForest } from './span-forest.ts';
import type { SpanList } from './span-list.ts';
import type { Place, Tally } from './tally.ts';
import type { CsvFold, CsvReader, Sample } from './trace-reader.ts';

/**
 * A reader of the CSV form of a span export: one record per row, columns named as the fields of
 * the JSON form, objects as JSON text.
 * @param columns what the header must have; of a list, one
 */
export function spanCsvReader(list: SpanList, columns: readonly (readonly string[])[]): CsvReader {
  return {
    kind: 'csv',
    rows: 'quoted',
    title: `${list.title}, CSV`,
    mismatch: (sample: Sample) => {
      if (sample.kind !== 'csv') return 'not CSV';
      const header = new Set(sample.header.map(unquoted));
      const missing = columns.filter((names) => !names.some((name) => header.has(name)));
      return missing.length === 0
        ? undefined
        : `the header lacks ${missing.map((names) => names.join(' or ')).join(', ')}`;
    },
    open: (tally: Tally) => new SpanRows(list, tally),
  };
}

class SpanRows implements CsvFold {
  readonly #list: SpanList;
  readonly #tally: Tally;
  readonly #forest: SpanForest;
  #columns: readonly string[] = [];

  constructor(list: SpanList, tally: Tally) {
    this.#list = list;
    this.#tally = tally;
    this.#forest = new SpanForest(tally);
  }

  header(columns: readonly string[]): void {
    this.#columns = columns.map(unquoted);
  }

  row(line: Buffer, start: number, end: number, place: Place): void {
    const record = this.#record(csvFields(line.toString('utf8', start, end)));
    const { add, isRecord, skip } = this.#list;
    if (record !== undefined && isRecord(record)) {
      add(record, { forest: this.#forest, tally: this.#tally, document: {}, place });
      return;
    }
    this.#tally.read();
    this.#tally.skip(record === undefined ? 'row does not fit its header' : skip, place);
  }

  end(): void {
    this.#forest.end();
  }

  #record(fields: readonly string[]): JsonObject | undefined {
    if (fields.length !== this.#columns.length) return undefined;
    const record: Record<string, unknown> = {};
    for (const [index, field] of fields.entries()) {
      if (field === '') continue;
      const isJson = field.startsWith('{') || field.startsWith('[');
      record[this.#columns[index]!] = isJson ? (unpackJson(field) ?? field) : field;
    }
    return record;
  }
}

function unquoted(name: string): string {
  return name.trim().replaceAll('"', '');
}
