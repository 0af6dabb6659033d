import type { ProviderConfig } from '../config/provider.ts';
import type { ServerAddress } from '../http/server.ts';
import { onInterrupt } from '../system.ts';
import { openRequestLog } from './request-log.ts';
import { startProvider } from './start-provider.ts';
import { startWorkers } from './start-workers.ts';

/** Running exchanges get this long after SIGTERM before their sockets are cut. */
const DRAIN_MS = 10_000;

export interface ServeOptions {
  readonly config: ProviderConfig;
  readonly address: ServerAddress;
  readonly workers: number;
  /** File of the request log. */
  readonly log: string | undefined;
  readonly ready: (url: string) => void;
  readonly draining: () => void;
}

interface Serving {
  readonly url: string;
  readonly failed: Promise<never>;
  close(graceMs: number): Promise<void>;
}

/** Serves until SIGTERM or SIGINT, then drains. */
export async function serveProvider(options: ServeOptions): Promise<void> {
  const serving = options.workers > 1 ? await startWorkers(options) : await serveHere(options);
  const interrupted = new Promise<void>((resolve) => {
    // Before the ready line: whoever waits for it may stop us at once.
    const release = onInterrupt(() => {
      release();
      resolve();
    });
    options.ready(serving.url);
  });
  await Promise.race([interrupted, serving.failed]);
  options.draining();
  await serving.close(DRAIN_MS);
}

async function serveHere({ config, address, log: file }: ServeOptions): Promise<Serving> {
  const log = file === undefined ? undefined : await openRequestLog(file);
  const provider = await startProvider({ config, address, log });
  return {
    url: provider.url,
    failed: new Promise<never>(() => {}),
    close: async (graceMs) => {
      await provider.close(graceMs);
      await log?.close();
    },
  };
}
