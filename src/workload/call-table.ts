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
    for (const index of this.#order()) {
      const row: Partial<Record<keyof CallRow, number>> = { key: this.#keys.at(index) };
      for (const field of FIELDS) row[field] = this.#columns[field].at(index);
      yield row as CallRow;
    }
  }

  state(): CallTableState {
    const columns: Partial<Record<keyof CallRow, Float64Array>> = { key: this.#keys.toArray() };
    for (const field of FIELDS) columns[field] = this.#columns[field].toArray();
    return columns as CallTableState;
  }

  figures(): CallFigures {
    const order = this.#order();
    const timed = order.filter((index) => isTimed(this.#keys.at(index)));
    const first = timed.length === 0 ? null : this.#startMs(timed[0]!);
    const column = (name: (typeof FIELDS)[number]): Float64Array =>
      this.#columns[name].ordered(order);
    const { durationMs, ttftMs } = this.#columns;
    const input = this.#derived(order, (index) => this.#input(index));
    const output = column('output');
    return {
      firstStartMs: first,
      lastStartMs: timed.length === 0 ? null : this.#startMs(timed.at(-1)!),
      tokens: {
        input: summarise(input),
        uncached: summarise(column('uncached')),
        cacheRead: unlessUnreported(column('cacheRead')),
        cacheWrite: unlessUnreported(column('cacheWrite')),
        output: summarise(output),
        reasoning: unlessUnreported(column('reasoning')),
      },
      spearmanInputOutput: spearman(input, output),
      inputFit: fitLengths(input),
      outputFit: fitLengths(output),
      e2eMs: summarise(column('durationMs')),
      ttftMs: summarise(column('ttftMs')),
      itlMs: summarise(
        this.#derived(order, (index) =>
          interTokenMs(durationMs.at(index), ttftMs.at(index), this.#columns.output.at(index)),
        ),
      ),
      arrivals: timed.length === 0 ? null : this.#arrivals(timed),
      concurrency: this.#concurrency(timed),
      warnings: [],
    };
  }

  /** Calls of one instant by their figures: equal rows are interchangeable. */
  #order(): Uint32Array<ArrayBuffer> {
    return inOrder(this.#keys.toArray(), (a, b) => {
      for (const field of FIELDS) {
        const [x, y] = [this.#columns[field].at(a), this.#columns[field].at(b)];
        if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
        if (Number.isNaN(x)) return -1;
        return Number.isNaN(y) ? 1 : x - y;
      }
      return 0;
    });
  }

  #startMs(index: number): number {
    return keyMs(this.#keys.at(index));
  }

  #input(index: number): number {
    const { uncached, cacheRead, cacheWrite } = this.#columns;
    return uncached.at(index) + cacheRead.at(index) + cacheWrite.at(index);
  }

  #derived(order: Uint32Array, value: (index: number) => number): Float64Array {
    return collect(order, value);
  }

  #arrivals(timed: Uint32Array): ArrivalProfile {
    const { uncached, cacheWrite, output } = this.#columns;
    const first = this.#keys.at(timed[0]!);
    const firstMs = this.#startMs(timed[0]!);
    return profileArrivals({
      ...(firstMs >= FIRST_CALENDAR_MS ? { epochMs: firstMs } : {}),
      startUs: collect(timed, (index) => this.#keys.at(index) - first),
      allIn: collect(timed, (index) => this.#input(index) + output.at(index), 0),
      uncached: collect(timed, (index) => uncached.at(index) + cacheWrite.at(index), 0),
      output: collect(timed, (index) => output.at(index), 0),
    });
  }

  #concurrency(timed: Uint32Array): Concurrency | null {
    const ended = timed.filter((index) => !Number.isNaN(this.#columns.durationMs.at(index)));
    if (ended.length === 0) return null;
    const first = this.#keys.at(ended[0]!);
    // Whole microseconds from the first start add up exactly, in any order.
    const startUs = (index: number): number => this.#keys.at(index) - first;
    const starts = collect(ended, startUs);
    const ends = collect(
      ended,
      (index) => startUs(index) + Math.round(this.#columns.durationMs.at(index) * US_PER_MS),
    );
    return concurrency(starts, ends);
  }
}

/** One column per field of a row. */
export type CallTableState = Readonly<Record<keyof CallRow, Float64Array>>;

/**
 * One value per call, by a plain loop (TypedArray.from is several times slower on millions).
 * @param unknown stands for NaN; without it, unknown values are left out
 */
function collect(
  order: Uint32Array,
  value: (index: number) => number,
  unknown?: number,
): Float64Array {
  const values = new Float64Array(order.length);
  let count = 0;
  for (let row = 0; row < order.length; row += 1) {
    const number = value(order[row]!);
    if (!Number.isNaN(number)) values[count++] = number;
    else if (unknown !== undefined) values[count++] = unknown;
  }
  return values.subarray(0, count);
}

/** (end - first token) / (output - 1); NaN for one token or unknown times. */
export function interTokenMs(durationMs: number, ttftMs: number, output: number): number {
  return output > 1 && durationMs >= ttftMs ? (durationMs - ttftMs) / (output - 1) : Number.NaN;
}

/** A count that is zero throughout is not reported by the source, as far as anyone can tell: unknown. */
function unlessUnreported(values: Float64Array): Summary | null {
  return values.some((value) => value > 0) ? summarise(values) : null;
}
