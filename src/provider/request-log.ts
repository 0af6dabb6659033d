import { createWriteStream } from 'node:fs';
import type { WriteStream } from 'node:fs';

import { unwritableFile } from '../errors.ts';
import type { TokenRecord } from '../core/tokens.ts';

/** How a request ended, exactly one per request. */
export type Outcome =
  /** Answered as the real provider would: a whole reply. */
  | 'complete'
  /** Answered by an error of its own making: bad request, unknown model, limit. */
  | 'refused'
  /** Struck by a scripted fault. */
  | 'fault'
  /** The client closed the connection first. */
  | 'client-closed';

/**
 * The provider's own truth about one request. Times are CLOCK_MONOTONIC of this host in
 * nanoseconds: `acceptNs` absolute (as text, it exceeds a double), the others relative to it.
 * No prompt, no reply, no key.
 */
export interface RequestRecord {
  readonly id: string;
  /** `x-client-request-id` of the request, to join a client's own record. */
  readonly clientId?: string | undefined;
  readonly path: string;
  readonly acceptNs: string;
  key?: string | undefined;
  model?: string | undefined;
  stream?: boolean | undefined;
  status?: number | undefined;
  outcome?: Outcome | undefined;
  /** Name of the fault that struck. */
  fault?: string | undefined;
  /** The limit that refused. */
  limit?: string | undefined;
  /** `x-stainless-retry-count` above 0: the SDK's own retries. */
  retry?: number | undefined;
  tokens?: TokenRecord | undefined;
  bodyNs?: number | undefined;
  headersNs?: number | undefined;
  /** After each write of token frames. */
  chunkNs?: number[] | undefined;
  endNs?: number | undefined;
  bytes?: number | undefined;
}

/** Takes finished records. */
export interface RequestLog {
  write(record: RequestRecord): void;
  close(): Promise<void>;
}

/** Appends one JSON line per request to a file. */
export async function openRequestLog(file: string): Promise<RequestLog> {
  const stream = await open(file);
  stream.on('error', (error) => {
    process.stderr.write(`request log: ${error.message}\n`);
  });
  return {
    write: (record) => void stream.write(`${JSON.stringify(record)}\n`),
    close: () => new Promise((resolve) => void stream.end(() => resolve())),
  };
}

function open(file: string): Promise<WriteStream> {
  return new Promise((resolve, reject) => {
    const stream = createWriteStream(file, { flags: 'a' });
    stream.once('open', () => resolve(stream));
    stream.once('error', (thrown) => reject(unwritableFile(file, thrown)));
  });
}
