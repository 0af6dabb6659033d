import type { LlmCall } from '../core/trace.ts';
import { isoMs } from './timestamp.ts';
import type { CsvFold, CsvReader, Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';

/**
 * Azure LLM inference traces (AzurePublicDataset, 2023 to 2025): one call per row,
 * `TIMESTAMP,ContextTokens,GeneratedTokens`. Times have seven decimals and no zone (UTC); they are
 * cut to microseconds. No session, model or latency, so no duration and no concurrency.
 */
export const azureLlmCsv: CsvReader = {
  kind: 'csv',
  title: 'Azure LLM inference CSV',
  mismatch: (sample: Sample) => {
    if (sample.kind !== 'csv') return 'not CSV';
    return sample.header.join(',') === HEADER ? undefined : `the header is not ${HEADER}`;
  },
  open: (tally: Tally) => new AzureRows(tally),
};

const HEADER = 'TIMESTAMP,ContextTokens,GeneratedTokens';

class AzureRows implements CsvFold {
  readonly #tally: Tally;
  readonly #minute = new MinuteCache();

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  header(): void {}

  row(line: Buffer, start: number, end: number, place: Place): void {
    const first = line.indexOf(COMMA, start);
    const second = first === -1 ? -1 : line.indexOf(COMMA, first + 1);
    if (first === -1 || second === -1 || second >= end) {
      this.#tally.skip('row has not three columns', place);
      return;
    }
    const startMs = this.#minute.read(line, start, first);
    const input = wholeNumber(line, first + 1, second);
    const output = wholeNumber(line, second + 1, end);
    if (startMs === undefined || Number.isNaN(startMs)) {
      this.#tally.skip('timestamp not understood', place);
    } else if (input < 0 || output < 0) {
      this.#tally.skip('token count is not a whole number', place);
    } else {
      this.#tally.used();
      this.#tally.call(rowCall(startMs, input, output));
    }
  }

  end(): void {}
}

/** A call of a row format: nothing but its arrival and sizes. */
export function rowCall(startMs: number, input: number, output: number): LlmCall {
  return {
    kind: 'llm',
    id: 'row',
    after: NO_STEPS,
    startMs,
    tokens: {
      uncached: input,
      cacheRead: 0,
      cacheWrite5m: 0,
      cacheWrite1h: 0,
      output,
      reasoning: 0,
    },
    tokensBasis: 'reported',
    attempts: [{ startMs }],
  };
}

/** Digits in bytes [start, end) as a number; -1 when there is anything else. */
export function wholeNumber(bytes: Buffer, start: number, end: number): number {
  if (start >= end || end - start > 15) return -1;
  let value = 0;
  for (let index = start; index < end; index += 1) {
    const digit = bytes[index]! - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Reads sorted `YYYY-MM-DD hh:mm:ss.fff` quickly: rows of the same minute share its start. */
class MinuteCache {
  readonly #prefix = Buffer.alloc(MINUTE_LENGTH);
  #startMs = Number.NaN;

  read(line: Buffer, start: number, end: number): number | undefined {
    const length = end - start;
    // Seconds and up to seven decimals; everything else goes the slow way.
    if (length < MINUTE_LENGTH + 3 || length > MINUTE_LENGTH + 11)
      return this.#slow(line, start, end);
    for (let index = 0; index < MINUTE_LENGTH; index += 1) {
      if (line[start + index] !== this.#prefix[index]) return this.#slow(line, start, end);
    }
    let seconds = start + MINUTE_LENGTH;
    if (line[seconds] !== COLON) return this.#slow(line, start, end);
    const whole = wholeNumber(line, seconds + 1, seconds + 3);
    if (whole < 0 || whole > 59) return undefined;
    seconds += 3;
    if (seconds === end) return this.#startMs + whole * 1000;
    if (line[seconds] !== POINT) return this.#slow(line, start, end);
    const digits = Math.min(6, end - seconds - 1);
    const fraction = wholeNumber(line, seconds + 1, seconds + 1 + digits);
    if (fraction < 0) return undefined;
    return this.#startMs + whole * 1000 + (fraction * MICROS_PER_UNIT[digits]!) / 1000;
  }

  #slow(line: Buffer, start: number, end: number): number | undefined {
    const text = line.toString('latin1', start, end);
    const ms = isoMs(text);
    const minuteMs = isoMs(`${text.slice(0, MINUTE_LENGTH)}:00`);
    if (ms !== undefined && minuteMs !== undefined && /^[\d :.-]*$/.test(text)) {
      line.copy(this.#prefix, 0, start, start + MINUTE_LENGTH);
      this.#startMs = minuteMs;
    }
    return ms;
  }
}

const NO_STEPS: readonly string[] = [];
const COMMA = 44;
const POINT = 46;
const ZERO = 48;
const COLON = 58;
/** Characters of `YYYY-MM-DD hh:mm`. */
const MINUTE_LENGTH = 16;
/** Microseconds per unit of a fraction with that many digits. */
const MICROS_PER_UNIT = [0, 100_000, 10_000, 1000, 100, 10, 1];
