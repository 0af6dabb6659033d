/** Bytes read ahead of: a stream whose beginning can be looked at before it is consumed. */
export class ByteStream implements AsyncIterable<Buffer> {
  readonly #source: AsyncIterator<Buffer>;
  #ahead: Buffer[] = [];
  #aheadBytes = 0;
  #ended = false;

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /**
   * Up to `count` bytes from the current position, without consuming them; fewer only at the end.
   * Valid until more is asked for.
   */
  async peek(count: number): Promise<Buffer> {
    while (this.#aheadBytes < count && !this.#ended) {
      // A chunk may be overwritten as soon as the next one is asked for.
      this.#ahead = this.#ahead.map((chunk) => Buffer.from(chunk));
      await this.#pull();
    }
    if (this.#ahead.length > 1) this.#ahead = [Buffer.concat(this.#ahead)];
    return (this.#ahead[0] ?? EMPTY).subarray(0, count);
  }

  /** Exactly `count` bytes, or fewer at the end; valid until more is asked for. */
  async read(count: number): Promise<Buffer> {
    const bytes = await this.peek(count);
    this.#drop(bytes.length);
    return bytes;
  }

  /** The next `count` bytes in pieces, each valid until the next is asked for. */
  async *take(count: number): AsyncGenerator<Buffer> {
    let left = count;
    while (left > 0) {
      while (this.#aheadBytes === 0) if (!(await this.#pull())) return;
      const piece = this.#ahead[0]!.subarray(0, left);
      this.#drop(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      yield* this.take(Number.POSITIVE_INFINITY);
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    this.#ended = true;
    await this.#source.return?.();
  }

  async #pull(): Promise<boolean> {
    if (this.#ended) return false;
    const next = await this.#source.next();
    if (next.done === true) {
      this.#ended = true;
      return false;
    }
    if (next.value.length > 0) {
      this.#ahead.push(next.value);
      this.#aheadBytes += next.value.length;
    }
    return true;
  }

  #drop(count: number): void {
    this.#aheadBytes -= count;
    let left = count;
    while (left > 0) {
      const first = this.#ahead[0]!;
      if (first.length > left) {
        this.#ahead[0] = first.subarray(left);
        return;
      }
      left -= first.length;
      this.#ahead.shift();
    }
  }
}

const EMPTY = Buffer.alloc(0);
