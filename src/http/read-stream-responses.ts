import type { ApiError } from './dialect.ts';
import { isRecord, recordOf, recordsOf, stringOf } from './dialect-json.ts';
import type { Json } from './dialect-json.ts';
import { openaiErrorStatus } from './openai-error.ts';
import { responsesFinish, tokensOfResponsesUsage } from './openai-responses-reply.ts';
import { openaiError, unknown } from './read-stream-chat.ts';
import type {
  MutableReply,
  MutableToolCall,
  ReplyFold,
  StreamProgress,
} from './read-stream-state.ts';

/** OpenAI Responses. Terminal: completed or incomplete; `failed` and `error` are in-band errors. */
export class ResponsesFold implements ReplyFold {
  readonly #reply: MutableReply;
  /** Tool calls by item id. */
  readonly #calls = new Map<unknown, MutableToolCall>();

  constructor(reply: MutableReply) {
    this.#reply = reply;
  }

  event(event: string, data: unknown): StreamProgress {
    if (!isRecord(data)) return unknown(this.#reply);
    const type = stringOf(data['type']) ?? event;
    switch (type) {
      case 'response.created':
      case 'response.queued':
      case 'response.in_progress':
        this.#reply.opened = true;
        this.#head(recordOf(data['response']) ?? {});
        return 'meta';
      case 'response.output_text.delta':
      case 'response.refusal.delta':
        return this.#text(stringOf(data['delta']) ?? '');
      case 'response.reasoning_text.delta':
      case 'response.reasoning_summary_text.delta':
        return this.#reasoning(stringOf(data['delta']) ?? '');
      case 'response.output_item.added':
        return this.#item(recordOf(data['item']) ?? {});
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta':
        return this.#arguments(data['item_id'], stringOf(data['delta']) ?? '');
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
        return this.#end(recordOf(data['response']) ?? {});
      case 'error':
        this.#reply.error = eventError(data);
        return 'error';
      default:
        return type.startsWith('response.') ? 'meta' : unknown(this.#reply);
    }
  }

  marker(): boolean {
    return false;
  }

  whole(body: unknown): boolean {
    if (!isRecord(body)) return false;
    if (body['object'] !== 'response') {
      if (!isRecord(body['error'])) return false;
      this.#reply.error = openaiError(body['error']);
      return true;
    }
    this.#reply.opened = true;
    for (const item of recordsOf(body['output'])) {
      this.#item(item);
      const call = this.#calls.get(item['id']);
      if (call !== undefined)
        call.arguments = stringOf(item['arguments']) ?? stringOf(item['input']) ?? '';
      for (const part of recordsOf(item['content'])) {
        this.#reply.addText(stringOf(part['text']) ?? stringOf(part['refusal']) ?? '');
      }
      for (const part of recordsOf(item['summary'])) {
        this.#reply.addReasoning(stringOf(part['text']) ?? '');
      }
    }
    this.#end(body);
    return true;
  }

  #head(response: Json): void {
    this.#reply.id ??= stringOf(response['id']);
    this.#reply.model ??= stringOf(response['model']);
  }

  #text(fragment: string): StreamProgress {
    this.#reply.addText(fragment);
    return fragment === '' ? 'meta' : 'text';
  }

  #reasoning(fragment: string): StreamProgress {
    this.#reply.addReasoning(fragment);
    return fragment === '' ? 'meta' : 'reasoning';
  }

  #item(item: Json): StreamProgress {
    if (item['type'] !== 'function_call' && item['type'] !== 'custom_tool_call') return 'meta';
    const call = {
      id: stringOf(item['call_id']) ?? '',
      name: stringOf(item['name']) ?? '',
      arguments: '',
    };
    this.#calls.set(item['id'], call);
    this.#reply.toolCalls.push(call);
    return 'meta';
  }

  #arguments(item: unknown, fragment: string): StreamProgress {
    const call = this.#calls.get(item);
    if (call !== undefined) call.arguments += fragment;
    return fragment === '' ? 'meta' : 'tool';
  }

  #end(response: Json): StreamProgress {
    const reply = this.#reply;
    this.#head(response);
    reply.usage = tokensOfResponsesUsage(response['usage']) ?? reply.usage;
    const status = stringOf(response['status']) ?? '';
    if (status === 'failed') {
      reply.error = openaiError(recordOf(response['error']) ?? {});
      return 'error';
    }
    const reason = stringOf(recordOf(response['incomplete_details'])?.['reason']) ?? status;
    if (status === 'completed' || status === 'incomplete') {
      reply.end(reason, responsesFinish(reason, reply.toolCalls.length));
      reply.terminal = true;
    }
    return 'terminal';
  }
}

/** `event: error` has its fields at the top; OpenAI's own carries an `error` object as well. */
function eventError(data: Json): ApiError {
  const nested = recordOf(data['error']);
  if (nested !== undefined) return openaiError(nested);
  const code = stringOf(data['code']);
  return {
    status: openaiErrorStatus('', code ?? ''),
    message: stringOf(data['message']) ?? 'error without message',
    code,
    param: stringOf(data['param']),
  };
}
