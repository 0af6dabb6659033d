/** One server-sent event; `event` is empty when the stream names none. */
export interface SseEvent {
  readonly event: string;
  readonly data: string;
  /** True when the stream ended without the blank line that closes an event. */
  readonly unterminated?: boolean;
}

/**
 * Incremental parser of server-sent events (WHATWG HTML, section 9.2): LF, CRLF or CR line ends,
 * `data:` with or without space, multi-line data, comments, byte order mark, and UTF-8 split
 * between reads. Feed bytes as they arrive; events come back complete.
 */
export class SseParser {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: false });
  #rest = '';
  #event = '';
  #data: string[] = [];
  #afterCr = false;

  push(bytes: Uint8Array): SseEvent[] {
    return this.#consume(this.#decoder.decode(bytes, { stream: true }));
  }

  /** What is left at the end of the stream: at most one unterminated event. */
  end(): SseEvent[] {
    const events = this.#consume(this.#decoder.decode());
    if (this.#rest !== '') this.#line(this.#rest, events);
    this.#rest = '';
    if (this.#data.length > 0) {
      events.push({ event: this.#event, data: this.#data.join('\n'), unterminated: true });
    }
    this.#event = '';
    this.#data = [];
    return events;
  }

  #consume(text: string): SseEvent[] {
    const events: SseEvent[] = [];
    let start = 0;
    // A CR at the end of one read and an LF at the start of the next are one line end.
    if (this.#afterCr && text.length > 0) {
      this.#afterCr = false;
      if (text.charCodeAt(0) === LF) start = 1;
    }
    let cr = text.indexOf('\r', start);
    for (let lf = text.indexOf('\n', start); lf !== -1 || cr !== -1;) {
      const end = cr === -1 || (lf !== -1 && lf < cr) ? lf : cr;
      this.#line(this.#rest + text.slice(start, end), events);
      this.#rest = '';
      start = end + 1;
      if (end === cr) {
        if (start === text.length) this.#afterCr = true;
        else if (lf === start) start += 1;
        cr = text.indexOf('\r', start);
      }
      if (lf < start && lf !== -1) lf = text.indexOf('\n', start);
    }
    this.#rest += text.slice(start);
    return events;
  }

  #line(line: string, events: SseEvent[]): void {
    if (line === '') {
      if (this.#data.length > 0) events.push({ event: this.#event, data: this.#data.join('\n') });
      this.#event = '';
      this.#data = [];
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon === -1 ? line : line.slice(0, colon);
    let value = colon === -1 ? '' : line.slice(colon + 1);
    if (value.charCodeAt(0) === SPACE) value = value.slice(1);
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
  }
}

const LF = 10;
const SPACE = 32;
