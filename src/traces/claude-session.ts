import { NO_TOKENS } from '../core/tokens.ts';
import type { AskPrint, LlmCall, Session, ToolCall } from '../core/trace.ts';
import { AgentSession, type StepDraft, type Thread } from './agent-session.ts';
import { SessionAsks } from './ask-print.ts';
import { amountOf, objectOf, type JsonObject } from './json-value.ts';
import { cacheWrites, exclusiveUsage } from './usage.ts';

/** Thread key of the main agent. */
export const MAIN = '';

/**
 * The first block of an answer comes within this time of its input, or the input is not the call's:
 * the client's own request timeout is 10 min, and the longest of 26,706 measured calls of Claude
 * Code took 300 s (kv-cache-tester sample).
 */
const LONGEST_WAIT_MS = 600_000;

/** A tool that a call asks for. */
export interface ToolUse {
  /** Hash of the id by which its result names it. */
  readonly id: number;
  readonly name: string;
  /** NaN without arguments. */
  readonly argumentsHash: number;
  /** Kind of sub-agent it starts. */
  readonly agentType: string | undefined;
}

export interface ToolResult {
  readonly id: number;
  readonly isError: boolean;
  /** As the tool itself reports it. */
  readonly durationMs: number | undefined;
}

interface Tool {
  readonly draft: StepDraft<ToolCall>;
  readonly by: StepDraft<LlmCall>;
  /** Kind of sub-agent an Agent or Task tool starts. */
  readonly agentType: string | undefined;
}

/** The last line of a thread, and whether a call may start there: something the model has not answered yet. */
interface LastLine {
  atMs: number;
  isInput: boolean;
}

/** Where a line stands. */
interface LinePlace {
  readonly atMs: number;
  readonly threadKey: string;
}

/** Builds a session from what its lines say: threads, tools in flight, last events. */
export class ClaudeSession {
  readonly #session: AgentSession;
  readonly #tools = new Map<number, Tool>();
  readonly #lastLines = new Map<string, LastLine>();
  readonly #sidechain: StepDraft[] = [];
  readonly #asks: SessionAsks;

  constructor(id: string) {
    this.#session = new AgentSession(id, { agent: 'claude-code' });
    this.#asks = new SessionAsks(id);
  }

  startTurn(atMs: number, ask: AskPrint): void {
    this.#session.startTurn(atMs);
    this.#asks.asked(ask);
  }

  endTurn(atMs: number | undefined, activeMs: number): void {
    this.#session.endTurn(atMs, activeMs);
  }

  /** A line of the user or a tool: the next call starts here. */
  sawInput(threadKey: string, atMs: number): void {
    const last = this.#lastLine(threadKey);
    last.atMs = atMs;
    last.isInput = true;
  }

  build(): Session | undefined {
    this.#session.settleByTime(this.#sidechain);
    return this.#session.build();
  }

  /**
   * The first line of a message: a call that began with the input before it. Without one (a log
   * that lacks lines, a session gone on with after hours) start and duration are unknown: the call
   * is placed at its line, without an end.
   */
  call(
    threadKey: string,
    { atMs, model }: { readonly atMs: number; readonly model: string | undefined },
  ): StepDraft<LlmCall> {
    const last = this.#lastLine(threadKey);
    const waitMs = last.isInput ? atMs - last.atMs : Number.NaN;
    const isKnown = waitMs >= 0 && waitMs <= LONGEST_WAIT_MS;
    const startMs = isKnown ? atMs - waitMs : atMs;
    const endMs = isKnown ? atMs : undefined;
    last.atMs = atMs;
    last.isInput = false;
    const thread = this.#thread(threadKey);
    const draft = thread.call({
      startMs,
      endMs,
      model,
      provider: 'anthropic',
      operation: 'chat',
      tokens: NO_TOKENS,
      tokensBasis: 'missing',
      attempts: [{ startMs, endMs }],
      agent: threadKey === MAIN ? undefined : this.#subAgent(thread, startMs),
      details: threadKey === MAIN ? this.#asks.take() : undefined,
    });
    if (threadKey !== MAIN) this.#sidechain.push(draft);
    return draft;
  }

  /** A line of a message: a call that has its input already does not start before it. */
  output({ step }: StepDraft<LlmCall>, atMs: number, threadKey: string): void {
    // Without a known start the end stays unknown as well.
    if (step.endMs !== undefined && atMs > step.endMs) {
      step.endMs = atMs;
      step.attempts = [{ startMs: step.startMs, endMs: atMs }];
    }
    this.#lastLine(threadKey).atMs = atMs;
  }

  /** A tool that a call asks for; of equal ids the first counts. */
  toolUse(
    { id, name, argumentsHash, agentType }: ToolUse,
    by: StepDraft<LlmCall>,
    at: LinePlace,
  ): void {
    if (this.#tools.has(id)) return;
    const draft = this.#thread(at.threadKey).tool(
      {
        startMs: at.atMs,
        name,
        argumentsHash: Number.isNaN(argumentsHash) ? undefined : hashText(argumentsHash),
      },
      by,
    );
    if (at.threadKey !== MAIN) this.#sidechain.push(draft);
    this.#tools.set(id, { draft, by, agentType });
  }

  toolResult({ id, isError, durationMs }: ToolResult, at: LinePlace): void {
    const tool = this.#tools.get(id);
    if (tool === undefined || tool.draft.step.endMs !== undefined) return;
    const { step } = tool.draft;
    step.endMs = Math.max(at.atMs, step.startMs);
    step.durationMs = durationMs;
    if (isError) step.error = true;
    this.#thread(at.threadKey).deliver(tool.draft);
  }

  #lastLine(threadKey: string): LastLine {
    let last = this.#lastLines.get(threadKey);
    if (last === undefined) {
      last = { atMs: Number.NaN, isInput: false };
      this.#lastLines.set(threadKey, last);
    }
    return last;
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

/** A 53-bit hash as text of 16-bit units, which costs a tenth of its decimal digits. */
function hashText(hash: number): string {
  const high = Math.floor(hash / 2 ** 32);
  return String.fromCharCode(hash & 0xffff, (hash >>> 16) & 0xffff, high & 0xffff, high >>> 16);
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
