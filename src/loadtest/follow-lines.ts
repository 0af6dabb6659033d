import { closeSync, existsSync, openSync, readSync } from 'node:fs';

/** Bytes taken per read. */
const CHUNK_BYTES = 256 * 1024;

export interface LineFollower {
  /** Hands over the whole lines that have been added since the last call. */
  read(): void;
  /** Reads what is left, an unfinished last line included; later calls do nothing. */
  close(): void;
}

/** Follows a file that another program appends to; it need not exist yet. */
export function followLines(file: string, onLine: (line: string) => void): LineFollower {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  const decoder = new TextDecoder();
  let handle: number | undefined;
  let rest = '';
  let isClosed = false;
  const read = (): void => {
    if (isClosed) return;
    if (handle === undefined && existsSync(file)) handle = openSync(file, 'r');
    if (handle === undefined) return;
    for (;;) {
      const size = readSync(handle, buffer, 0, CHUNK_BYTES, null);
      if (size === 0) return;
      const lines = (rest + decoder.decode(buffer.subarray(0, size), { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    }
  };
  return {
    read,
    close: () => {
      if (isClosed) return;
      read();
      isClosed = true;
      if (rest !== '') onLine(rest);
      rest = '';
      if (handle !== undefined) closeSync(handle);
    },
  };
}
