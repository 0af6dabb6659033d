import { cacheWriteTokens, inputTokens, tokensFromInclusive } from '../core/tokens.ts';
import type { TokenRecord } from '../core/tokens.ts';
import { chatLogprobs } from './chat-logprobs.ts';
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
  ToolCallPart,
  WholeReply,
} from './dialect.ts';
import { openaiErrorBody } from './openai-error.ts';

/** Constant of replies: one backend configuration. */
const SYSTEM_FINGERPRINT = 'fp_agentinfra';

/** Chunks are padded to about this many characters of content plus padding. */
const OBFUSCATED_LENGTH = 16;
const PADDINGS = Array.from(
  { length: OBFUSCATED_LENGTH + 1 },
  (_, length) => `,"obfuscation":"${'kQ3vX9zLm2TfB7Yw'.slice(0, length)}"`,
);

const FINISH_REASONS: Readonly<Record<Finish, string>> = {
  stop: 'stop',
  stop_sequence: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  content_filter: 'content_filter',
  refusal: 'content_filter',
};

/** Neutral finish of a chat `finish_reason`; unknown reasons count as a natural stop. */
export function chatFinish(reason: string): Finish {
  if (reason === 'length' || reason === 'tool_calls' || reason === 'content_filter') return reason;
  return reason === 'function_call' ? 'tool_calls' : 'stop';
}

/** `usage` of Chat Completions: `prompt_tokens` includes cached tokens. */
export function chatUsage(tokens: TokenRecord): Json {
  const prompt = inputTokens(tokens);
  return {
    prompt_tokens: prompt,
    completion_tokens: tokens.output,
    total_tokens: prompt + tokens.output,
    prompt_tokens_details: {
      cached_tokens: tokens.cacheRead,
      cache_write_tokens: cacheWriteTokens(tokens),
      audio_tokens: 0,
    },
    completion_tokens_details: {
      reasoning_tokens: tokens.reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** The same read back; undefined when the usage has no counts. */
export function tokensOfChatUsage(usage: unknown): TokenRecord | undefined {
  const fields = recordOf(usage);
  const input = countOf(fields?.['prompt_tokens']);
  if (fields === undefined || input === undefined) return undefined;
  const prompt = recordOf(fields['prompt_tokens_details']);
  const completion = recordOf(fields['completion_tokens_details']);
  return tokensFromInclusive({
    input,
    cacheRead: countOf(prompt?.['cached_tokens']),
    cacheWrite: countOf(prompt?.['cache_write_tokens']),
    output: countOf(fields['completion_tokens']) ?? 0,
    reasoning: countOf(completion?.['reasoning_tokens']),
  });
}

/** A non-streamed reply. */
export function chatReply(reply: WholeReply): Json {
  return {
    id: reply.id,
    object: 'chat.completion',
    created: reply.createdS,
    model: reply.model,
    choices: reply.choices.map((choice, index) => ({
      index,
      message: chatMessage(choice),
      logprobs:
        reply.topLogprobs === undefined ? null : chatLogprobs(choice.text, reply.topLogprobs),
      finish_reason: FINISH_REASONS[choice.finish],
    })),
    usage: chatUsage(reply.usage),
    service_tier: 'default',
    system_fingerprint: SYSTEM_FINGERPRINT,
  };
}

function chatMessage(choice: ReplyChoice): Json {
  const calls = choice.toolCalls;
  return {
    role: 'assistant',
    content: choice.text === '' && calls.length > 0 ? null : choice.text,
    refusal: null,
    annotations: [],
    ...(choice.reasoning === undefined ? {} : { reasoning_content: choice.reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map((call) => wholeCall(call)) }),
  };
}

function wholeCall({ id, name, arguments: text, isCustom }: ToolCallPart): Json {
  if (isCustom === true) return { id, type: 'custom', custom: { name, input: text } };
  return { id, type: 'function', function: { name, arguments: text } };
}

/**
 * A streamed reply: role chunk, deltas, finish chunk, usage chunk if asked for, `[DONE]`. Chunks
 * are concatenated from fixed JSON text, since they are the hot path of the simulated provider.
 */
export class ChatStreamWriter implements StreamWriter {
  readonly #start: string;
  readonly #usageNull: string;
  readonly #options: StreamOptions;
  readonly #choices: number;
  readonly #topLogprobs: number | undefined;
  /** Index of the latest tool call per choice; -1 before the first. */
  readonly #toolIndex: number[];
  readonly #roleSent: boolean[];
  /** Whether the latest tool call of a choice is of a custom tool. */
  readonly #isCustom: boolean[] = [];

  constructor(head: ReplyHead, options: StreamOptions = {}) {
    const { id, createdS, model } = head;
    const fields = { id, object: 'chat.completion.chunk', created: createdS, model };
    const text = JSON.stringify({
      ...fields,
      service_tier: 'default',
      system_fingerprint: SYSTEM_FINGERPRINT,
    });
    this.#start = `data: ${text.slice(0, -1)},"choices":[`;
    this.#usageNull = options.includeUsage === true ? ',"usage":null' : '';
    this.#options = options;
    this.#choices = options.choices ?? 1;
    this.#topLogprobs = head.topLogprobs;
    this.#toolIndex = Array.from({ length: this.#choices }, () => -1);
    this.#roleSent = Array.from({ length: this.#choices }, () => false);
  }

  open(): string {
    if (this.#options.opensWith === 'tool') return ''; // the role comes with the first call
    let frames = '';
    for (let choice = 0; choice < this.#choices; choice += 1) {
      frames += this.#chunk(choice, '"role":"assistant","content":"","refusal":null');
      this.#roleSent[choice] = true;
    }
    return frames;
  }

  reasoning(fragment: string, choice = 0): string {
    const field = `"reasoning_content":${JSON.stringify(fragment)}`;
    return this.#tokens(choice, this.#role(choice) + field, fragment.length);
  }

  text(fragment: string, choice = 0): string {
    const field = `"content":${JSON.stringify(fragment)}`;
    const logprobs =
      this.#topLogprobs === undefined
        ? 'null'
        : JSON.stringify(chatLogprobs(fragment, this.#topLogprobs));
    return this.#tokens(choice, this.#role(choice) + field, fragment.length, logprobs);
  }

  toolCall({ id, name, isCustom = false }: ToolCallHead, choice = 0): string {
    const index = this.#toolIndex[choice]! + 1;
    this.#toolIndex[choice] = index;
    this.#isCustom[choice] = isCustom;
    const call = isCustom
      ? { index, id, type: 'custom', custom: { name, input: '' } }
      : { index, id, type: 'function', function: { name, arguments: '' } };
    const content = this.#roleSent[choice] === true ? '' : '"role":"assistant","content":null,';
    this.#roleSent[choice] = true;
    return this.#chunk(choice, `${content}"tool_calls":[${JSON.stringify(call)}]`);
  }

  toolArguments(fragment: string, choice = 0): string {
    const text = JSON.stringify(fragment);
    const part =
      this.#isCustom[choice] === true
        ? `"custom":{"input":${text}}`
        : `"function":{"arguments":${text}}`;
    const call = `"tool_calls":[{"index":${this.#toolIndex[choice]!},${part}}]`;
    return this.#tokens(choice, call, fragment.length);
  }

  close({ finish, usage }: ReplyEnd): string {
    let frames = '';
    for (let choice = 0; choice < this.#choices; choice += 1) {
      frames += this.#chunk(choice, '', FINISH_REASONS[finish[choice] ?? 'stop']);
    }
    if (this.#options.includeUsage === true) {
      frames += `${this.#start}],"usage":${JSON.stringify(chatUsage(usage))}${this.#padding(0)}}\n\n`;
    }
    return `${frames}data: [DONE]\n\n`;
  }

  error(error: ApiError): string {
    return `data: ${JSON.stringify(openaiErrorBody(error))}\n\n`;
  }

  #role(choice: number): string {
    if (this.#roleSent[choice] === true) return '';
    this.#roleSent[choice] = true;
    return '"role":"assistant",';
  }

  /** The hot path: a chunk with output. */
  #tokens(choice: number, delta: string, length: number, logprobs = 'null'): string {
    const extra = this.#options.extra?.() ?? '';
    return `${this.#start}{"index":${choice},"delta":{${delta}},"logprobs":${logprobs},"finish_reason":null}]${this.#usageNull}${this.#padding(length)}${extra}}\n\n`;
  }

  #chunk(choice: number, delta: string, finish: string | null = null): string {
    const reason = finish === null ? 'null' : `"${finish}"`;
    return `${this.#start}{"index":${choice},"delta":{${delta}},"logprobs":null,"finish_reason":${reason}}]${this.#usageNull}${this.#padding(0)}}\n\n`;
  }

  #padding(length: number): string {
    if (this.#options.obfuscate !== true) return '';
    return PADDINGS[Math.max(0, OBFUSCATED_LENGTH - length)]!;
  }
}
