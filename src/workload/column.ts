const CHUNK_BITS = 16;
/** Values per chunk: 512 KiB of doubles, small enough that a short trace wastes little. */
const CHUNK = 2 ** CHUNK_BITS;

/**
 * A growing list of numbers without boxing and without copying on growth. Exact, in half the memory
 * as long as single precision holds every value exactly: counts of tokens below 2^24 and unknown
 * (NaN) values, which are most of what a profile keeps.
 */
export class Column {
  #chunks: Chunk[] = [];
  /** The chunk being filled; the first one grows, because most columns stay short. */
  #last: Chunk = NO_VALUES;
  #isNarrow = true;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    const offset = this.#length & (CHUNK - 1);
    if (offset === 0 || offset === this.#last.length) this.#makeRoom(offset);
    if (this.#isNarrow && !isSingle(value)) this.#widen();
    this.#last[offset] = value;
    this.#length += 1;
  }

  /** All at once, by copying memory. */
  append(values: Float64Array): void {
    if (this.#isNarrow && !values.every(isSingle)) this.#widen();
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
      this.#last = this.#chunk(CHUNK);
      this.#chunks.push(this.#last);
      return;
    }
    const longer = this.#chunk(Math.max(FIRST_VALUES, 2 * offset));
    longer.set(this.#last);
    this.#last = longer;
    this.#chunks[0] = longer;
  }

  #chunk(length: number): Chunk {
    return this.#isNarrow ? new Float32Array(length) : new Float64Array(length);
  }

  /** From now on in double precision. */
  #widen(): void {
    this.#isNarrow = false;
    this.#chunks = this.#chunks.map((chunk) => new Float64Array(chunk));
    this.#last = this.#chunks.at(-1) ?? NO_VALUES;
  }
}

type Chunk = Float32Array | Float64Array;

/** Whether single precision holds it exactly. */
function isSingle(value: number): boolean {
  return Math.fround(value) === value || Number.isNaN(value);
}

/** Values that a column has room for at first; a power of two, as is CHUNK. */
const FIRST_VALUES = 16;

const NO_VALUES: Chunk = new Float64Array(0);
