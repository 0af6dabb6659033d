import { NO_TOKENS } from '../core/tokens.ts';
import type { LlmCall, ToolCall } from '../core/trace.ts';
import { AgentSession, type StepDraft, type Thread } from './agent-session.ts';
import { argumentsHash } from './argument-hash.ts';
import { amountOf, isObject, listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { isoMs } from './timestamp.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';
import { cacheWrites, exclusiveUsage } from './usage.ts';

/**
 * Claude Code transcripts (`~/.claude/projects/<slug>/<session>.jsonl` and sub-agents below it).
 *
 * Usage: `input_tokens` excludes cached tokens. One API call is split over several assistant lines
 * that repeat its usage: key is message.id + requestId (ids alone collide between sessions), the
 * last line's usage counts. A sidechain line with the main thread's message.id replays it
 * (ccusage#913); a key met before in another session or file is a resumed or forked copy.
 *
 * Time: a call starts with the last user or tool-result line before it and ends with its own last
 * line. A tool runs from its tool_use line to its tool_result line, which includes the wait for an
 * approval; `durationMs` is set only where the tool itself reports one.
 */
export const claudeTranscript: JsonReader = {
  kind: 'json',
  title: 'Claude Code transcript',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      'with sessionId and a message by role',
      (record) =>
        isObject(record) &&
        textOf(record['sessionId']) !== undefined &&
        isObject(record['message']) &&
        textOf(record['message']['role']) !== undefined,
    ),
  open: (tally: Tally) => new ClaudeFold(tally),
};

interface OpenSession {
  readonly serial: number;
  readonly session: AgentSession;
  readonly messages: Map<string, Message>;
  /** Message ids of the main thread, to know replays. */
  readonly mainIds: Set<string>;
  readonly tools: Map<string, Tool>;
  readonly lastEventMs: Map<string, number>;
  readonly threadOfLine: Map<string, string>;
  readonly sidechain: StepDraft[];
}

interface Message {
  readonly draft: StepDraft<LlmCall>;
  readonly file: string;
}

interface Tool {
  readonly draft: StepDraft<ToolCall>;
  readonly by: StepDraft<LlmCall>;
  readonly agentType: string | undefined;
}

class ClaudeFold implements JsonFold {
  readonly #tally: Tally;
  readonly #open = new Map<string, OpenSession>();
  /** Every message key ever met and the session it was counted in. */
  readonly #counted = new Map<string, number>();
  #current: OpenSession | undefined;
  #file = '';
  #serial = 0;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  file(name: string): void {
    this.#file = name;
  }

  value(value: unknown, place: Place): void {
    this.#tally.read();
    if (!isObject(value)) {
      this.#tally.skip('line is not an object', place);
      return;
    }
    const message = value['message'];
    const type = textOf(value['type']) ?? textOf(objectOf(message)['role']);
    if (type === 'assistant' || type === 'user') {
      const atMs = isoMs(textOf(value['timestamp']) ?? '');
      if (!isObject(message)) this.#tally.skip(`${type} line has no message object`, place);
      else if (atMs === undefined) this.#tally.skip(`${type} line has no timestamp`, place);
      else if (type === 'assistant') this.#assistant(value, message, atMs, place);
      else this.#user(value, message, atMs, place);
    } else if (type === 'system') {
      this.#system(value);
    } else if (type !== undefined && HELPER_LINES.has(type)) {
      this.#tally.used();
    } else {
      this.#tally.skip('line is of an unknown kind', place);
    }
  }

  end(): void {
    for (const open of this.#open.values()) this.#close(open);
    this.#open.clear();
  }

  #assistant(line: JsonObject, message: JsonObject, atMs: number, place: Place): void {
    const model = textOf(message['model']);
    if (model === '<synthetic>') {
      this.#tally.skip('synthetic message, not a call', place);
      return;
    }
    const open = this.#session(line);
    const threadKey = this.#threadKey(open, line);
    const id = textOf(message['id']);
    const key = id === undefined ? undefined : `${id} ${textOf(line['requestId']) ?? ''}`;
    const known = key === undefined ? undefined : open.messages.get(key);
    if (known !== undefined && known.file === this.#file) {
      known.draft.step.endMs = Math.max(known.draft.step.endMs ?? atMs, atMs);
      settleUsage(known.draft, message);
      this.#content(open, message, { atMs, by: known.draft, threadKey });
      open.lastEventMs.set(threadKey, atMs);
      this.#tally.duplicate('message is split over several lines that repeat its usage');
      return;
    }
    if (key !== undefined && this.#counted.has(key)) {
      this.#tally.duplicate('message is copied from another session or file (resumed, forked)');
      return;
    }
    if (threadKey !== MAIN && id !== undefined && open.mainIds.has(id)) {
      this.#tally.duplicate('sidechain replays a message of its parent');
      return;
    }
    const draft = this.#call(open, { threadKey, message, atMs });
    if (key !== undefined) {
      open.messages.set(key, { draft, file: this.#file });
      this.#counted.set(key, open.serial);
    }
    if (id !== undefined && threadKey === MAIN) open.mainIds.add(id);
    this.#content(open, message, { atMs, by: draft, threadKey });
    open.lastEventMs.set(threadKey, atMs);
    this.#tally.used();
  }

  #call(
    open: OpenSession,
    { threadKey, message, atMs }: { threadKey: string; message: JsonObject; atMs: number },
  ): StepDraft<LlmCall> {
    const thread = threadOf(open, threadKey);
    const before = open.lastEventMs.get(threadKey);
    const startMs = before === undefined || before > atMs ? atMs : before;
    const agent = this.#spawned(open, thread, threadKey, startMs);
    const draft = thread.call({
      startMs,
      endMs: atMs,
      model: textOf(message['model']),
      provider: 'anthropic',
      operation: 'chat',
      tokens: NO_TOKENS,
      tokensBasis: 'missing',
      attempts: [],
      agent,
    });
    settleUsage(draft, message);
    if (threadKey !== MAIN) open.sidechain.push(draft);
    return draft;
  }

  /** Links a sub-agent's first call to the call whose Agent/Task tool was running; gives its type. */
  #spawned(
    open: OpenSession,
    thread: Thread,
    threadKey: string,
    startMs: number,
  ): string | undefined {
    if (threadKey === MAIN) return undefined;
    if (thread.origin === undefined) {
      for (const { draft, by, agentType } of open.tools.values()) {
        if (agentType === undefined || draft.step.startMs > startMs) continue;
        if (draft.step.endMs !== undefined && draft.step.endMs < startMs) continue;
        thread.origin = by;
        thread.name ??= agentType;
      }
    }
    return thread.name ?? 'sub-agent';
  }

  #content(
    open: OpenSession,
    message: JsonObject,
    { atMs, by, threadKey }: { atMs: number; by: StepDraft<LlmCall>; threadKey: string },
  ): void {
    for (const block of listOf(message['content'])) {
      if (!isObject(block) || block['type'] !== 'tool_use') continue;
      const id = textOf(block['id']);
      const name = textOf(block['name']);
      if (id === undefined || name === undefined || open.tools.has(id)) continue;
      const thread = threadOf(open, threadKey);
      const hash = argumentsHash(name, block['input']);
      const draft = thread.tool({ startMs: atMs, name, argumentsHash: hash }, by);
      if (threadKey !== MAIN) open.sidechain.push(draft);
      const input = objectOf(block['input']);
      const isAgent = name === 'Agent' || name === 'Task';
      const agentType = isAgent ? (textOf(input['subagent_type']) ?? 'sub-agent') : undefined;
      open.tools.set(id, { draft, by, agentType });
    }
  }

  #user(line: JsonObject, message: JsonObject, atMs: number, place: Place): void {
    const content = message['content'];
    const blocks = listOf(content).filter(isObject);
    if (typeof content !== 'string' && blocks.length === 0) {
      this.#tally.skip('user line has no content', place);
      return;
    }
    const open = this.#session(line);
    const threadKey = this.#threadKey(open, line);
    const results = blocks.filter(({ type }) => type === 'tool_result');
    for (const result of results) this.#toolResult(open, result, { line, atMs, threadKey });
    const isHuman = line['isMeta'] !== true && line['isCompactSummary'] !== true;
    if (results.length === 0 && threadKey === MAIN && isHuman) open.session.startTurn(atMs);
    open.lastEventMs.set(threadKey, atMs);
    this.#tally.used();
  }

  #toolResult(
    open: OpenSession,
    result: JsonObject,
    { line, atMs, threadKey }: { line: JsonObject; atMs: number; threadKey: string },
  ): void {
    const tool = open.tools.get(textOf(result['tool_use_id']) ?? '');
    if (tool === undefined || tool.draft.step.endMs !== undefined) return;
    const { step } = tool.draft;
    step.endMs = Math.max(atMs, step.startMs);
    step.durationMs = internalMs(line['toolUseResult']);
    if (result['is_error'] === true) step.error = true;
    threadOf(open, threadKey).deliver(tool.draft);
  }

  #system(line: JsonObject): void {
    const activeMs = amountOf(line['durationMs']);
    const atMs = isoMs(textOf(line['timestamp']) ?? '');
    if (line['subtype'] === 'turn_duration' && activeMs !== undefined) {
      this.#session(line).session.endTurn(atMs, activeMs);
    }
    this.#tally.used();
  }

  #session(line: JsonObject): OpenSession {
    const id = textOf(line['sessionId']) ?? this.#file;
    if (this.#current?.session.id === id) return this.#current;
    const known = this.#open.get(id);
    // Kept in order of use, so that the first one is the one to close.
    this.#open.delete(id);
    if (known === undefined && this.#open.size >= MOST_OPEN_SESSIONS) this.#closeOldest();
    this.#current = known ?? {
      serial: this.#serial++,
      session: new AgentSession(id, { agent: 'claude-code' }),
      messages: new Map(),
      mainIds: new Set(),
      tools: new Map(),
      lastEventMs: new Map(),
      threadOfLine: new Map(),
      sidechain: [],
    };
    this.#open.set(id, this.#current);
    return this.#current;
  }

  #closeOldest(): void {
    const [id, oldest] = this.#open.entries().next().value!;
    this.#close(oldest);
    this.#open.delete(id);
  }

  #close(open: OpenSession): void {
    open.session.settleByTime(open.sidechain);
    const session = open.session.build();
    if (session !== undefined) this.#tally.session(session);
  }

  /** Sub-agents are told apart by agentId; older ones in the main file by the chain of parent lines. */
  #threadKey(open: OpenSession, line: JsonObject): string {
    if (line['isSidechain'] !== true) return MAIN;
    const own = textOf(line['uuid']) ?? '';
    const key =
      textOf(line['agentId']) ??
      open.threadOfLine.get(textOf(line['parentUuid']) ?? '') ??
      `sidechain ${own}`;
    open.threadOfLine.set(own, key);
    return key;
  }
}

/** Takes usage and outcome of a line of the message: the last line is the most complete. */
function settleUsage(draft: StepDraft<LlmCall>, message: JsonObject): void {
  const { step } = draft;
  step.finishReason = textOf(message['stop_reason']) ?? step.finishReason;
  step.attempts = [{ startMs: step.startMs, endMs: step.endMs }];
  const usage = message['usage'];
  if (!isObject(usage)) return;
  step.tokens = anthropicUsage(usage);
  step.tokensBasis = 'reported';
}

/** Usage of the Messages API: input excludes cached tokens. */
export function anthropicUsage(usage: JsonObject): LlmCall['tokens'] {
  const split = objectOf(usage['cache_creation']);
  return exclusiveUsage({
    input: amountOf(usage['input_tokens']),
    cacheRead: amountOf(usage['cache_read_input_tokens']),
    ...cacheWrites(amountOf(usage['cache_creation_input_tokens']), {
      fiveMinutes: amountOf(split['ephemeral_5m_input_tokens']),
      oneHour: amountOf(split['ephemeral_1h_input_tokens']),
    }),
    output: amountOf(usage['output_tokens']),
  });
}

function internalMs(result: unknown): number | undefined {
  if (!isObject(result)) return undefined;
  const seconds = amountOf(result['durationSeconds']);
  return (
    amountOf(result['durationMs']) ??
    (seconds === undefined ? undefined : seconds * 1000) ??
    amountOf(result['totalDurationMs'])
  );
}

function threadOf(open: OpenSession, key: string): Thread {
  return key === MAIN ? open.session.main : open.session.thread(key);
}

const MAIN = '';
/** Sessions kept while their files may go on; the least recently used is emitted first. */
const MOST_OPEN_SESSIONS = 500;
const HELPER_LINES = new Set([
  'attachment',
  'file-history-snapshot',
  'mode',
  'permission-mode',
  'ai-title',
  'last-prompt',
  'summary',
  'queue-operation',
  'progress',
]);
