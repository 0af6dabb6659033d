import { US_PER_MS } from '../core/units.ts';
import { profileArrivals } from './arrivals.ts';
import { Column } from './column.ts';
import { concurrency } from './concurrency.ts';
import type { Concurrency } from './concurrency.ts';
import { FIRST_CALENDAR_MS } from './iso-time.ts';
import { fitLengths } from './length-fit.ts';
import type { LengthFit } from './length-fit.ts';
import { inOrder, isTimed, keyMs } from './order-key.ts';
import type { OrderKey } from './order-key.ts';
import { spearman } from './rank-correlation.ts';
import { summarise } from './summary.ts';
import type { Summary } from './summary.ts';
import type { ArrivalProfile } from './workload-profile.ts';

/** The numbers of one call; NaN where the source does not say. */
export interface CallRow {
  /** Start on the trace's common clock, where it has one. */
  readonly key: OrderKey;
  readonly durationMs: number;
  readonly ttftMs: number;
  readonly uncached: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly output: number;
  readonly reasoning: number;
}

/** What all calls of a trace add up to. */
export interface CallFigures {
  readonly firstStartMs: number | null;
  readonly lastStartMs: number | null;
  readonly tokens: Readonly<Record<TokenMetric, Summary | null>>;
  readonly spearmanInputOutput: number | null;
  readonly inputFit: LengthFit | null;
  readonly outputFit: LengthFit | null;
  readonly e2eMs: Summary | null;
  readonly ttftMs: Summary | null;
  readonly itlMs: Summary | null;
  readonly arrivals: ArrivalProfile | null;
  readonly concurrency: Concurrency | null;
  readonly warnings: readonly string[];
}

type TokenMetric = 'input' | 'uncached' | 'cacheRead' | 'cacheWrite' | 'output' | 'reasoning';

const FIELDS = [
  'durationMs',
  'ttftMs',
  'uncached',
  'cacheRead',
  'cacheWrite',
  'output',
  'reasoning',
] as const satisfies readonly (keyof CallRow)[];

/** All calls in memory, 64 bytes each, for exact figures whatever the order of the input. */
export class CallTable {
  readonly #keys = new Column();
  readonly #columns: Readonly<Record<(typeof FIELDS)[number], Column>> = {
    durationMs: new Column(),
    ttftMs: new Column(),
    uncached: new Column(),
    cacheRead: new Column(),
    cacheWrite: new Column(),
    output: new Column(),
    reasoning: new Column(),
  };

  get size(): number {
    return this.#keys.length;
  }

  add(row: CallRow): void {
    this.#keys.push(row.key);
    const columns = this.#columns;
    columns.durationMs.push(row.durationMs);
    columns.ttftMs.push(row.ttftMs);
    columns.uncached.push(row.uncached);
    columns.cacheRead.push(row.cacheRead);
    columns.cacheWrite.push(row.cacheWrite);
    columns.output.push(row.output);
    columns.reasoning.push(row.reasoning);
  }

  /** All rows of another table. */
  append(state: CallTableState): void {
    this.#keys.append(state.key);
    for (const field of FIELDS) this.#columns[field].append(state[field]);
  }

  /** The rows in order of arrival; calls without time first. */
  *rows(): Generator<CallRow> {
    const columns = this.#inOrder();
    for (let index = 0; index < this.size; index += 1) {
      const row: Partial<Record<keyof CallRow, number>> = { key: columns.key[index]! };
      for (const field of FIELDS) row[field] = columns[field][index]!;
      yield row as CallRow;
    }
  }

  state(): CallTableState {
    const columns: Partial<Record<keyof CallRow, Float64Array>> = { key: this.#keys.toArray() };
    for (const field of FIELDS) columns[field] = this.#columns[field].toArray();
    return columns as CallTableState;
  }

  figures(): CallFigures {
    const rows = this.#inOrder();
    const inputs = sumsOf(sumsOf(rows.uncached, rows.cacheRead), rows.cacheWrite);
    const input = known(inputs);
    const output = known(rows.output);
    const firstTimed = rows.key.findIndex(isTimed);
    const timed = firstTimed === -1 ? null : timedFrom(rows, inputs, firstTimed);
    return {
      firstStartMs: timed === null ? null : keyMs(timed.key[0]!),
      lastStartMs: timed === null ? null : keyMs(timed.key.at(-1)!),
      tokens: {
        input: summarise(input),
        uncached: summarise(known(rows.uncached)),
        cacheRead: unlessUnreported(known(rows.cacheRead)),
        cacheWrite: unlessUnreported(known(rows.cacheWrite)),
        output: summarise(output),
        reasoning: unlessUnreported(known(rows.reasoning)),
      },
      spearmanInputOutput: spearman(input, output),
      inputFit: fitLengths(input),
      outputFit: fitLengths(output),
      e2eMs: summarise(known(rows.durationMs)),
      ttftMs: summarise(known(rows.ttftMs)),
      itlMs: summarise(interTokenTimes(rows)),
      arrivals: timed === null ? null : arrivalsOf(timed),
      concurrency: timed === null ? null : concurrencyOf(timed),
      warnings: [],
    };
  }

  /** Calls of one instant by their figures: equal rows are interchangeable. */
  #inOrder(): CallTableState {
    const columns = this.state();
    const order = inOrder(columns.key, (a, b) => {
      for (const field of FIELDS) {
        const [x, y] = [columns[field][a]!, columns[field][b]!];
        if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
        if (Number.isNaN(x)) return -1;
        return Number.isNaN(y) ? 1 : x - y;
      }
      return 0;
    });
    if (order.every((place, index) => place === index)) return columns;
    const sorted: Partial<Record<keyof CallRow, Float64Array>> = {};
    for (const field of ['key', ...FIELDS] as const)
      sorted[field] = permuted(columns[field], order);
    return sorted as CallTableState;
  }
}

/** Rows with a time, in its order. */
interface TimedRows {
  readonly key: Float64Array;
  readonly durationMs: Float64Array;
  readonly uncached: Float64Array;
  readonly cacheWrite: Float64Array;
  readonly output: Float64Array;
  readonly input: Float64Array;
}

/** @param first from here on the rows have a time */
function timedFrom(rows: CallTableState, input: Float64Array, first: number): TimedRows {
  return {
    key: rows.key.subarray(first),
    durationMs: rows.durationMs.subarray(first),
    uncached: rows.uncached.subarray(first),
    cacheWrite: rows.cacheWrite.subarray(first),
    output: rows.output.subarray(first),
    input: input.subarray(first),
  };
}

function arrivalsOf({ key, uncached, cacheWrite, output, input }: TimedRows): ArrivalProfile {
  const firstMs = keyMs(key[0]!);
  return profileArrivals({
    ...(firstMs >= FIRST_CALENDAR_MS ? { epochMs: firstMs } : {}),
    startUs: sinceFirst(key),
    allIn: unknownAsZero(sumsOf(input, output)),
    uncached: unknownAsZero(sumsOf(uncached, cacheWrite)),
    output: unknownAsZero(output.slice()),
  });
}

function concurrencyOf({ key, durationMs }: TimedRows): Concurrency | null {
  const starts = new Float64Array(key.length);
  const ends = new Float64Array(key.length);
  let count = 0;
  for (let index = 0; index < key.length; index += 1) {
    const duration = durationMs[index]!;
    if (Number.isNaN(duration)) continue;
    // Whole microseconds from the first start add up exactly, in any order.
    const startUs = key[index]! - key[0]!;
    starts[count] = startUs;
    ends[count] = startUs + Math.round(duration * US_PER_MS);
    count += 1;
  }
  return concurrency(starts.subarray(0, count), ends.subarray(0, count));
}

function sinceFirst(keys: Float64Array): Float64Array {
  const result = new Float64Array(keys.length);
  for (let index = 0; index < keys.length; index += 1) result[index] = keys[index]! - keys[0]!;
  return result;
}

function sumsOf(a: Float64Array, b: Float64Array): Float64Array {
  const result = new Float64Array(a.length);
  for (let index = 0; index < a.length; index += 1) result[index] = a[index]! + b[index]!;
  return result;
}

function permuted(values: Float64Array, order: Uint32Array): Float64Array {
  const result = new Float64Array(order.length);
  for (let index = 0; index < order.length; index += 1) result[index] = values[order[index]!]!;
  return result;
}

/** Without NaN; the list itself where there is none. */
function known(values: Float64Array): Float64Array {
  let count = 0;
  for (let index = 0; index < values.length; index += 1) {
    if (!Number.isNaN(values[index]!)) count += 1;
  }
  return count === values.length ? values : values.filter((value) => !Number.isNaN(value));
}

/** In place. */
function unknownAsZero(values: Float64Array): Float64Array {
  for (let index = 0; index < values.length; index += 1) {
    if (Number.isNaN(values[index]!)) values[index] = 0;
  }
  return values;
}

function interTokenTimes({ durationMs, ttftMs, output }: CallTableState): Float64Array {
  const result = new Float64Array(output.length);
  for (let index = 0; index < output.length; index += 1) {
    result[index] = interTokenMs(durationMs[index]!, ttftMs[index]!, output[index]!);
  }
  return known(result);
}

/** One column per field of a row. */
export type CallTableState = Readonly<Record<keyof CallRow, Float64Array>>;

/** (end - first token) / (output - 1); NaN for one token or unknown times. */
export function interTokenMs(durationMs: number, ttftMs: number, output: number): number {
  return output > 1 && durationMs >= ttftMs ? (durationMs - ttftMs) / (output - 1) : Number.NaN;
}

/** A count that is zero throughout is not reported by the source, as far as anyone can tell: unknown. */
function unlessUnreported(values: Float64Array): Summary | null {
  return values.some((value) => value > 0) ? summarise(values) : null;
}
