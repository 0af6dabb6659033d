import { NO_TOKENS } from '../core/tokens.ts';
import type { LlmCall, ToolCall } from '../core/trace.ts';
import { AgentSession, type StepDraft, type Thread } from './agent-session.ts';
import { argumentsHash } from './argument-hash.ts';
import { askPrint, SessionAsks } from './ask-print.ts';
import { amountOf, isObject, objectOf, textOf, type JsonObject } from './json-value.ts';
import { isoMs } from './timestamp.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';
import { inclusiveUsage } from './usage.ts';

/**
 * Codex rollouts (`~/.codex/sessions/YYYY/MM/DD/rollout-*.jsonl`), one session per file.
 *
 * Usage: `token_count` events; input includes cached, output includes reasoning. last_token_usage
 * counts, else the difference of the totals; equal totals repeat an event. A sub-agent's file
 * replays its parent's history: token counts that share the first one's second are left out.
 *
 * Time: a call starts with the last input (user message, tool output) and ends with its last
 * output item. A tool runs from its call to its output; durationMs is the "Wall time" it reports.
 */
export const codexRollout: JsonReader = {
  kind: 'json',
  title: 'Codex rollout',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      'of a rollout (type session_meta, turn_context, response_item or event_msg, with payload)',
      (record) => isObject(record) && isLine(record),
    ),
  open: (tally: Tally) => new CodexFold(tally),
};

class CodexFold implements JsonFold {
  readonly #tally: Tally;
  readonly #sessions = new Map<string, AgentSession>();
  #rollout: Rollout | undefined;
  #file = '';

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  file(name: string): void {
    this.#rollout?.endOfFile();
    this.#rollout = undefined;
    this.#file = name;
  }

  value(value: unknown, place: Place): void {
    this.#tally.read();
    const atMs = isObject(value) ? isoMs(textOf(value['timestamp']) ?? '') : undefined;
    if (!isObject(value) || !isLine(value)) this.#tally.skip('line is of an unknown kind', place);
    else if (atMs === undefined) this.#tally.skip('line has no timestamp', place);
    else
      this.#open(value).line({
        type: value['type'] as string,
        payload: objectOf(value['payload']),
        atMs,
      });
  }

  end(): void {
    this.#rollout?.endOfFile();
    for (const session of this.#sessions.values()) {
      const built = session.build();
      if (built !== undefined) this.#tally.session(built);
    }
  }

  #open(line: JsonObject): Rollout {
    if (this.#rollout !== undefined) return this.#rollout;
    const meta = line['type'] === 'session_meta' ? objectOf(line['payload']) : {};
    const id = textOf(meta['id']) ?? this.#file;
    const spawn = objectOf(objectOf(objectOf(meta['source'])['subagent'])['thread_spawn']);
    const parentId = textOf(spawn['parent_thread_id']);
    for (const name of [id, parentId]) if (name !== undefined) this.#tally.claim('session', name);
    const parent = this.#sessions.get(parentId ?? '');
    const session = parent ?? this.#sessions.get(id) ?? new AgentSession(id, { agent: 'codex' });
    if (parent === undefined) this.#sessions.set(id, session);
    const isSubAgent = isObject(objectOf(meta['source'])['subagent']);
    this.#rollout = new Rollout(this.#tally, {
      session,
      thread: parent === undefined ? session.main : session.thread(id),
      isSubAgent,
      ownsTurns: parent === undefined,
      provider: textOf(meta['model_provider']),
    });
    return this.#rollout;
  }
}

interface Line {
  readonly type: string;
  readonly payload: JsonObject;
  readonly atMs: number;
}

interface RolloutFacts {
  readonly session: AgentSession;
  readonly thread: Thread;
  readonly isSubAgent: boolean;
  readonly ownsTurns: boolean;
  readonly provider: string | undefined;
}

/** One file while it is read. */
class Rollout {
  readonly #tally: Tally;
  readonly #facts: RolloutFacts;
  readonly #tools = new Map<string, StepDraft<ToolCall>>();
  /** Lines of a sub-agent held back until it is known whether they are replayed history. */
  #held: Line[] | undefined;
  #call: StepDraft<LlmCall> | undefined;
  #model: string | undefined;
  #lastInputMs: number | undefined;
  readonly #asks: SessionAsks;
  #totals = '';
  #total: JsonObject | undefined;

  constructor(tally: Tally, facts: RolloutFacts) {
    this.#tally = tally;
    this.#facts = facts;
    this.#asks = new SessionAsks(facts.session.id);
    if (facts.isSubAgent) this.#held = [];
  }

  line(line: Line): void {
    if (this.#held === undefined) {
      this.#apply(line);
      return;
    }
    this.#held.push(line);
    const counts = this.#held.filter(isTokenCount);
    const second = (at: Line | undefined): number => Math.floor((at?.atMs ?? 0) / 1000);
    // The first token count of another second ends the replay, if there was one.
    if (counts.length > 1 && second(counts.at(-1)) !== second(counts[0]))
      this.#release(counts.length - 1);
  }

  endOfFile(): void {
    if (this.#held !== undefined) this.#release(this.#held.filter(isTokenCount).length);
  }

  /** @param sameSecond how many token counts share the first one's second */
  #release(sameSecond: number): void {
    const held = this.#held!;
    this.#held = undefined;
    const lastReplayed = sameSecond > 1 ? held.filter(isTokenCount)[sameSecond - 1] : undefined;
    const end = lastReplayed === undefined ? 0 : held.indexOf(lastReplayed) + 1;
    for (const [index, line] of held.entries()) {
      if (index >= end) this.#apply(line);
      else if (isTokenCount(line))
        this.#tally.duplicate("sub-agent replays its parent's token counts");
      else this.#tally.used();
    }
  }

  #apply({ type, payload, atMs }: Line): void {
    const kind = textOf(payload['type']);
    if (type === 'event_msg' && kind === 'token_count') {
      this.#tokenCount(payload, atMs);
      return;
    }
    this.#tally.used();
    if (type === 'turn_context') this.#model = textOf(payload['model']) ?? this.#model;
    else if (type === 'event_msg') this.#event(kind, payload, atMs);
    else if (type === 'response_item') this.#item(kind, payload, atMs);
  }

  #event(kind: string | undefined, payload: JsonObject, atMs: number): void {
    if (kind === 'task_started' || kind === 'user_message') {
      if (this.#facts.ownsTurns) this.#facts.session.startTurn(atMs);
      const text = kind === 'user_message' ? textOf(payload['message']) : undefined;
      if (text !== undefined) this.#asks.asked(askPrint(text));
      this.#lastInputMs = atMs;
    } else if (kind === 'task_complete' || kind === 'turn_aborted') {
      const activeMs = amountOf(payload['duration_ms']);
      if (this.#facts.ownsTurns) this.#facts.session.endTurn(atMs, activeMs);
      this.#call = undefined;
    }
  }

  #item(kind: string | undefined, payload: JsonObject, atMs: number): void {
    const callId = textOf(payload['call_id']);
    if (kind !== undefined && TOOL_OUTPUTS.has(kind)) {
      this.#lastInputMs = atMs;
      const tool = this.#tools.get(callId ?? '');
      if (tool === undefined) return;
      tool.step.endMs = Math.max(atMs, tool.step.startMs);
      tool.step.durationMs = wallTimeMs(payload['output']);
      this.#facts.thread.deliver(tool);
      return;
    }
    const isTool = kind !== undefined && TOOL_CALLS.has(kind);
    if (!isTool && kind !== 'reasoning' && payload['role'] !== 'assistant') return;
    const call = this.#openCall(atMs);
    if (call.step.endMs !== undefined) call.step.endMs = Math.max(atMs, call.step.endMs);
    if (!isTool || callId === undefined) return;
    const name = textOf(payload['name']) ?? kind;
    const hash = argumentsHash(name, payload['arguments'] ?? payload['input'] ?? payload['action']);
    const tool = this.#facts.thread.tool({ startMs: atMs, name, argumentsHash: hash }, call);
    this.#tools.set(callId, tool);
  }

  #openCall(atMs: number): StepDraft<LlmCall> {
    if (this.#call !== undefined) return this.#call;
    // Without an input since the last call its start is unknown: placed here, without an end.
    const before = this.#lastInputMs;
    const isKnown = before !== undefined && before <= atMs;
    const startMs = isKnown ? before : atMs;
    this.#call = this.#facts.thread.call({
      startMs,
      endMs: isKnown ? atMs : undefined,
      model: this.#model,
      provider: this.#facts.provider ?? 'openai',
      operation: 'chat',
      tokens: NO_TOKENS,
      tokensBasis: 'missing',
      attempts: [{ startMs }],
      agent: this.#facts.isSubAgent ? this.#facts.thread.agent('sub-agent') : undefined,
      details: this.#facts.isSubAgent ? undefined : this.#asks.take(),
    });
    return this.#call;
  }

  #tokenCount(payload: JsonObject, atMs: number): void {
    const { info } = payload as { readonly info?: unknown };
    const total =
      isObject(info) && isObject(info['total_token_usage']) ? info['total_token_usage'] : undefined;
    const last =
      isObject(info) && isObject(info['last_token_usage']) ? info['last_token_usage'] : undefined;
    if (!isObject(info) || (total === undefined && last === undefined)) {
      // Rate limits only.
      this.#tally.used();
      return;
    }
    const totals = JSON.stringify(total);
    if (total !== undefined && totals === this.#totals) {
      this.#tally.duplicate('token_count repeats the totals of the event before it');
      return;
    }
    const usage = last ?? difference(total!, this.#total);
    this.#totals = totals;
    this.#total = total;
    this.#tally.used();
    const { step } = this.#openCall(atMs);
    step.model = textOf(info['model']) ?? step.model;
    step.tokens = codexUsage(usage);
    step.tokensBasis = 'reported';
    step.attempts = [{ startMs: step.startMs, endMs: step.endMs }];
    this.#call = undefined;
    this.#lastInputMs = undefined;
  }
}

function codexUsage(usage: JsonObject): LlmCall['tokens'] {
  return inclusiveUsage({
    input: amountOf(usage['input_tokens']),
    cacheRead: amountOf(usage['cached_input_tokens']),
    output: amountOf(usage['output_tokens']),
    reasoning: amountOf(usage['reasoning_output_tokens']),
  });
}

function difference(total: JsonObject, before: JsonObject | undefined): JsonObject {
  const parts: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(total)) {
    parts[key] = Math.max(0, (amountOf(value) ?? 0) - (amountOf(before?.[key]) ?? 0));
  }
  return parts;
}

function isLine(record: JsonObject): boolean {
  return LINE_TYPES.has(record['type'] as string) && isObject(record['payload']);
}

function isTokenCount({ type, payload }: Line): boolean {
  return type === 'event_msg' && payload['type'] === 'token_count';
}

function wallTimeMs(output: unknown): number | undefined {
  const text = typeof output === 'string' ? output : textOf(objectOf(output)['content']);
  const match = /Wall time: (\d+(?:\.\d+)?) seconds/.exec((text ?? '').slice(0, OUTPUT_HEAD));
  return match === null ? undefined : Number(match[1]) * 1000;
}

const LINE_TYPES = new Set([
  'session_meta',
  'turn_context',
  'response_item',
  'event_msg',
  'compacted',
  'token_usage_record',
]);
const TOOL_CALLS = new Set(['function_call', 'custom_tool_call', 'local_shell_call']);
const TOOL_OUTPUTS = new Set([
  'function_call_output',
  'custom_tool_call_output',
  'local_shell_call_output',
]);
/** Characters of a tool's output in which its own header stands. */
const OUTPUT_HEAD = 300;
