const CHUNK_BITS = 16;
/** Values per chunk: 512 KiB of doubles, small enough that a short trace wastes little. */
const CHUNK = 2 ** CHUNK_BITS;

/** A growing list of numbers without boxing and without copying on growth. */
export class Column {
  readonly #chunks: Float64Array[] = [];
  /** The chunk being filled; the first one grows, because most columns stay short. */
  #last = NO_VALUES;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    const offset = this.#length & (CHUNK - 1);
    if (offset === 0 || offset === this.#last.length) this.#makeRoom(offset);
    this.#last[offset] = value;
    this.#length += 1;
  }

  /** All at once, by copying memory. */
  append(values: Float64Array): void {
    for (let from = 0; from < values.length;) {
      const offset = this.#length & (CHUNK - 1);
      if (offset === 0 || offset === this.#last.length) this.#makeRoom(offset);
      const piece = values.subarray(from, from + this.#last.length - offset);
      this.#last.set(piece, offset);
      this.#length += piece.length;
      from += piece.length;
    }
  }

  at(index: number): number {
    return this.#chunks[index >>> CHUNK_BITS]![index & (CHUNK - 1)]!;
  }

  /** A copy of all values; NaN (unknown) included. */
  toArray(): Float64Array {
    const values = new Float64Array(this.#length);
    for (const [index, chunk] of this.#chunks.entries()) {
      const start = index * CHUNK;
      values.set(chunk.subarray(0, Math.min(CHUNK, this.#length - start)), start);
    }
    return values;
  }

  /** The known (not NaN) values in the given order. */
  ordered(order: Uint32Array): Float64Array {
    const values = new Float64Array(order.length);
    let count = 0;
    for (const index of order) {
      const value = this.at(index);
      if (!Number.isNaN(value)) values[count++] = value;
    }
    return values.subarray(0, count);
  }

  #makeRoom(offset: number): void {
    if (this.#length >= CHUNK) {
      this.#last = new Float64Array(CHUNK);
      this.#chunks.push(this.#last);
      return;
    }
    const longer = new Float64Array(Math.max(FIRST_VALUES, 2 * offset));
    longer.set(this.#last);
    this.#last = longer;
    this.#chunks[0] = longer;
  }
}

/** Values that a column has room for at first; a power of two, as is CHUNK. */
const FIRST_VALUES = 16;

const NO_VALUES = new Float64Array(0);
