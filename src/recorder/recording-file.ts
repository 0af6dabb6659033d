import { closeSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

import { AgentInfraError, asError, unwritableFile } from '../errors.ts';

/** Readable and writable by the owner only: recordings say who worked when on what. */
const OWNER_ONLY = 0o600;

/**
 * A file of JSON lines that only grows. Every line reaches the operating system before `append`
 * returns, so that even SIGKILL loses no line; a crash of the machine may lose the last ones.
 */
export class RecordingFile {
  readonly path: string;
  readonly #file: number;
  #lines = 0;

  /** @throws AgentInfraError output.unwritable; an existing file is never touched */
  constructor(path: string) {
    this.path = path;
    try {
      mkdirSync(dirname(path), { recursive: true });
      this.#file = openSync(path, 'ax', OWNER_ONLY);
    } catch (thrown) {
      const hint = 'Recordings are never overwritten or continued; choose another --recording.';
      if ((asError(thrown) as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw unwritableFile(path, thrown, hint);
      }
      throw new AgentInfraError('output.unwritable', `${path} exists already`, { hint });
    }
  }

  get lines(): number {
    return this.#lines;
  }

  append(line: object): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
    this.#lines += 1;
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Closes the file and takes it away, for a recording that recorded nothing. */
  discard(): void {
    this.close();
    unlinkSync(this.path);
  }
}
