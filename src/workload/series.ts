import { Column } from './column.ts';
import { inOrder } from './order-key.ts';
import type { OrderKey } from './order-key.ts';
import { summarise } from './summary.ts';
import type { Summary } from './summary.ts';
import { SeriesSketch } from './value-sketch.ts';
import type { SeriesSketchState } from './value-sketch.ts';

/** Values kept exactly per series (16 MiB with their keys); longer series continue as a sketch. */
const EXACT_VALUES = 2 ** 20;

/**
 * One figure measured many times: exact while it is short, a sketch with stated error beyond. The
 * same values with the same keys give the same summary, in whatever order or parts they come.
 */
export class Series {
  #values = new Column();
  #keys = new Column();
  #sketch: SeriesSketch | undefined;
  readonly #limit: number;

  constructor(limit: number = EXACT_VALUES) {
    this.#limit = limit;
  }

  /** NaN and undefined mean unknown and are left out. */
  add(value: number | undefined, key: OrderKey): void {
    if (value === undefined || !Number.isFinite(value)) return;
    if (this.#sketch === undefined && this.#values.length >= this.#limit) this.#toSketch();
    if (this.#sketch !== undefined) {
      this.#sketch.add(value, key);
      return;
    }
    this.#values.push(value);
    this.#keys.push(key);
  }

  state(): SeriesState {
    return this.#sketch === undefined
      ? { values: this.#values.toArray(), keys: this.#keys.toArray() }
      : { sketch: this.#sketch.state() };
  }

  merge(state: SeriesState): void {
    if ('sketch' in state) {
      this.#toSketch().merge(state.sketch);
      return;
    }
    const { values, keys } = state;
    if (this.#sketch === undefined && this.#values.length + values.length <= this.#limit) {
      this.#values.append(values);
      this.#keys.append(keys);
      return;
    }
    for (const [index, value] of values.entries()) this.add(value, keys[index]!);
  }

  /** In the order of the keys; null without values. */
  summary(): Summary | null {
    if (this.#sketch !== undefined) return this.#sketch.summary();
    const values = this.#values.toArray();
    const order = inOrder(this.#keys.toArray(), (a, b) => values[a]! - values[b]!);
    return summarise(this.#values.ordered(order));
  }

  #toSketch(): SeriesSketch {
    if (this.#sketch !== undefined) return this.#sketch;
    this.#sketch = new SeriesSketch();
    for (const [index, value] of this.#values.toArray().entries()) {
      this.#sketch.add(value, this.#keys.at(index));
    }
    this.#values = new Column();
    this.#keys = new Column();
    return this.#sketch;
  }
}

export type SeriesState =
  | { readonly values: Float64Array; readonly keys: Float64Array }
  | { readonly sketch: SeriesSketchState };
