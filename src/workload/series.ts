import { Column } from './column.ts';
import { summarise } from './summary.ts';
import type { Summary } from './summary.ts';
import { SeriesSketch } from './value-sketch.ts';

/** Values kept exactly per series (8 MiB); longer series continue as a sketch. */
const EXACT_VALUES = 2 ** 20;

/** One figure measured many times: exact while it is short, a sketch with stated error beyond. */
export class Series {
  #column: Column | undefined = new Column();
  #sketch: SeriesSketch | undefined;
  readonly #limit: number;

  constructor(limit: number = EXACT_VALUES) {
    this.#limit = limit;
  }

  /** NaN and undefined mean unknown and are left out. */
  add(value: number | undefined): void {
    if (value === undefined || !Number.isFinite(value)) return;
    if (this.#column !== undefined && this.#column.length < this.#limit) {
      this.#column.push(value);
      return;
    }
    this.#toSketch().add(value);
  }

  /** In the order of adding; null without values. */
  summary(): Summary | null {
    return this.#column === undefined ? this.#sketch!.summary() : summarise(this.#column.toArray());
  }

  #toSketch(): SeriesSketch {
    if (this.#sketch !== undefined) return this.#sketch;
    this.#sketch = new SeriesSketch();
    for (const value of this.#column!.toArray()) this.#sketch.add(value);
    this.#column = undefined;
    return this.#sketch;
  }
}
