import { NO_TOKENS } from '../core/tokens.ts';
import type { LlmCall, Session, ToolCall } from '../core/trace.ts';
import { AgentSession, type StepDraft, type Thread } from './agent-session.ts';
import { argumentsHash } from './argument-hash.ts';
import { amountOf, isObject, listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { cacheWrites, exclusiveUsage } from './usage.ts';

/** Thread key of the main agent. */
export const MAIN = '';

/**
 * The first block of an answer comes within this time of its input, or the input is not the call's:
 * the client's own request timeout is 10 min, and the longest of 26,706 measured calls of Claude
 * Code took 300 s (kv-cache-tester sample).
 */
const LONGEST_WAIT_MS = 600_000;

interface Tool {
  readonly draft: StepDraft<ToolCall>;
  readonly by: StepDraft<LlmCall>;
  /** Kind of sub-agent an Agent or Task tool starts. */
  readonly agentType: string | undefined;
}

/** One transcript session while its lines come in: threads, tools in flight, last events. */
export class ClaudeSession {
  readonly #session: AgentSession;
  readonly #tools = new Map<string, Tool>();
  /** Last line by thread, and whether a call may start there: something the model has not answered yet. */
  readonly #lastLines = new Map<string, { atMs: number; isInput: boolean }>();
  readonly #threadOfLine = new Map<string, string>();
  readonly #sidechain: StepDraft[] = [];

  constructor(id: string) {
    this.#session = new AgentSession(id, { agent: 'claude-code' });
  }

  get id(): string {
    return this.#session.id;
  }

  startTurn(atMs: number): void {
    this.#session.startTurn(atMs);
  }

  endTurn(atMs: number | undefined, activeMs: number): void {
    this.#session.endTurn(atMs, activeMs);
  }

  /** A line of the user or a tool: the next call starts here. */
  sawInput(threadKey: string, atMs: number): void {
    this.#lastLines.set(threadKey, { atMs, isInput: true });
  }

  /** A line of a message: a call that has its input already does not start before it. */
  sawOutput(threadKey: string, atMs: number): void {
    const isInput = this.#lastLines.get(threadKey)?.isInput ?? false;
    this.#lastLines.set(threadKey, { atMs, isInput });
  }

  build(): Session | undefined {
    this.#session.settleByTime(this.#sidechain);
    return this.#session.build();
  }

  /** Sub-agents are told apart by agentId; older ones in the main file by the chain of parent lines. */
  threadKey(line: JsonObject): string {
    if (line['isSidechain'] !== true) return MAIN;
    const own = textOf(line['uuid']) ?? '';
    const key =
      textOf(line['agentId']) ??
      this.#threadOfLine.get(textOf(line['parentUuid']) ?? '') ??
      `sidechain ${own}`;
    this.#threadOfLine.set(own, key);
    return key;
  }

  /**
   * The first line of a message: a call that began with the input before it. Without one (a log
   * that lacks lines, a session gone on with after hours) start and duration are unknown: the call
   * is placed at its line, without an end.
   */
  call(
    threadKey: string,
    { atMs, model }: { readonly atMs: number; readonly model: string | undefined },
  ): { draft: StepDraft<LlmCall>; attempt: { startMs: number; endMs: number | undefined } } {
    const before = this.#lastLines.get(threadKey);
    const waitMs = before?.isInput === true ? atMs - before.atMs : Number.NaN;
    const isKnown = waitMs >= 0 && waitMs <= LONGEST_WAIT_MS;
    const startMs = isKnown ? atMs - waitMs : atMs;
    const endMs = isKnown ? atMs : undefined;
    const attempt = { startMs, endMs };
    this.#lastLines.set(threadKey, { atMs, isInput: false });
    const thread = this.#thread(threadKey);
    const draft = thread.call({
      startMs,
      endMs,
      model,
      provider: 'anthropic',
      operation: 'chat',
      tokens: NO_TOKENS,
      tokensBasis: 'missing',
      attempts: [attempt],
      agent: threadKey === MAIN ? undefined : this.#subAgent(thread, startMs),
    });
    if (threadKey !== MAIN) this.#sidechain.push(draft);
    return { draft, attempt };
  }

  /** The tools that a line of a message asks for. */
  toolUses(
    message: JsonObject,
    by: StepDraft<LlmCall>,
    at: { atMs: number; threadKey: string },
  ): void {
    for (const block of listOf(message['content'])) {
      if (!isObject(block) || block['type'] !== 'tool_use') continue;
      const id = textOf(block['id']);
      const name = textOf(block['name']);
      if (id === undefined || name === undefined || this.#tools.has(id)) continue;
      const hash = argumentsHash(name, block['input']);
      const fields = { startMs: at.atMs, name, argumentsHash: hash };
      const draft = this.#thread(at.threadKey).tool(fields, by);
      if (at.threadKey !== MAIN) this.#sidechain.push(draft);
      const isAgent = name === 'Agent' || name === 'Task';
      const agentType = isAgent
        ? (textOf(objectOf(block['input'])['subagent_type']) ?? 'sub-agent')
        : undefined;
      this.#tools.set(id, { draft, by, agentType });
    }
  }

  /** @param outcome the line's toolUseResult, which names a duration for some tools */
  toolResult(result: JsonObject, outcome: unknown, at: { atMs: number; threadKey: string }): void {
    const tool = this.#tools.get(textOf(result['tool_use_id']) ?? '');
    if (tool === undefined || tool.draft.step.endMs !== undefined) return;
    const { step } = tool.draft;
    step.endMs = Math.max(at.atMs, step.startMs);
    step.durationMs = internalMs(outcome);
    if (result['is_error'] === true) step.error = true;
    this.#thread(at.threadKey).deliver(tool.draft);
  }

  #thread(key: string): Thread {
    return key === MAIN ? this.#session.main : this.#session.thread(key);
  }

  /** Links a sub-agent's first call to the call whose Agent tool was running then; gives its kind. */
  #subAgent(thread: Thread, startMs: number): string {
    let kind = 'sub-agent';
    if (thread.origin === undefined) {
      for (const { draft, by, agentType } of this.#tools.values()) {
        if (agentType === undefined || draft.step.startMs > startMs) continue;
        if (draft.step.endMs !== undefined && draft.step.endMs < startMs) continue;
        thread.origin = by;
        kind = agentType;
      }
    }
    return thread.agent(kind);
  }
}

/** Takes usage and outcome of a line of the message: the last line is the most complete. */
export function settleUsage({ step }: StepDraft<LlmCall>, message: JsonObject): void {
  step.finishReason = textOf(message['stop_reason']) ?? step.finishReason;
  const usage = message['usage'];
  if (!isObject(usage)) return;
  // Repeated on every line of a split message: mostly the same numbers again.
  const { tokens } = step;
  const isRepeat =
    step.tokensBasis === 'reported' &&
    usage['output_tokens'] === tokens.output &&
    usage['input_tokens'] === tokens.uncached &&
    usage['cache_read_input_tokens'] === tokens.cacheRead &&
    usage['cache_creation_input_tokens'] === tokens.cacheWrite5m + tokens.cacheWrite1h;
  if (isRepeat) return;
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

function internalMs(outcome: unknown): number | undefined {
  if (!isObject(outcome)) return undefined;
  const seconds = amountOf(outcome['durationSeconds']);
  return (
    amountOf(outcome['durationMs']) ??
    (seconds === undefined ? undefined : seconds * 1000) ??
    amountOf(outcome['totalDurationMs'])
  );
}
