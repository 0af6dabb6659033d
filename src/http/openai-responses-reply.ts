import { cacheWriteTokens, inputTokens, tokensFromInclusive } from '../core/tokens.ts';
import type { TokenRecord } from '../core/tokens.ts';
import { countOf, recordOf } from './dialect-json.ts';
import type { Json } from './dialect-json.ts';
import type {
  ApiError,
  Finish,
  ReplyChoice,
  ReplyEnd,
  ReplyHead,
  StreamOptions,
  StreamWriter,
  ToolCallHead,
  WholeReply,
} from './dialect.ts';
import { openaiErrorBody } from './openai-error.ts';

/** Neutral finish of a response's status or `incomplete_details.reason`. */
export function responsesFinish(reason: string, toolCalls: number): Finish {
  if (reason === 'max_output_tokens') return 'length';
  if (reason === 'content_filter') return 'content_filter';
  return toolCalls > 0 ? 'tool_calls' : 'stop';
}

/** `usage` of Responses: `input_tokens` includes cached tokens. */
export function responsesUsage(tokens: TokenRecord): Json {
  const input = inputTokens(tokens);
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: tokens.cacheRead,
      cache_write_tokens: cacheWriteTokens(tokens),
    },
    output_tokens: tokens.output,
    output_tokens_details: { reasoning_tokens: tokens.reasoning },
    total_tokens: input + tokens.output,
  };
}

/** The same read back; undefined when the usage has no counts. */
export function tokensOfResponsesUsage(usage: unknown): TokenRecord | undefined {
  const fields = recordOf(usage);
  const input = countOf(fields?.['input_tokens']);
  if (fields === undefined || input === undefined) return undefined;
  const details = recordOf(fields['input_tokens_details']);
  return tokensFromInclusive({
    input,
    cacheRead: countOf(details?.['cached_tokens']),
    cacheWrite: countOf(details?.['cache_write_tokens']),
    output: countOf(fields['output_tokens']) ?? 0,
    reasoning: countOf(recordOf(fields['output_tokens_details'])?.['reasoning_tokens']),
  });
}

/** A non-streamed reply. */
export function responsesReply(reply: WholeReply): Json {
  const choice = reply.choices[0]!;
  return response(reply, output(reply.id, choice), { finish: [choice.finish], usage: reply.usage });
}

/** A background response without its output: not yet there, or never. */
export function responsesState(
  head: ReplyHead,
  status: 'queued' | 'in_progress' | 'cancelled' | 'failed',
): Json {
  const error =
    status === 'failed'
      ? { code: 'server_error', message: 'The server had an error processing your request.' }
      : null;
  return { ...response(head, []), status, error, background: true };
}

/** The response object: in progress without `end`, else completed or incomplete. */
function response(head: ReplyHead, items: readonly Json[], end?: ReplyEnd): Json {
  const reason = end === undefined ? undefined : INCOMPLETE[end.finish[0] ?? 'stop'];
  const ended = reason === undefined ? 'completed' : 'incomplete';
  return {
    id: head.id,
    object: 'response',
    created_at: head.createdS,
    status: end === undefined ? 'in_progress' : ended,
    background: false,
    error: null,
    incomplete_details: reason === undefined ? null : { reason },
    instructions: null,
    metadata: {},
    model: head.model,
    output: items,
    parallel_tool_calls: true,
    service_tier: 'default',
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    usage: end === undefined ? null : responsesUsage(end.usage),
  };
}

const INCOMPLETE: Readonly<Partial<Record<Finish, string>>> = {
  length: 'max_output_tokens',
  content_filter: 'content_filter',
  refusal: 'content_filter',
};

function output(id: string, choice: ReplyChoice): readonly Json[] {
  const items: Json[] = [];
  if (choice.reasoning !== undefined) {
    items.push(reasoningItem(itemId('rs', id, items.length), choice.reasoning));
  }
  if (choice.text !== '' || choice.toolCalls.length === 0) {
    items.push(messageItem(itemId('msg', id, items.length), choice.text, 'completed'));
  }
  for (const call of choice.toolCalls) items.push(callItem(call, call.arguments, 'completed'));
  return items;
}

/** The same item has the same id in a stream and in the stored reply. */
function itemId(prefix: string, responseId: string, index: number): string {
  return `${prefix}_${responseId.replace(/^resp_/, '')}${index === 0 ? '' : index}`;
}

function reasoningItem(id: string, text: string): Json {
  return { id, type: 'reasoning', summary: [{ type: 'summary_text', text }] };
}

function textPart(text: string): Json {
  return { type: 'output_text', text, annotations: [], logprobs: [] };
}

function messageItem(id: string, text: string, status: 'in_progress' | 'completed'): Json {
  const content = status === 'in_progress' ? [] : [textPart(text)];
  return { id, type: 'message', role: 'assistant', status, content };
}

function callItem(
  { id, name, isCustom }: ToolCallHead,
  text: string,
  status: 'in_progress' | 'completed',
): Json {
  if (isCustom === true) {
    const item = `ctc_${id.replace(/^call_/, '')}`;
    return { id: item, type: 'custom_tool_call', call_id: id, name, input: text, status };
  }
  const item = `fc_${id.replace(/^call_/, '')}`;
  return { id: item, type: 'function_call', call_id: id, name, arguments: text, status };
}

interface OpenItem {
  readonly kind: 'text' | 'reasoning' | 'tool';
  readonly id: string;
  readonly call?: ToolCallHead;
  text: string;
}

/** A streamed reply: created, in_progress, items with their parts, one terminal event. No `[DONE]`. */
export class ResponsesStreamWriter implements StreamWriter {
  readonly #head: ReplyHead;
  readonly #extra: (() => string) | undefined;
  readonly #background: boolean;
  readonly #items: Json[] = [];
  #sequence = 0;
  #open: OpenItem | undefined;

  constructor(head: ReplyHead, { extra, background = false }: StreamOptions = {}) {
    this.#head = head;
    this.#extra = extra;
    this.#background = background;
  }

  open(): string {
    const started = { ...response(this.#head, []), background: this.#background };
    const queued = { response: { ...started, status: 'queued' } };
    return (
      (this.#background ? this.#frame('response.queued', queued) : '') +
      this.#frame('response.created', this.#background ? queued : { response: started }) +
      this.#frame('response.in_progress', { response: started })
    );
  }

  reasoning(fragment: string): string {
    return (
      this.#enter('reasoning') + this.#delta('response.reasoning_summary_text.delta', fragment)
    );
  }

  text(fragment: string): string {
    return this.#enter('text') + this.#delta('response.output_text.delta', fragment);
  }

  toolCall(call: ToolCallHead): string {
    const left = this.#leave();
    const item = callItem(call, '', 'in_progress');
    this.#open = { kind: 'tool', id: item['id'] as string, call, text: '' };
    return `${left}${this.#frame('response.output_item.added', { output_index: this.#items.length, item })}`;
  }

  toolArguments(fragment: string): string {
    const isCustom = this.#open?.call?.isCustom === true;
    const type = isCustom ? 'custom_tool_call_input' : 'function_call_arguments';
    return this.#delta(`response.${type}.delta`, fragment);
  }

  close(end: ReplyEnd): string {
    // A reply without any output still has its (empty) message.
    const opened = this.#open === undefined && this.#items.length === 0 ? this.#enter('text') : '';
    const left = this.#leave();
    const ended = response(this.#head, this.#items, end);
    const body: Json = { ...ended, background: this.#background };
    const type = body['status'] === 'incomplete' ? 'response.incomplete' : 'response.completed';
    return `${opened}${left}${this.#frame(type, { response: body })}`;
  }

  error(error: ApiError): string {
    // The nested object is what makes openai 6.x throw.
    const nested = openaiErrorBody(error).error;
    const { message, param } = nested;
    const code = error.code ?? 'server_error';
    return this.#frame('error', { code, message, param, error: { ...nested, code } });
  }

  #enter(kind: 'text' | 'reasoning'): string {
    if (this.#open?.kind === kind) return '';
    const left = this.#leave();
    const index = this.#items.length;
    const id = itemId(kind === 'text' ? 'msg' : 'rs', this.#head.id, index);
    this.#open = { kind, id, text: '' };
    const item =
      kind === 'text'
        ? messageItem(id, '', 'in_progress')
        : { id, type: 'reasoning', summary: [], status: 'in_progress' };
    return `${left}${this.#frame('response.output_item.added', { output_index: index, item })}${this.#part('added', '')}`;
  }

  /** The part inside an item: content part of a message, summary part of reasoning. */
  #part(phase: 'added' | 'done', text: string): string {
    const { id, kind } = this.#open!;
    const at = { item_id: id, output_index: this.#items.length };
    if (kind === 'text') {
      const type = `response.content_part.${phase}`;
      return this.#frame(type, { ...at, content_index: 0, part: textPart(text) });
    }
    const type = `response.reasoning_summary_part.${phase}`;
    return this.#frame(type, { ...at, summary_index: 0, part: { type: 'summary_text', text } });
  }

  #leave(): string {
    const open = this.#open;
    if (open === undefined) return '';
    const { id, kind, text } = open;
    const output_index = this.#items.length;
    const at = { item_id: id, output_index };
    let frames = '';
    let item: Json;
    if (kind === 'text') {
      const done = { ...at, content_index: 0, text, logprobs: [] };
      frames = this.#frame('response.output_text.done', done) + this.#part('done', text);
      item = messageItem(id, text, 'completed');
    } else if (kind === 'reasoning') {
      const done = { ...at, summary_index: 0, text };
      frames = this.#frame('response.reasoning_summary_text.done', done) + this.#part('done', text);
      item = reasoningItem(id, text);
    } else {
      const call = open.call!;
      frames =
        call.isCustom === true
          ? this.#frame('response.custom_tool_call_input.done', { ...at, input: text })
          : this.#frame('response.function_call_arguments.done', {
              ...at,
              name: call.name,
              arguments: text,
            });
      item = callItem(call, text, 'completed');
    }
    frames += this.#frame('response.output_item.done', { output_index, item });
    this.#items.push(item);
    this.#open = undefined;
    return frames;
  }

  /** The hot path. */
  #delta(type: string, fragment: string): string {
    const open = this.#open!;
    open.text += fragment;
    const place =
      open.kind === 'text'
        ? ',"content_index":0,"logprobs":[]'
        : open.kind === 'reasoning'
          ? ',"summary_index":0'
          : '';
    return `event: ${type}\ndata: {"type":"${type}","sequence_number":${this.#sequence++},"item_id":"${open.id}","output_index":${this.#items.length}${place},"delta":${JSON.stringify(fragment)}${this.#extra?.() ?? ''}}\n\n`;
  }

  #frame(type: string, fields: Json): string {
    const data = JSON.stringify({ type, sequence_number: this.#sequence++, ...fields });
    return `event: ${type}\ndata: ${data}\n\n`;
  }
}
