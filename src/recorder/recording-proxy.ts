import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Clock } from '../core/clock.ts';
import { LatencyHistogram } from '../core/histogram.ts';
import { HttpClient } from '../http/client.ts';
import { BodyTooLargeError, readBody, sendJson, startServer } from '../http/server.ts';
import type { ServerAddress } from '../http/server.ts';
import { nowIso, realClock, wallNowMs } from '../system.ts';
import type { RecordingHeader } from '../traces/recording-format.ts';
import { CallRecorder } from './call-recorder.ts';
import { KeyedHash } from './keyed-hash.ts';
import { OtlpReceiver, isOtlpPath } from './otlp-receiver.ts';
import type { TelemetryCounts } from './otlp-receiver.ts';
import { proxyExchange } from './proxied-exchange.ts';
import { recordTarget, upstreamPath } from './record-target.ts';
import type { RecorderUpstreams } from './record-target.ts';
import { RecordingFile } from './recording-file.ts';
import { BLOCK_CHARACTERS, BLOCK_TOKENS } from './request-digest.ts';

/** Uploads of files pass through memory. */
const BODY_LIMIT_BYTES = 512 * 1024 * 1024;

export interface RecordingProxyOptions {
  readonly listen: ServerAddress;
  readonly upstreams: RecorderUpstreams;
  /** The recording; spans go beside it, to the same name with `.otlp.jsonl`. */
  readonly recording: string;
  /** Version for the header, for example `agent-infra 0.1.0`. */
  readonly tool: string;
  readonly content?: boolean | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: ((line: string) => void) | undefined;
}

export interface RunningRecorder {
  readonly url: string;
  readonly port: number;
  /** Calls written so far. */
  readonly calls: number;
  /** The file of received spans; undefined as long as there were none. */
  readonly spansFile: string | undefined;
  /** Telemetry received so far, in records. */
  readonly telemetry: TelemetryCounts;
  /** What the proxy added to calls that were answered, by itself (recording-format.ts). */
  readonly added: AddedTimes;
  /**
   * Waits for running calls for up to `graceMs`, records the rest as cut, closes the files. A
   * recording without a call is removed.
   */
  close(graceMs?: number): Promise<void>;
}

/** In ms, over all answered calls. */
interface AddedTimes {
  readonly firstByte: LatencyHistogram;
  readonly total: LatencyHistogram;
}

/** Starts the recording proxy: model calls and OTLP spans on one port. */
export async function startRecordingProxy(
  options: RecordingProxyOptions,
): Promise<RunningRecorder> {
  const file = new RecordingFile(options.recording);
  const header: RecordingHeader = {
    kind: 'agent-infra-recording',
    schemaVersion: '1.0',
    tool: options.tool,
    startedAt: nowIso(),
    blockCharacters: BLOCK_CHARACTERS,
    blockTokens: BLOCK_TOKENS,
  };
  file.append(header);
  const proxy = new RecordingProxy(options, file);
  const server = await startServer(options.listen, (request, response) => {
    proxy.handle(request, response).catch((thrown: unknown) => {
      options.log?.(`recorder: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
      response.destroy();
    });
  });
  return {
    url: server.url,
    port: server.port,
    get calls() {
      return file.lines - 1;
    },
    get spansFile() {
      return proxy.spansFile;
    },
    get telemetry() {
      return proxy.telemetry;
    },
    added: proxy.added,
    async close(graceMs = 0) {
      await server.close(graceMs);
      await proxy.close();
      if (file.lines === 1) file.discard();
      else file.close();
    },
  };
}

class RecordingProxy {
  readonly added: AddedTimes = { firstByte: new LatencyHistogram(), total: new LatencyHistogram() };
  readonly #options: RecordingProxyOptions;
  readonly #file: RecordingFile;
  readonly #clock: Clock;
  readonly #hash = new KeyedHash();
  readonly #upstreams: Record<keyof RecorderUpstreams, { base: URL; client: HttpClient }>;
  readonly #running = new Set<Promise<void>>();
  readonly #otlp: OtlpReceiver;
  #spans: RecordingFile | undefined;

  constructor(options: RecordingProxyOptions, file: RecordingFile) {
    this.#options = options;
    this.#file = file;
    this.#clock = options.clock ?? realClock;
    const open = (url: string): { base: URL; client: HttpClient } => {
      const base = new URL(url);
      return { base, client: new HttpClient(base.origin, this.#clock) };
    };
    this.#upstreams = {
      openai: open(options.upstreams.openai),
      anthropic: open(options.upstreams.anthropic),
    };
    this.#otlp = new OtlpReceiver({
      file: () => this.#spansFile(),
      hash: this.#hash,
      content: options.content === true,
    });
  }

  get telemetry(): TelemetryCounts {
    return this.#otlp.counts;
  }

  get spansFile(): string | undefined {
    return this.#spans?.path;
  }

  handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const work =
      request.method === 'POST' && isOtlpPath(request.url)
        ? this.#otlp.receive(request, response)
        : this.#proxy(request, response);
    this.#running.add(work);
    const forget = (): void => void this.#running.delete(work);
    work.then(forget, forget);
    return work;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#running);
    const { anthropic, openai } = this.#upstreams;
    await Promise.all([openai.client.destroy(), anthropic.client.destroy()]);
    this.#spans?.close();
  }

  async #proxy(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const arrivedMs = this.#clock.now();
    const url = request.url ?? '';
    if (!url.startsWith('/') || url.startsWith('//')) {
      sendJson(response, 400, { error: { message: 'the request target is not a path' } });
      return;
    }
    const body = await readBody(request, BODY_LIMIT_BYTES).catch((thrown: unknown) => {
      if (!(thrown instanceof BodyTooLargeError)) throw thrown;
      sendJson(response, 413, { error: { message: thrown.message } });
      return undefined;
    });
    if (body === undefined) return;
    const { headers, method = '' } = request;
    const { dialect, endpoint, upstream } = recordTarget(method, url, headers);
    const { base, client } = this.#upstreams[upstream];
    const facts = { endpoint, dialect, headers, body, arrivedMs, atMs: wallNowMs() };
    const recorder =
      endpoint === undefined
        ? undefined
        : new CallRecorder(
            { ...facts, endpoint },
            { clock: this.#clock, hash: this.#hash, content: this.#options.content === true },
          );
    const path = upstreamPath(upstream, base, url);
    const ending = await proxyExchange(client, { request, response, body, path }, recorder);
    if (ending === 'no-answer') this.#options.log?.(`recorder: ${upstream} cannot be reached`);
    if (recorder === undefined) return;
    // The reply's last bytes go out first; hashing a long prompt takes a millisecond.
    await new Promise((resolve) => setImmediate(resolve));
    const call = recorder.finish(ending);
    this.#file.append(call);
    if (call.added === undefined) return;
    const { firstByteMs, totalMs } = call.added;
    if (firstByteMs !== undefined) this.added.firstByte.record(firstByteMs);
    this.added.total.record(totalMs);
  }

  #spansFile(): RecordingFile {
    this.#spans ??= new RecordingFile(
      this.#options.recording.replace(/(\.jsonl)?$/, '.otlp.jsonl'),
    );
    return this.#spans;
  }
}
