import { rowCall, wholeNumber } from './azure-llm-csv.ts';
import type { CsvFold, CsvReader, Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';

/**
 * BurstGPT CSV (arXiv 2401.17644): seconds from the start, model, lengths; newer files add session
 * and elapsed time. A row with 0 response tokens is a failed request. A session's rows say nothing
 * about turns, so rows are reported as bare calls.
 */
export const burstgptCsv: CsvReader = {
  kind: 'csv',
  title: 'BurstGPT CSV',
  mismatch: (sample: Sample) => {
    if (sample.kind !== 'csv') return 'not CSV';
    const columns = sample.header.map((name) => name.trim());
    const missing = NEEDED.filter((name) => !columns.includes(name));
    return missing.length === 0 ? undefined : `the header lacks ${missing.join(', ')}`;
  },
  open: (tally: Tally) => new BurstRows(tally),
};

const NEEDED = ['Timestamp', 'Model', 'Request tokens', 'Response tokens'];

class BurstRows implements CsvFold {
  readonly #tally: Tally;
  #columns = new Map<string, number>();
  #width = 0;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  header(columns: readonly string[]): void {
    this.#columns = new Map(columns.map((name, index) => [name.trim(), index]));
    this.#width = columns.length;
  }

  row(line: Buffer, start: number, end: number, place: Place): void {
    const fields = line.toString('utf8', start, end).split(',');
    const field = (name: string): string | undefined => {
      const index = this.#columns.get(name);
      return index === undefined ? undefined : fields[index];
    };
    const seconds = Number(field('Timestamp') || Number.NaN);
    const input = whole(field('Request tokens'));
    const output = whole(field('Response tokens'));
    if (fields.length !== this.#width || Number.isNaN(seconds) || input < 0 || output < 0) {
      this.#tally.skip('row does not fit its header', place);
      return;
    }
    this.#tally.used();
    const startMs = seconds * 1000;
    const elapsed = Number(field('Elapsed time') || Number.NaN);
    const error = output === 0 ? 'failed' : undefined;
    const endMs = elapsed >= 0 ? startMs + elapsed * 1000 : undefined;
    this.#tally.call({
      ...rowCall(startMs, input, output),
      model: field('Model'),
      endMs,
      error,
      attempts: [{ startMs, endMs, error }],
    });
  }

  end(): void {}
}

function whole(text: string | undefined): number {
  const bytes = Buffer.from(text ?? '');
  return wholeNumber(bytes, 0, bytes.length);
}
