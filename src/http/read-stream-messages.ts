import { anthropicErrorStatus } from './anthropic-error.ts';
import { messagesFinish, tokensOfMessagesUsage } from './anthropic-messages-reply.ts';
import type { ApiError } from './dialect.ts';
import { isRecord, recordOf, recordsOf, stringOf } from './dialect-json.ts';
import type { Json } from './dialect-json.ts';
import { unknown } from './read-stream-chat.ts';
import type {
  MutableReply,
  MutableToolCall,
  ReplyFold,
  StreamProgress,
} from './read-stream-state.ts';

/** Anthropic Messages. Terminal: `message_stop` after a `message_delta` with a stop reason. */
export class MessagesFold implements ReplyFold {
  readonly #reply: MutableReply;
  /** Tool calls by block index. */
  readonly #calls = new Map<unknown, MutableToolCall>();

  constructor(reply: MutableReply) {
    this.#reply = reply;
  }

  event(_event: string, data: unknown): StreamProgress {
    if (!isRecord(data)) return unknown(this.#reply);
    const reply = this.#reply;
    switch (data['type']) {
      case 'message_start': {
        reply.opened = true;
        this.#head(recordOf(data['message']) ?? {});
        return 'meta';
      }
      case 'content_block_start':
        return this.#blockStart(data['index'], recordOf(data['content_block']) ?? {});
      case 'content_block_delta':
        return this.#delta(data['index'], recordOf(data['delta']) ?? {});
      case 'message_delta': {
        const reason = stringOf(recordOf(data['delta'])?.['stop_reason']);
        if (reason !== undefined) reply.end(reason, messagesFinish(reason));
        reply.usage = tokensOfMessagesUsage(data['usage'], reply.usage) ?? reply.usage;
        return 'meta';
      }
      case 'message_stop':
        reply.terminal = reply.finishReason !== undefined;
        return 'terminal';
      case 'error':
        reply.error = anthropicError(recordOf(data['error']) ?? {});
        return 'error';
      case 'content_block_stop':
      case 'ping':
        return 'meta';
      default:
        return unknown(reply);
    }
  }

  marker(): boolean {
    return false;
  }

  whole(body: unknown): boolean {
    if (!isRecord(body)) return false;
    const reply = this.#reply;
    if (body['type'] === 'error') {
      reply.error = anthropicError(recordOf(body['error']) ?? {});
      return true;
    }
    if (body['type'] !== 'message') return false;
    reply.opened = true;
    this.#head(body);
    for (const [index, block] of recordsOf(body['content']).entries()) {
      this.#blockStart(index, block);
      const call = this.#calls.get(index);
      if (call !== undefined) call.arguments = JSON.stringify(block['input'] ?? {});
    }
    const reason = stringOf(body['stop_reason']);
    if (reason !== undefined) reply.end(reason, messagesFinish(reason));
    reply.terminal = reason !== undefined;
    return true;
  }

  #head(message: Json): void {
    this.#reply.id = stringOf(message['id']);
    this.#reply.model = stringOf(message['model']);
    this.#reply.usage = tokensOfMessagesUsage(message['usage']);
  }

  #blockStart(index: unknown, block: Json): StreamProgress {
    const text = stringOf(block['text']) ?? '';
    const thinking = stringOf(block['thinking']) ?? '';
    this.#reply.addText(text);
    this.#reply.addReasoning(thinking);
    if (block['type'] === 'tool_use') {
      const call = {
        id: stringOf(block['id']) ?? '',
        name: stringOf(block['name']) ?? '',
        arguments: '',
      };
      this.#calls.set(index, call);
      this.#reply.toolCalls.push(call);
    }
    if (text !== '') return 'text';
    return thinking === '' ? 'meta' : 'reasoning';
  }

  #delta(index: unknown, delta: Json): StreamProgress {
    const text = stringOf(delta['text']) ?? '';
    if (text !== '') {
      this.#reply.addText(text);
      return 'text';
    }
    const thinking = stringOf(delta['thinking']) ?? '';
    if (thinking !== '') {
      this.#reply.addReasoning(thinking);
      return 'reasoning';
    }
    const fragment = stringOf(delta['partial_json']) ?? '';
    if (fragment === '') return 'meta';
    const call = this.#calls.get(index);
    if (call !== undefined) call.arguments += fragment;
    return 'tool';
  }
}

function anthropicError(error: Json): ApiError {
  const type = stringOf(error['type']) ?? '';
  return {
    status: anthropicErrorStatus(type),
    message: stringOf(error['message']) ?? 'error without message',
    type,
    code: stringOf(recordOf(error['details'])?.['error_code']),
  };
}
