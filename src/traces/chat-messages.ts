import { askPrint, PromptHash } from './ask-print.ts';
import type { AgentSession, StepDraft, Thread } from './agent-session.ts';
import { argumentsHash } from './argument-hash.ts';
import { contentTexts } from './estimate.ts';
import { isObject, listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import type { AskPrint, LlmCall, ToolCall } from '../core/trace.ts';
import { PromptTexts, type TokenEstimates } from './token-estimates.ts';

/**
 * Follows a list of chat messages (OpenAI form) through a session: what each assistant message was
 * given and which tools it asked for. The prompt of a call is every message before it, so missing
 * usage is estimated from their texts (what the trace does not hold, such as tool schemas, is missed).
 */
export class ChatMessages {
  readonly #session: AgentSession;
  readonly #thread: Thread;
  readonly #tools = new Map<string, StepDraft<ToolCall>>();
  #waiting: StepDraft<ToolCall>[] = [];
  readonly #estimates: TokenEstimates;
  readonly #prompt = new PromptTexts();
  readonly #hash = new PromptHash();
  /** What the user asked since the last call. */
  #ask: AskPrint | undefined;

  constructor(session: AgentSession, estimates: TokenEstimates) {
    this.#session = session;
    this.#estimates = estimates;
    this.#thread = session.main;
  }

  /** A message of the user: a new turn. */
  user(message: JsonObject, atMs: number): void {
    this.#session.startTurn(atMs);
    this.#ask = askPrint(contentTexts(message['content']).join('\n'), this.#hash.value);
    this.context(message);
  }

  /** A message that only lengthens the prompt. */
  context(message: JsonObject): void {
    this.#see(textOf(message['role']), contentTexts(message['content']));
  }

  /** An assistant message is one call; `facts` are what the source says of it. */
  assistant(
    message: JsonObject,
    facts: Pick<LlmCall, 'startMs' | 'endMs' | 'model' | 'provider'> & {
      readonly tokens?: LlmCall['tokens'] | undefined;
      readonly costUsd?: number | undefined;
    },
  ): StepDraft<LlmCall> {
    const answer = contentTexts([message['content'], message['tool_calls']]);
    const { startMs, endMs, model, tokens } = facts;
    const calls = listOf(message['tool_calls']).filter(isObject);
    const said = { model, prompt: this.#prompt, answer, callsTools: calls.length > 0 };
    if (tokens !== undefined) this.#estimates.observe(said, tokens);
    const draft = this.#thread.call({
      startMs,
      endMs,
      model,
      provider: facts.provider,
      operation: 'chat',
      tokens: tokens ?? this.#estimates.estimate(said),
      tokensBasis: tokens === undefined ? 'estimated' : 'reported',
      attempts: [{ startMs, endMs }],
      finishReason: calls.length > 0 ? 'tool_calls' : 'stop',
      details: { promptHash: this.#hash.value, ask: this.#ask, costUsd: facts.costUsd },
    });
    this.#ask = undefined;
    for (const call of calls) this.#toolCall(call, endMs ?? startMs);
    this.#see('assistant', answer);
    return draft;
  }

  /** A tool's answer: found by its id, else the first one that waits. */
  toolResult(
    message: JsonObject,
    facts: { readonly atMs?: number; readonly durationMs?: number } = {},
  ): void {
    this.context(message);
    const id =
      textOf(message['tool_call_id']) ??
      textOf(message['id']) ??
      textOf(listOf(message['tool_call_ids'])[0]);
    const tool = this.#tools.get(id ?? '') ?? this.#waiting[0];
    if (tool === undefined) return;
    this.#waiting = this.#waiting.filter((waiting) => waiting !== tool);
    const { atMs, durationMs } = facts;
    if (atMs !== undefined && atMs >= tool.step.startMs) tool.step.endMs = atMs;
    tool.step.durationMs = durationMs;
    if (message['error'] === true) tool.step.error = true;
    this.#thread.deliver(tool);
  }

  /** A tool that ran and answered without a message of its own form. */
  finishedTool(fields: {
    readonly name: string;
    readonly startMs: number;
    readonly durationMs?: number | undefined;
    readonly arguments?: unknown;
  }): void {
    const { name, startMs, durationMs } = fields;
    this.#thread.finishedTool({
      name,
      startMs,
      durationMs,
      argumentsHash: argumentsHash(name, fields.arguments),
    });
  }

  #see(role: string | undefined, texts: readonly string[]): void {
    this.#prompt.add(texts);
    this.#hash.add(role ?? '', texts);
  }

  #toolCall(call: JsonObject, startMs: number): void {
    const definition = isObject(call['function']) ? call['function'] : call;
    const name = textOf(definition['name']) ?? 'tool';
    const hash = argumentsHash(name, definition['arguments']);
    const draft = this.#thread.tool({ startMs, name, argumentsHash: hash });
    const id = textOf(call['id']);
    if (id !== undefined) this.#tools.set(id, draft);
    this.#waiting.push(draft);
  }
}

/** Whether a value is a chat message: an object with a role, and content or tool calls. */
export function isMessage(value: unknown): value is JsonObject {
  return (
    isObject(value) &&
    textOf(value['role']) !== undefined &&
    (value['content'] !== undefined || objectOf(value)['tool_calls'] !== undefined)
  );
}
