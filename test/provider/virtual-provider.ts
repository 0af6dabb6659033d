import { providerConfigSchema } from '../../src/config/provider.ts';
import type { ProviderConfig, ProviderConfigInput } from '../../src/config/provider.ts';
import { VirtualClock } from '../../src/core/clock.ts';
import type { Dialect, ModelRequest } from '../../src/http/dialect.ts';
import { dialects } from '../../src/http/dialects.ts';
import { createStreamReader, readReply } from '../../src/http/read-stream.ts';
import type { ReplyState } from '../../src/http/read-stream.ts';
import { SseParser } from '../../src/http/sse.ts';
import { constantEngine } from '../../src/provider/engine-profile.ts';
import type { EngineProfile } from '../../src/provider/engine-profile.ts';
import type { Exchange } from '../../src/provider/exchange.ts';
import { LocalLimitGate } from '../../src/provider/limit-gate.ts';
import type { RecordedCall } from '../../src/provider/recorded-times.ts';
import type { ReplySink } from '../../src/provider/reply-sink.ts';
import type { Outcome, RequestRecord } from '../../src/provider/request-log.ts';
import { Simulator } from '../../src/provider/simulator.ts';

/** 2026-01-01T00:00:00Z: the wall time at virtual 0. */
const EPOCH_MS = 1_767_225_600_000;

/** A configuration with one model, changed by the test. */
export function config(
  model: Partial<ProviderConfigInput['models'][number]> = {},
  rest: Partial<ProviderConfigInput> = {},
): ProviderConfig {
  return providerConfigSchema.parse({
    apiVersion: 'agent-infra/v1',
    kind: 'ProviderConfig',
    models: [{ id: 'm', timing: { kind: 'fixed', ttft: '100ms', itl: '10ms' }, ...model }],
    ...rest,
  });
}

/** What a caller of the virtual provider sees. */
class Reply implements ReplySink {
  status: number | undefined;
  headers: Readonly<Record<string, string>> = {};
  text = '';
  /** Virtual times of head and writes. */
  headAtMs: number | undefined;
  readonly writes: { readonly atMs: number; readonly text: string }[] = [];
  endedAtMs: number | undefined;
  resetAtMs: number | undefined;
  /** Calls after the end: none may happen. */
  late = 0;
  /** Heads sent: one at most. */
  heads = 0;
  readonly #now: () => number;
  readonly #listeners: (() => void)[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  get isOver(): boolean {
    return this.endedAtMs !== undefined || this.resetAtMs !== undefined;
  }

  head(status: number, headers: Readonly<Record<string, string>>): void {
    if (this.isOver) this.late += 1;
    this.heads += 1;
    this.status = status;
    this.headers = headers;
    this.headAtMs = this.#now();
  }

  write(text: string): void {
    if (this.isOver) this.late += 1;
    this.text += text;
    this.writes.push({ atMs: this.#now(), text });
  }

  end(text = ''): void {
    if (this.isOver) this.late += 1;
    this.text += text;
    this.endedAtMs = this.#now();
  }

  reset(): void {
    if (this.isOver) this.late += 1;
    this.resetAtMs = this.#now();
  }

  onAbandoned(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** The client leaves. */
  abandon(): void {
    if (this.isOver) return;
    this.resetAtMs = this.#now();
    for (const listener of this.#listeners.toReversed()) listener();
  }

  json(): { readonly [key: string]: unknown } {
    return JSON.parse(this.text) as { readonly [key: string]: unknown };
  }

  /** The reply as our own reader understands it. */
  read(dialect: Dialect): ReplyState {
    if (this.headers['content-type']?.startsWith('text/event-stream') !== true) {
      return readReply(dialect, this.text, { keepText: true });
    }
    const reader = createStreamReader(dialect, { keepText: true });
    const parser = new SseParser();
    for (const event of parser.push(new TextEncoder().encode(this.text))) reader.push(event);
    for (const event of parser.end()) reader.push(event);
    return reader.state;
  }
}

function constantEngines({ models }: ProviderConfig): ReadonlyMap<string, EngineProfile> {
  return new Map(
    models.flatMap(({ id, timing }) =>
      timing.kind === 'batching' ? [[id, constantEngine(timing)] as const] : [],
    ),
  );
}

export interface Sent {
  readonly reply: Reply;
  readonly record: RequestRecord;
  /** Every closing of the record: exactly one is right. */
  readonly closings: Outcome[];
}

/** The simulator on a virtual clock, without sockets. */
export class VirtualProvider {
  readonly clock = new VirtualClock(() => new Promise((resolve) => void setImmediate(resolve)));
  readonly simulator: Simulator;
  #requests = 0;

  constructor(
    settings: ProviderConfig,
    engines = constantEngines(settings),
    recordings?: ReadonlyMap<string, readonly RecordedCall[]>,
  ) {
    const nowEpochMs = (): number => EPOCH_MS + this.clock.now();
    this.simulator = new Simulator({
      config: settings,
      engines,
      recordings,
      clock: this.clock,
      nowEpochMs,
      nowNs: () => Math.round(this.clock.now() * 1e6),
      limits: new LocalLimitGate(settings, this.clock, nowEpochMs),
    });
  }

  /** Sends one request now; time does not move. */
  send(
    body: Record<string, unknown>,
    {
      dialect = 'openai-chat',
      headers = {},
      key = 'k',
    }: { dialect?: Dialect; headers?: Record<string, string>; key?: string } = {},
  ): Sent {
    const read = dialects[dialect].readRequest({ model: 'm', ...body });
    if (!read.ok) throw new Error(`bad test request: ${read.error.message}`);
    return this.sendRead(read.request, { headers, key });
  }

  sendRead(
    request: ModelRequest,
    { headers = {}, key = 'k' }: { headers?: Record<string, string>; key?: string } = {},
  ): Sent {
    const reply = new Reply(() => this.clock.now());
    const acceptMs = this.clock.now();
    const acceptNs = Math.round(acceptMs * 1e6);
    this.#requests += 1;
    const record: RequestRecord = {
      id: `req_${this.#requests}`,
      path: dialects[request.dialect].path,
      acceptNs: String(acceptNs),
      chunkNs: [],
    };
    const closings: Outcome[] = [];
    // As the server does: whoever leaves early closes the record, if nobody else has.
    reply.onAbandoned(() => {
      if (closings.length === 0) closings.push('client-closed');
    });
    const exchange: Exchange = {
      api: request.dialect === 'anthropic-messages' ? 'anthropic' : 'openai',
      dialect: request.dialect,
      headers,
      sink: reply,
      record,
      acceptMs,
      end: (outcome) => void closings.push(outcome),
      isOver: () => closings.length > 0,
      sinceAcceptNs: () => Math.round((this.clock.now() - acceptMs) * 1e6),
    };
    const salt = key.length * 31 + (key.codePointAt(0) ?? 0);
    this.simulator.generate(exchange, { name: key, salt }, request);
    return { reply, record, closings };
  }

  /** Sends one request and lets it finish. */
  async ask(...args: Parameters<VirtualProvider['send']>): Promise<Sent> {
    const sent = this.send(...args);
    await this.clock.run();
    return sent;
  }
}
