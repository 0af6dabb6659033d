/** A longer unfinished frame is passed on as it is (cli-and-artefacts 13: SSE event 1 MiB). */
const LONGEST_HELD_BYTES = 1024 * 1024;

const LF = 10;
const CR = 13;

/**
 * Passes a byte stream of server-sent events on in whole frames: bytes after the last blank line
 * wait for their rest. So an error frame of ours always starts on a frame boundary, and half a
 * frame of a broken stream never reaches a JSON parser. Bytes are not copied while chunks end on
 * frame boundaries, which nearly all do.
 */
export class FrameHold {
  #held: Buffer[] = [];
  #heldBytes = 0;

  /** The bytes that may go out now; empty when the chunk completes no frame. */
  push(chunk: Buffer): Buffer {
    const end = this.#endOfLastFrame(chunk);
    if (end === 0 && this.#heldBytes + chunk.length <= LONGEST_HELD_BYTES) {
      this.#hold(chunk);
      return EMPTY;
    }
    const cut = end === 0 ? chunk.length : end;
    const ready = chunk.subarray(0, cut);
    const whole = this.#held.length === 0 ? ready : Buffer.concat([...this.#held, ready]);
    this.#held = [];
    this.#heldBytes = 0;
    if (cut < chunk.length) this.#hold(chunk.subarray(cut));
    return whole;
  }

  /** What is held at the end of the stream: an unfinished frame, or nothing. */
  rest(): Buffer {
    return Buffer.concat(this.#held);
  }

  #hold(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
  }

  /** Index after the last blank line, looking at most three held bytes back; 0 when there is none. */
  #endOfLastFrame(chunk: Buffer): number {
    const tail = this.#tail();
    const at = (index: number): number | undefined =>
      index >= 0 ? chunk[index] : tail[tail.length + index];
    for (let end = chunk.length; end > 0; end -= 1) {
      const last = at(end - 1);
      if (last !== LF && last !== CR) continue;
      const before = at(end - 2);
      // LF LF, CR CR, and CR LF CR LF; LF CR LF appears only inside mixed ends, which is a blank line too.
      if (before === last) return end;
      if (last === LF && before === CR && (at(end - 3) === LF || at(end - 3) === CR)) return end;
    }
    return 0;
  }

  #tail(): Buffer {
    const last = this.#held.at(-1);
    if (last === undefined) return EMPTY;
    if (last.length >= 3 || this.#held.length === 1) return last;
    return Buffer.concat(this.#held.slice(-3));
  }
}

const EMPTY = Buffer.alloc(0);
