import { AgentInfraError } from '../errors.ts';

/** A line longer than this cannot become a JavaScript string (V8: 2^29 - 24 characters). */
const LONGEST_LINE_BYTES = 500 * 1024 * 1024;

export type OnLine = (bytes: Buffer, start: number, end: number) => void;

/**
 * Cuts chunks into lines without copying them: the callback gets the chunk and the byte range of
 * the line, without `\n` or `\r\n`. Only a line that spans chunks is put together in a new buffer.
 */
export class LineSplitter {
  readonly #onLine: OnLine;
  #carry: Buffer[] = [];
  #carryBytes = 0;

  constructor(onLine: OnLine) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let start = 0;
    let end = chunk.indexOf(NEWLINE);
    if (end !== -1 && this.#carryBytes > 0) {
      this.#carry.push(chunk.subarray(0, end));
      this.#flush();
      start = end + 1;
      end = chunk.indexOf(NEWLINE, start);
    }
    while (end !== -1) {
      this.#emit(chunk, start, end);
      start = end + 1;
      end = chunk.indexOf(NEWLINE, start);
    }
    if (start < chunk.length) {
      // A copy: the chunk's memory is the next chunk's, see readFrom.
      this.#carry.push(Buffer.from(chunk.subarray(start)));
      this.#carryBytes += chunk.length - start;
      if (this.#carryBytes > LONGEST_LINE_BYTES) {
        throw new AgentInfraError('trace.unreadable', 'a line is longer than 500 MiB', {
          hint: 'The file is not JSON lines, or one record is too large to read.',
        });
      }
    }
  }

  /** The last line, when the file does not end with a line end; says whether there was one. */
  end(): boolean {
    if (this.#carryBytes === 0) return false;
    this.#flush();
    return true;
  }

  #flush(): void {
    const line = this.#carry.length === 1 ? this.#carry[0]! : Buffer.concat(this.#carry);
    this.#carry = [];
    this.#carryBytes = 0;
    this.#emit(line, 0, line.length);
  }

  #emit(bytes: Buffer, start: number, end: number): void {
    this.#onLine(bytes, start, end > start && bytes[end - 1] === RETURN ? end - 1 : end);
  }
}

const NEWLINE = 10;
const RETURN = 13;
