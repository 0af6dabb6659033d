import type { ApiError } from './dialect.ts';
import { isRecord, recordOf, recordsOf, stringOf } from './dialect-json.ts';
import type { Json } from './dialect-json.ts';
import { chatFinish, tokensOfChatUsage } from './openai-chat-reply.ts';
import { openaiErrorStatus } from './openai-error.ts';
import type { MutableReply, ReplyFold, StreamProgress } from './read-stream-state.ts';

/**
 * Chat Completions. Terminal: a finish_reason for every choice seen, then `[DONE]`. Also reads
 * `reasoning_content` and `reasoning` deltas, which OpenAI-compatible servers send.
 */
export class ChatFold implements ReplyFold {
  readonly #reply: MutableReply;
  /** Choices seen, and whether each has finished. */
  readonly #finished = new Map<number, boolean>();
  /** Tool calls by choice and index. */
  readonly #calls = new Map<string, number>();

  constructor(reply: MutableReply) {
    this.#reply = reply;
  }

  event(_event: string, data: unknown): StreamProgress {
    if (!isRecord(data)) return unknown(this.#reply);
    if (isRecord(data['error'])) {
      this.#reply.error = openaiError(data['error']);
      return 'error';
    }
    if (!Array.isArray(data['choices'])) return unknown(this.#reply);
    this.#head(data);
    let progress: StreamProgress = 'meta';
    for (const choice of recordsOf(data['choices'])) {
      const brought = this.#choice(choice, recordOf(choice['delta']) ?? {});
      if (RANK[brought] > RANK[progress]) progress = brought;
    }
    return progress;
  }

  marker(data: string): boolean {
    if (data.trim() !== '[DONE]') return false;
    const { size } = this.#finished;
    this.#reply.terminal = size > 0 && [...this.#finished.values()].every(Boolean);
    return true;
  }

  whole(body: unknown): boolean {
    if (!isRecord(body)) return false;
    if (isRecord(body['error'])) {
      this.#reply.error = openaiError(body['error']);
      return true;
    }
    if (!Array.isArray(body['choices'])) return false;
    this.#head(body);
    for (const choice of recordsOf(body['choices'])) {
      this.#choice(choice, recordOf(choice['message']) ?? {});
    }
    this.#reply.terminal = this.#finished.size > 0 && [...this.#finished.values()].every(Boolean);
    return true;
  }

  #head(data: Json): void {
    const reply = this.#reply;
    reply.id ??= stringOf(data['id']);
    reply.model ??= stringOf(data['model']);
    if (data['usage'] != null) reply.usage = tokensOfChatUsage(data['usage']) ?? reply.usage;
  }

  #choice(choice: Json, delta: Json): StreamProgress {
    const reply = this.#reply;
    const index = typeof choice['index'] === 'number' ? choice['index'] : 0;
    if (!this.#finished.has(index)) this.#finished.set(index, false);
    if (delta['role'] !== undefined) reply.opened = true;
    let progress: StreamProgress = 'meta';
    const reasoning = stringOf(delta['reasoning_content']) ?? stringOf(delta['reasoning']) ?? '';
    if (reasoning !== '') {
      reply.addReasoning(reasoning);
      progress = 'reasoning';
    }
    for (const [position, call] of recordsOf(delta['tool_calls']).entries()) {
      this.#toolCall(index, call, position);
      progress = 'tool';
    }
    const text = stringOf(delta['content']) || stringOf(delta['refusal']) || '';
    if (text !== '') {
      reply.addText(text);
      progress = 'text';
    }
    const reason = stringOf(choice['finish_reason']);
    if (reason !== undefined) {
      this.#finished.set(index, true);
      reply.end(reason, chatFinish(reason));
    }
    return progress;
  }

  #toolCall(choice: number, call: Json, position: number): void {
    const index = typeof call['index'] === 'number' ? call['index'] : position;
    const key = `${choice}/${index}`;
    const body = recordOf(call['function']) ?? recordOf(call['custom']) ?? {};
    const { toolCalls } = this.#reply;
    const at = this.#calls.get(key) ?? toolCalls.length;
    this.#calls.set(key, at);
    const known = (toolCalls[at] ??= { id: '', name: '', arguments: '' });
    known.id ||= stringOf(call['id']) ?? '';
    known.name ||= stringOf(body['name']) ?? '';
    known.arguments += stringOf(body['arguments']) ?? stringOf(body['input']) ?? '';
  }
}

/** Which of several things one event brought is reported. */
const RANK: Readonly<Record<StreamProgress, number>> = {
  meta: 0,
  terminal: 1,
  reasoning: 2,
  tool: 3,
  text: 4,
  malformed: 5,
  error: 6,
};

/** The error object of an OpenAI body or frame. */
export function openaiError(error: Json): ApiError {
  const type = stringOf(error['type']) ?? '';
  const code = stringOf(error['code']);
  return {
    status: openaiErrorStatus(type, code ?? ''),
    message: stringOf(error['message']) ?? 'error without message',
    type,
    code,
    param: stringOf(error['param']),
  };
}

/** Counts a frame whose type is not known. */
export function unknown(reply: MutableReply): StreamProgress {
  reply.unknownFrames += 1;
  return 'meta';
}
