import type { TokenRecord } from '../core/tokens.ts';
import type { PromptPart } from './dialect-prompt.ts';

/** A provider API whose wire format we read and write. Embeddings have no stream and stand apart. */
export type Dialect = 'openai-chat' | 'openai-responses' | 'anthropic-messages';

/** Why a reply ended, in one vocabulary; each dialect file maps its own words to it. */
export type Finish =
  | 'stop'
  | 'stop_sequence'
  | 'length'
  | 'tool_calls'
  | 'content_filter'
  | 'refusal';

/** A provider's error before it takes the dialect's shape. */
export interface ApiError {
  /** HTTP status; of an error inside a 200 stream, the status its type stands for. */
  readonly status: number;
  readonly message: string;
  /** The dialect's default for the status when absent. */
  readonly type?: string | undefined;
  /** OpenAI `code`, Anthropic `details.error_code`. */
  readonly code?: string | undefined;
  /** OpenAI only: the field that is wrong. */
  readonly param?: string | undefined;
}

export interface ToolCallPart {
  /** With the dialect's prefix: `call_…` (OpenAI), `toolu_…` (Anthropic). */
  readonly id: string;
  readonly name: string;
  /** JSON text; of a custom tool, any text. */
  readonly arguments: string;
  /** OpenAI: a call of a custom tool, which takes text. */
  readonly isCustom?: boolean | undefined;
}

/** What opens a call in a stream. */
export type ToolCallHead = Pick<ToolCallPart, 'id' | 'name' | 'isCustom'>;

export interface ToolDefinition {
  readonly name: string;
  /** JSON Schema of the arguments; undefined when the request gives none. */
  readonly schema: unknown;
  /** OpenAI: a custom tool, which takes text instead of JSON. */
  readonly isCustom?: boolean | undefined;
  /** Of a custom tool: the regular expression its input must match, if it has one. */
  readonly pattern?: string | undefined;
}

export type ToolChoice =
  | { readonly kind: 'auto' | 'none' | 'required' }
  | { readonly kind: 'named'; readonly name: string };

/** What a request asks for, in one form for all dialects. Content stays in `prompt`. */
export interface ModelRequest {
  readonly dialect: Dialect;
  readonly model: string;
  readonly stream: boolean;
  /** Output cap per choice, reasoning included; the largest of the dialect's fields. */
  readonly maxOutputTokens?: number | undefined;
  /** vLLM's `min_tokens` and `ignore_eos`: generate up to the cap whatever the content. */
  readonly minOutputTokens?: number | undefined;
  readonly ignoreEos: boolean;
  /** Choices asked for (`n`); 1 in dialects without. */
  readonly choices: number;
  /** Chat streams carry usage only on request; the other dialects always do. */
  readonly includeUsage: boolean;
  /** OpenAI pads stream chunks with a random field unless told not to. */
  readonly obfuscate: boolean;
  readonly stop: readonly string[];
  readonly tools: readonly ToolDefinition[];
  readonly toolChoice: ToolChoice;
  readonly parallelToolCalls: boolean;
  readonly reasoning: ReasoningRequest;
  /** JSON Schema the answer must satisfy (`true`: any JSON object); undefined for free text. */
  readonly outputSchema?: unknown;
  readonly prompt: readonly PromptPart[];
  /** Text of the last user message: the simulator reads its directives there. */
  readonly lastUserText: string;
  /** Assistant messages with tool calls since that message. */
  readonly toolRounds: number;
  /** Chat `logprobs`: alternatives wanted with each token (`top_logprobs`); undefined for none. */
  readonly topLogprobs?: number | undefined;
  /** Responses: the call goes on without its caller, who reads the reply later. */
  readonly background?: boolean | undefined;
  /** OpenAI's routing hint for its prompt cache. */
  readonly cacheKey?: string | undefined;
}

interface ReasoningRequest {
  /** none, minimal, low, medium, high, xhigh, max: as the client wrote it. */
  readonly effort?: string | undefined;
  /** Anthropic's `thinking.budget_tokens`. */
  readonly budgetTokens?: number | undefined;
  /** Whether the client wants to see it: thinking blocks, reasoning summaries. */
  readonly visible: boolean;
}

/** A request read, or why it is refused. */
export type ReadRequest =
  | { readonly ok: true; readonly request: ModelRequest }
  | { readonly ok: false; readonly error: ApiError };

/** One finished alternative of a reply. */
export interface ReplyChoice {
  /** Visible reasoning text; undefined when none is shown. */
  readonly reasoning?: string | undefined;
  readonly text: string;
  readonly toolCalls: readonly ToolCallPart[];
  readonly finish: Finish;
  /** The sequence that ended it, with finish `stop_sequence`. */
  readonly stopSequence?: string | undefined;
}

export interface ReplyHead {
  /** With the dialect's prefix: `chatcmpl-…`, `resp_…`, `msg_…`. */
  readonly id: string;
  readonly model: string;
  /** Seconds since the Unix epoch. */
  readonly createdS: number;
  /** Chat: log probabilities of the visible tokens, with so many alternatives; none when absent. */
  readonly topLogprobs?: number | undefined;
}

export interface WholeReply extends ReplyHead {
  readonly choices: readonly ReplyChoice[];
  readonly usage: TokenRecord;
}

export interface ReplyEnd {
  /** Per choice. */
  readonly finish: readonly Finish[];
  readonly stopSequence?: string | undefined;
  readonly usage: TokenRecord;
}

/**
 * Writes one streamed reply event by event. Each call returns complete SSE frames (possibly none)
 * as text; the caller decides when they are sent. Order: open, then any of reasoning, text and
 * tool calls, then close or error.
 */
export interface StreamWriter {
  /** @param usage input counts, which some dialects announce at the start */
  open(usage: TokenRecord): string;
  reasoning(fragment: string, choice?: number): string;
  text(fragment: string, choice?: number): string;
  /** Starts the next tool call; its arguments follow in fragments. */
  toolCall(call: ToolCallHead, choice?: number): string;
  toolArguments(fragment: string, choice?: number): string;
  close(end: ReplyEnd): string;
  /** The in-band error frame that makes the official SDKs throw; nothing may follow it. */
  error(error: ApiError): string;
}

export interface StreamOptions {
  /** Chat: a last chunk with usage, and `usage: null` in all others. */
  readonly includeUsage?: boolean | undefined;
  /** Chat: pad chunks with the `obfuscation` field, as OpenAI does by default. */
  readonly obfuscate?: boolean | undefined;
  /** Number of choices (chat `n`). */
  readonly choices?: number | undefined;
  /** What the reply opens with: a reply of only tool calls puts the role into its first call. */
  readonly opensWith?: 'text' | 'tool' | undefined;
  /** Responses: a background call, which is queued first. */
  readonly background?: boolean | undefined;
  /** JSON text of further fields for frames with output, e.g. `,"t":123`; clients ignore them. */
  readonly extra?: (() => string) | undefined;
}
