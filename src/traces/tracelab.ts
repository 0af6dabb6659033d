import type { LlmCall } from '../core/trace.ts';
import { AgentSession } from './agent-session.ts';
import { amountOf, isObject, listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { isoMs } from './timestamp.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';
import { exclusiveUsage, inclusiveUsage } from './usage.ts';

/**
 * TraceLab's normalised rows (uw-syfi): one per model call, Claude Code and Codex.
 * input_tokens_total includes everything. A call runs from its last input event to its last output
 * event; tools have wall latency and, for some, the tool's own. Rows of a session come in order.
 */
export const tracelab: JsonReader = {
  kind: 'json',
  title: 'TraceLab rounds',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      'with round_id, session_id and input_tokens_total',
      (record) => isObject(record) && isRound(record),
    ),
  open: (tally: Tally) => new TracelabFold(tally),
};

class TracelabFold implements JsonFold {
  readonly #tally: Tally;
  readonly #sessions = new Map<string, AgentSession>();
  readonly #rounds = new Set<string>();

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  value(value: unknown, place: Place): void {
    this.#tally.read();
    if (!isObject(value) || !isRound(value)) {
      this.#tally.skip('record is not a round', place);
      return;
    }
    const times = timesOf(value);
    const id = textOf(value['session_id'])!;
    const round = `${id} ${textOf(value['round_id'])!}`;
    if (times === undefined) this.#tally.skip('round has no timing events', place);
    else if (this.#rounds.has(round)) this.#tally.duplicate('round was already counted');
    else {
      this.#rounds.add(round);
      this.#tally.used();
      this.#round(id, value, times);
    }
  }

  end(): void {
    for (const session of this.#sessions.values()) {
      const built = session.build();
      if (built !== undefined) this.#tally.session(built);
    }
  }

  #round(id: string, row: JsonObject, { startMs, endMs, userMs }: Times): void {
    const provider = textOf(row['provider']);
    let session = this.#sessions.get(id);
    if (session === undefined) {
      this.#tally.claim('session', id);
      session = new AgentSession(id, { agent: provider === 'claude' ? 'claude-code' : provider });
      this.#sessions.set(id, session);
    }
    if (userMs !== undefined) session.startTurn(userMs);
    session.main.call({
      startMs,
      endMs,
      model: textOf(row['model']),
      provider: provider === 'claude' ? 'anthropic' : 'openai',
      operation: 'chat',
      tokens: tokensOf(row),
      tokensBasis: 'reported',
      attempts: [{ startMs, endMs }],
    });
    for (const tool of listOf(row['tools']).filter(isObject)) {
      const emittedMs = isoMs(textOf(tool['emitted_at']) ?? '');
      if (emittedMs === undefined) continue;
      session.main.finishedTool({
        startMs: emittedMs,
        endMs: isoMs(textOf(tool['result_at']) ?? ''),
        name: textOf(tool['tool_name']) ?? 'tool',
        durationMs: amountOf(tool['tool_internal_latency_ms']),
        error: tool['is_error'] === true ? true : undefined,
      });
    }
  }
}

interface Times {
  readonly startMs: number;
  readonly endMs: number;
  /** The user message that began a turn. */
  readonly userMs: number | undefined;
}

function timesOf(row: JsonObject): Times | undefined {
  let startMs: number | undefined;
  let endMs: number | undefined;
  let userMs: number | undefined;
  for (const event of listOf(row['timing_events'])) {
    const { event_type: type, timestamp } = objectOf(event);
    const atMs = isoMs(textOf(timestamp) ?? '');
    if (atMs === undefined) continue;
    if (type === 'user_message' || type === 'tool_result') {
      startMs = Math.max(startMs ?? atMs, atMs);
      if (type === 'user_message') userMs = atMs;
    } else if (type !== 'usage_report') endMs = Math.max(endMs ?? atMs, atMs);
  }
  const first = startMs ?? endMs;
  if (first === undefined) return undefined;
  return { startMs: first, endMs: Math.max(endMs ?? first, first), userMs };
}

function tokensOf(row: JsonObject): LlmCall['tokens'] {
  const output = amountOf(row['output_tokens']);
  const reasoning = amountOf(row['reasoning_output_tokens']);
  const cacheRead = amountOf(row['claude_cache_read_input_tokens'] ?? row['prefix_tokens']);
  const uncached = amountOf(row['claude_uncached_input_tokens']);
  if (uncached === undefined || row['provider'] !== 'claude') {
    return inclusiveUsage({
      input: amountOf(row['input_tokens_total']),
      cacheRead,
      output,
      reasoning,
    });
  }
  const cacheWrite5m = amountOf(row['claude_cache_creation_input_tokens']);
  return exclusiveUsage({ input: uncached, cacheRead, cacheWrite5m, output, reasoning });
}

function isRound(record: JsonObject): boolean {
  return (
    textOf(record['round_id']) !== undefined &&
    textOf(record['session_id']) !== undefined &&
    amountOf(record['input_tokens_total']) !== undefined
  );
}
