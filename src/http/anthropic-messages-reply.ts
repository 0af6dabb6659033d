import { cacheWriteTokens } from '../core/tokens.ts';
import type { TokenRecord } from '../core/tokens.ts';
import { anthropicErrorBody } from './anthropic-error.ts';
import { countOf, parseJson, recordOf } from './dialect-json.ts';
import type { Json } from './dialect-json.ts';
import type {
  ApiError,
  Finish,
  ReplyEnd,
  ReplyHead,
  StreamOptions,
  StreamWriter,
  ToolCallHead,
  WholeReply,
} from './dialect.ts';

const STOP_REASONS: Readonly<Record<Finish, string>> = {
  stop: 'end_turn',
  stop_sequence: 'stop_sequence',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'refusal',
  refusal: 'refusal',
};

/** Signature of visible thinking; clients return it unchanged, nobody checks it here. */
const SIGNATURE = 'YWdlbnQtaW5mcmEgc2ltdWxhdGVkIHNpZ25hdHVyZQ==';

/** Neutral finish of an Anthropic `stop_reason`. `pause_turn` has no twin and counts as a stop. */
export function messagesFinish(reason: string): Finish {
  switch (reason) {
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'length';
    case 'tool_use':
      return 'tool_calls';
    case 'stop_sequence':
    case 'refusal':
      return reason;
    default:
      return 'stop';
  }
}

/** `usage` of Messages: `input_tokens` excludes cached tokens. */
export function messagesUsage(tokens: TokenRecord): Json {
  return {
    input_tokens: tokens.uncached,
    cache_creation_input_tokens: cacheWriteTokens(tokens),
    cache_read_input_tokens: tokens.cacheRead,
    cache_creation: {
      ephemeral_5m_input_tokens: tokens.cacheWrite5m,
      ephemeral_1h_input_tokens: tokens.cacheWrite1h,
    },
    output_tokens: tokens.output,
    output_tokens_details: { thinking_tokens: tokens.reasoning },
    server_tool_use: null,
    service_tier: 'standard',
    inference_geo: 'global',
    speed: 'standard',
  };
}

/**
 * The same read back. A stream tells input first and output last: `earlier` holds what is known,
 * absent and null fields keep it. A write count without its split counts as 5 minutes.
 */
export function tokensOfMessagesUsage(
  usage: unknown,
  earlier?: TokenRecord,
): TokenRecord | undefined {
  const fields = recordOf(usage);
  const input = countOf(fields?.['input_tokens']) ?? earlier?.uncached;
  if (fields === undefined || input === undefined) return undefined;
  const split = recordOf(fields['cache_creation']);
  const written = countOf(fields['cache_creation_input_tokens']);
  const hour = countOf(split?.['ephemeral_1h_input_tokens']) ?? earlier?.cacheWrite1h ?? 0;
  const fiveMinutes = countOf(split?.['ephemeral_5m_input_tokens']);
  const details = recordOf(fields['output_tokens_details']);
  const output = countOf(fields['output_tokens']) ?? earlier?.output ?? 0;
  const reasoning = countOf(details?.['thinking_tokens']) ?? earlier?.reasoning ?? 0;
  return {
    uncached: input,
    cacheRead: countOf(fields['cache_read_input_tokens']) ?? earlier?.cacheRead ?? 0,
    cacheWrite5m:
      fiveMinutes ??
      (written === undefined ? (earlier?.cacheWrite5m ?? 0) : Math.max(0, written - hour)),
    cacheWrite1h: hour,
    output,
    reasoning: Math.min(reasoning, output),
  };
}

/** A non-streamed reply. */
export function messagesReply(reply: WholeReply): Json {
  const choice = reply.choices[0]!;
  const content: Json[] = [];
  if (choice.reasoning !== undefined) {
    content.push({ type: 'thinking', thinking: choice.reasoning, signature: SIGNATURE });
  }
  if (choice.text !== '') content.push({ type: 'text', text: choice.text, citations: null });
  for (const { id, name, arguments: text } of choice.toolCalls) {
    content.push({ type: 'tool_use', id, name, input: parseJson(text) ?? {}, caller: DIRECT });
  }
  return {
    ...emptyMessage(reply),
    content,
    stop_reason: STOP_REASONS[choice.finish],
    stop_sequence: choice.stopSequence ?? null,
    usage: messagesUsage(reply.usage),
  };
}

const DIRECT = { type: 'direct' };

function emptyMessage({ id, model }: ReplyHead): Json {
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
  };
}

type Block = 'text' | 'thinking' | 'tool_use';

/** A streamed reply: message_start, ping, blocks, message_delta, message_stop. */
export class MessagesStreamWriter implements StreamWriter {
  readonly #head: ReplyHead;
  readonly #extra: (() => string) | undefined;
  #index = -1;
  #block: Block | undefined;

  constructor(head: ReplyHead, { extra }: StreamOptions = {}) {
    this.#head = head;
    this.#extra = extra;
  }

  open(usage: TokenRecord): string {
    // Input is final here; one output token stands for "generation has begun", as in the real API.
    const started = messagesUsage({ ...usage, output: 1, reasoning: 0 });
    const message = { ...emptyMessage(this.#head), usage: started };
    return frame('message_start', { message }) + frame('ping', {});
  }

  reasoning(fragment: string): string {
    const start = this.#enter('thinking', { type: 'thinking', thinking: '', signature: '' });
    return `${start}${this.#delta('thinking_delta', 'thinking', fragment)}`;
  }

  text(fragment: string): string {
    const start = this.#enter('text', { type: 'text', text: '', citations: null });
    return `${start}${this.#delta('text_delta', 'text', fragment)}`;
  }

  toolCall({ id, name }: ToolCallHead): string {
    const block = { type: 'tool_use', id, name, input: {}, caller: DIRECT };
    return `${this.#leave()}${this.#start('tool_use', block)}`;
  }

  toolArguments(fragment: string): string {
    return this.#delta('input_json_delta', 'partial_json', fragment);
  }

  close({ finish, stopSequence, usage }: ReplyEnd): string {
    const delta = {
      stop_reason: STOP_REASONS[finish[0] ?? 'stop'],
      stop_sequence: stopSequence ?? null,
      stop_details: null,
      container: null,
    };
    const {
      cache_creation: _,
      service_tier: _tier,
      inference_geo: _geo,
      speed: _speed,
      ...counts
    } = messagesUsage(usage);
    return `${this.#leave()}${frame('message_delta', { delta, usage: counts })}${frame('message_stop', {})}`;
  }

  error(error: ApiError): string {
    return `event: error\ndata: ${JSON.stringify(anthropicErrorBody(error))}\n\n`;
  }

  #enter(block: Block, content: Json): string {
    return this.#block === block ? '' : this.#leave() + this.#start(block, content);
  }

  #start(block: Block, content: Json): string {
    this.#block = block;
    this.#index += 1;
    return frame('content_block_start', { index: this.#index, content_block: content });
  }

  #leave(): string {
    if (this.#block === undefined) return '';
    const signature =
      this.#block === 'thinking' ? this.#delta('signature_delta', 'signature', SIGNATURE) : '';
    this.#block = undefined;
    return `${signature}${frame('content_block_stop', { index: this.#index })}`;
  }

  /** The hot path: fixed text round the fragment. */
  #delta(type: string, field: string, fragment: string): string {
    return `event: content_block_delta\ndata: {"type":"content_block_delta","index":${this.#index},"delta":{"type":"${type}","${field}":${JSON.stringify(fragment)}}${this.#extra?.() ?? ''}}\n\n`;
  }
}

function frame(type: string, fields: Json): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}
