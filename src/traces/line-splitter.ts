/** A line longer than this cannot become a JavaScript string (V8: 2^29 - 24 characters). */
const LONGEST_LINE_BYTES = 500 * 1024 * 1024;

export type OnLine = (bytes: Buffer, start: number, end: number) => void;
/** A line that is too long was passed over. */
export type OnLongLine = () => void;

/**
 * Cuts chunks into lines without copying them: the callback gets the chunk and the byte range of
 * the line, without `\n` or `\r\n`. Only a line that spans chunks is put together in a new buffer.
 * A line longer than 500 MiB is told and passed over, without being held.
 */
export class LineSplitter {
  readonly #onLine: OnLine;
  readonly #onLongLine: OnLongLine;
  readonly #longest: number;
  #carry: Buffer[] = [];
  #carryBytes = 0;
  #isTooLong = false;

  /** @param longest bytes of a line; for tests */
  constructor(onLine: OnLine, onLongLine: OnLongLine, longest: number = LONGEST_LINE_BYTES) {
    this.#onLine = onLine;
    this.#onLongLine = onLongLine;
    this.#longest = longest;
  }

  push(chunk: Buffer): void {
    let start = 0;
    let end = chunk.indexOf(NEWLINE);
    if (end !== -1 && this.#carryBytes > 0) {
      this.#keep(chunk, 0, end);
      this.#flush();
      start = end + 1;
      end = chunk.indexOf(NEWLINE, start);
    }
    while (end !== -1) {
      this.#emit(chunk, start, end);
      start = end + 1;
      end = chunk.indexOf(NEWLINE, start);
    }
    if (start < chunk.length) this.#keep(chunk, start, chunk.length);
  }

  /** The last line, when the file does not end with a line end; says whether there was one. */
  end(): boolean {
    if (this.#carryBytes === 0) return false;
    this.#flush();
    return true;
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    this.#carryBytes += end - start;
    if (this.#carryBytes > this.#longest) {
      this.#isTooLong = true;
      this.#carry = [];
    }
    // A copy: the chunk's memory is the next chunk's, see readFrom.
    if (!this.#isTooLong) this.#carry.push(Buffer.from(chunk.subarray(start, end)));
  }

  #flush(): void {
    const parts = this.#carry;
    const isTooLong = this.#isTooLong;
    this.#carry = [];
    this.#carryBytes = 0;
    this.#isTooLong = false;
    if (isTooLong) {
      this.#onLongLine();
      return;
    }
    const line = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    this.#emit(line, 0, line.length);
  }

  #emit(bytes: Buffer, start: number, end: number): void {
    this.#onLine(bytes, start, end > start && bytes[end - 1] === RETURN ? end - 1 : end);
  }
}

const NEWLINE = 10;
const RETURN = 13;
