import { formatBytes, formatCount } from '../core/units.ts';
import { isInteractive } from '../system.ts';

export interface ReadState {
  readonly file: string;
  readonly bytesRead: number;
  /** 0 when unknown (stdin). */
  readonly bytesTotal: number;
  readonly records: number;
}

/** Redraws on a terminal, milliseconds; and the interval of lines elsewhere (CI logs). */
const REDRAW_MS = 100;
const LINE_MS = 10_000;
/** A read shorter than this shows nothing. */
const QUIET_MS = 500;

/** Progress of a long read on stderr: one line that redraws on a terminal, a line per 10 s elsewhere. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #now: () => number;
  readonly #isTerminal: boolean;
  readonly #startMs: number;
  #lastMs: number;
  #isDrawn = false;

  constructor(stream: NodeJS.WriteStream, now: () => number) {
    this.#stream = stream;
    this.#now = now;
    this.#isTerminal = isInteractive(stream);
    this.#startMs = now();
    this.#lastMs = this.#isTerminal ? this.#startMs + QUIET_MS - REDRAW_MS : this.#startMs;
  }

  update(state: ReadState): void {
    const now = this.#now();
    if (now - this.#lastMs < (this.#isTerminal ? REDRAW_MS : LINE_MS)) return;
    this.#lastMs = now;
    const text = progressText(state, now - this.#startMs);
    this.#stream.write(this.#isTerminal ? `\r\u001B[K${text}` : `${text}\n`);
    this.#isDrawn = this.#isTerminal;
  }

  /** Takes the line off the terminal again. */
  clear(): void {
    if (this.#isDrawn) this.#stream.write('\r\u001B[K');
    this.#isDrawn = false;
  }
}

/** `reading trace.jsonl: 45 % of 1.2 GB, 34.0 MB/s, 120.3k records`. */
function progressText(state: ReadState, elapsedMs: number): string {
  const { file, bytesRead, bytesTotal, records } = state;
  // Compressed inputs grow while they are read; beyond the size on disk a share would mislead.
  const share =
    bytesTotal > 0 && bytesRead <= bytesTotal
      ? `${Math.floor((bytesRead / bytesTotal) * 100)} % of ${formatBytes(bytesTotal)}`
      : formatBytes(bytesRead);
  const rate = elapsedMs > 0 ? `, ${formatBytes(bytesRead / (elapsedMs / 1000))}/s` : '';
  return `reading ${file.split('/').at(-1)}: ${share}${rate}, ${formatCount(records)} records`;
}
