import { NO_TOKENS } from '../core/tokens.ts';
import type { Attempt, LlmCall } from '../core/trace.ts';
import { agentEvent, type AgentEvent } from './agent-log-event.ts';
import { AgentSession } from './agent-session.ts';
import { amountOf, isObject, listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { decodeAttributes, hexId } from './otlp-value.ts';
import { loggedCall } from './request-log.ts';
import type { KnownCalls } from './span-forest.ts';
import type { Place, Tally } from './tally.ts';
import { timeMs } from './timestamp.ts';

interface LogEvent {
  readonly event: AgentEvent;
  readonly atMs: number;
  /** Orders events of one millisecond, where the agent numbers them. */
  readonly sequence: number;
  readonly span: string | undefined;
}

/** Log records of OTLP: kept until all are read, then put in order and counted. */
export class LogEvents {
  readonly #tally: Tally;
  readonly #sessions = new Map<string, { agent: string | undefined; events: LogEvent[] }>();

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  resource(resource: JsonObject, place: Place): void {
    const service = decodeAttributes(objectOf(resource['resource'])['attributes'])['service.name'];
    const scopes = resource['scopeLogs'] ?? resource['instrumentationLibraryLogs'];
    for (const scope of listOf(scopes)) {
      for (const record of listOf(objectOf(scope)['logRecords']))
        this.#record(record, textOf(service), place);
    }
  }

  /** @param known calls that spans already count */
  end(known: KnownCalls): void {
    const counted = new Set<string>();
    for (const [id, { agent, events }] of this.#sessions) {
      const ordered = events.toSorted((a, b) => a.atMs - b.atMs || a.sequence - b.sequence);
      const build = new SessionOfEvents(this.#tally, new AgentSession(id, { agent }));
      for (const logged of ordered) {
        const why = duplicateOf(logged, id, known) ?? repeatOf(logged, counted);
        if (why === undefined) {
          this.#tally.used();
          build.add(logged, id !== NO_SESSION);
        } else this.#tally.duplicate(why);
      }
      build.emit();
    }
    this.#sessions.clear();
  }

  #record(record: unknown, service: string | undefined, place: Place): void {
    this.#tally.read();
    const attributes = isObject(record) ? decodeAttributes(record['attributes']) : {};
    const body = isObject(record) ? textOf(objectOf(record['body'])['stringValue']) : undefined;
    // Claude Code names the event in full in the body only.
    const names = [body, textOf(attributes['event.name']), textOf(objectOf(record)['eventName'])];
    const event = names
      .filter((name) => name !== undefined && name.length <= LONGEST_NAME)
      .map((name) => agentEvent(name!, attributes))
      .find((found) => found !== undefined);
    if (!isObject(record) || event === undefined) {
      this.#tally.skip('log record is no event of a known agent', place);
      return;
    }
    const atMs =
      timeMs(record['timeUnixNano'], 'ns') ??
      timeMs(attributes['event.timestamp']) ??
      timeMs(record['observedTimeUnixNano'], 'ns');
    if (atMs === undefined) {
      this.#tally.skip('log record has no time', place);
      return;
    }
    const id =
      textOf(attributes['session.id']) ?? textOf(attributes['conversation.id']) ?? NO_SESSION;
    const trace = hexId(record['traceId']);
    const span = trace === undefined ? undefined : `${trace} ${hexId(record['spanId']) ?? ''}`;
    const session = this.#sessions.get(id) ?? { agent: service, events: [] };
    this.#sessions.set(id, session);
    const sequence = amountOf(attributes['event.sequence']) ?? 0;
    session.events.push({ event, atMs, sequence, span });
  }
}

/** Why a call or tool of the log is not counted; undefined when no span has it. */
function duplicateOf({ event, span }: LogEvent, id: string, known: KnownCalls): string | undefined {
  if (event.kind === 'tool')
    return known.sessions.has(id) ? 'tool log of a session whose spans are given' : undefined;
  if (event.kind !== 'call') return undefined;
  const hasSpan =
    event.requestId === undefined
      ? known.sessions.has(id) || (span !== undefined && known.spans.has(span))
      : known.requests.has(event.requestId) || (span !== undefined && known.spans.has(span));
  return hasSpan ? 'request is also given as a span' : undefined;
}

/** Exporters send a batch again when its answer was lost. */
function repeatOf({ event }: LogEvent, counted: Set<string>): string | undefined {
  if (event.kind !== 'call' || event.requestId === undefined) return undefined;
  if (counted.has(event.requestId)) return 'request was logged more than once';
  counted.add(event.requestId);
  return undefined;
}

/** One session's events in order of time. */
class SessionOfEvents {
  readonly #tally: Tally;
  readonly #session: AgentSession;
  /** Tries of the next call, where they are logged on their own; all but the last one failed. */
  #tries: Attempt[] = [];

  constructor(tally: Tally, session: AgentSession) {
    this.#tally = tally;
    this.#session = session;
  }

  add({ event, atMs }: LogEvent, hasSession: boolean): void {
    switch (event.kind) {
      case 'prompt':
        this.#giveUp(hasSession);
        if (hasSession) this.#session.startTurn(atMs);
        return;
      case 'request':
        // The one before was answered, but nobody knows with what: it was broken off.
        if (this.#tries.at(-1)?.error === undefined) this.#tries = [];
        this.#tries.push({
          startMs: atMs - (event.durationMs ?? 0),
          endMs: event.error === undefined ? undefined : atMs,
          error: event.error,
        });
        return;
      case 'tool':
        if (!hasSession) return;
        this.#session.main.finishedTool({
          startMs: atMs - (event.durationMs ?? 0),
          endMs: event.durationMs === undefined ? undefined : atMs,
          name: event.name,
          durationMs: event.durationMs,
          error: event.error ? true : undefined,
        });
        return;
      case 'call':
        this.#call(event, atMs, hasSession);
        return;
      case 'note':
        return;
    }
  }

  emit(): void {
    this.#giveUp(this.#session.id !== NO_SESSION);
    const built = this.#session.build();
    if (built !== undefined && hasCall(built)) this.#tally.session(built);
  }

  /** Tries that all failed are a failed call. */
  #giveUp(hasSession: boolean): void {
    const last = this.#tries.at(-1);
    const failure = { kind: 'call', model: undefined, provider: undefined } as const;
    if (last?.error !== undefined && last.endMs !== undefined) {
      const { endMs, error } = last;
      this.#call(
        { ...failure, tokens: undefined, durationMs: undefined, error },
        endMs,
        hasSession,
      );
    }
    this.#tries = [];
  }

  #call(event: AgentEvent & { kind: 'call' }, atMs: number, hasSession: boolean): void {
    const [firstTry] = this.#tries;
    const waited = firstTry === undefined ? undefined : atMs - firstTry.startMs;
    const durationMs = event.durationMs ?? waited;
    const startMs = durationMs === undefined ? atMs : atMs - durationMs;
    const endMs = durationMs === undefined ? undefined : atMs;
    const { agent, costUsd, error, model, provider, status, tokens } = event;
    const details = costUsd === undefined ? undefined : { costUsd };
    const ttftMs =
      event.ttftMs !== undefined && event.ttftMs <= (durationMs ?? 0) ? event.ttftMs : undefined;
    if (!hasSession) {
      this.#tally.call(
        loggedCall({
          startMs,
          endMs,
          model,
          provider,
          tokens,
          ttftMs,
          status,
          error,
          agent,
          details,
        }),
      );
      return;
    }
    const last: Attempt = { startMs: this.#tries.at(-1)?.startMs ?? startMs, endMs, status, error };
    const fields: Omit<LlmCall, 'kind' | 'id' | 'after'> = {
      startMs,
      endMs,
      model,
      provider,
      operation: 'chat',
      tokens: tokens ?? NO_TOKENS,
      tokensBasis: tokens === undefined ? 'missing' : 'reported',
      ttftMs,
      attempts: [...this.#tries.slice(0, -1), ...retries(event.attempt, startMs), last],
      error,
      agent,
      details,
    };
    this.#tries = [];
    const { main } = this.#session;
    (agent === undefined ? main : this.#session.thread(agent)).call(fields);
  }
}

/** Earlier tries that are known by number only. */
function retries(attempt: number | undefined, startMs: number): readonly Attempt[] {
  const length = Math.min(Math.max((attempt ?? 1) - 1, 0), MOST_ATTEMPTS);
  return Array.from({ length }, () => ({ startMs, error: 'retried' }));
}

function hasCall({
  turns,
}: {
  readonly turns: readonly { readonly steps: readonly { readonly kind: string }[] }[];
}): boolean {
  return turns.some(({ steps }) => steps.some(({ kind }) => kind === 'llm'));
}

/** Calls of a log that names no session. */
const NO_SESSION = '';
/** Longer bodies are messages, not names. */
const LONGEST_NAME = 100;
const MOST_ATTEMPTS = 100;
