import type { TokenRecord } from '../core/tokens.ts';

/**
 * The recording format of `agent-infra profile record`: JSON Lines, UTF-8, one object per line,
 * appended when a call ends, so that a killed recorder loses at most the calls in flight.
 *
 * Line 1 is a RecordingHeader, every other line a RecordedCall. Readers ignore fields they do not
 * know. No content: names of models and tools, lengths, counts, times, and 64-bit hashes under a
 * random key of the recording that is never stored. Hashes of one recording can be compared with
 * each other and with nothing else.
 *
 * Times: `atMs` is the wall clock (ms since the Unix epoch) when the request had been read; all
 * other times are ms after it, on a monotonic clock.
 */
export interface RecordingHeader {
  readonly kind: 'agent-infra-recording';
  readonly schemaVersion: '1.0';
  /** For example `agent-infra 0.1.0`. */
  readonly tool: string;
  readonly startedAt: string;
  /** Characters and estimated tokens of one block of `prefix`. */
  readonly blockCharacters: number;
  readonly blockTokens: number;
}

/** One HTTP exchange with a generating or embedding endpoint: one attempt of a call. */
export interface RecordedCall {
  readonly kind: 'recorded-call';
  readonly atMs: number;
  readonly sentMs: number;
  readonly headersMs?: number | undefined;
  /** First output token: text, reasoning or tool call. */
  readonly firstTokenMs?: number | undefined;
  readonly lastTokenMs?: number | undefined;
  /** Last byte of the reply from the provider. */
  readonly endMs: number;
  /** What the recorder itself cost the call; absent where there was no reply to pass on. */
  readonly added?: AddedLatency | undefined;
  readonly provider: 'openai' | 'anthropic';
  readonly endpoint: 'chat' | 'responses' | 'messages' | 'embeddings';
  readonly requestedModel?: string | undefined;
  readonly servedModel?: string | undefined;
  readonly stream: boolean;
  /** HTTP status; absent when there was no answer. */
  readonly status?: number | undefined;
  readonly outcome: RecordedOutcome;
  /** Type or code of the error, never its message. */
  readonly error?: string | undefined;
  readonly tokens?: TokenRecord | undefined;
  /** `estimated`: from lengths, because the reply carried no usage or ended early. */
  readonly tokensBasis: 'reported' | 'estimated' | 'missing';
  /** In the dialect's words. */
  readonly finishReason?: string | undefined;
  /** What the client's SDK says in x-stainless-retry-count. */
  readonly retryCount?: number | undefined;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Frames with output tokens in a stream. */
  readonly tokenFrames?: number | undefined;
  readonly request: RecordedRequest;
  readonly toolCalls: readonly RecordedToolCall[];
  /** Hash of the reply's id: a later request may name it as previous_response_id. */
  readonly replyId?: string | undefined;
  /** Numbers of the provider's rate-limit headers, and retry-after-ms. */
  readonly limits?: Readonly<Record<string, number>> | undefined;
  /** Only with --content: redacted text. */
  readonly content?: { readonly request: string; readonly response: string } | undefined;
}

/**
 * Time a call spent in the recording proxy and not at the provider, in ms: from the arrival of the
 * request's head to its sending (reading the body and, on a new connection, connecting included),
 * and from the provider's bytes to their handing over to the operating system. Without the loopback
 * hop itself.
 */
export interface AddedLatency {
  /** On the way to the client's first byte of the reply's body; absent when the body was empty. */
  readonly firstByteMs?: number | undefined;
  /** On the whole call. */
  readonly totalMs: number;
}

export type RecordedOutcome =
  | 'complete'
  | 'http-error'
  | 'in-band-error'
  | 'truncated'
  | 'malformed'
  | 'cancelled'
  | 'no-answer';

/** What a request asked for, without its content. */
export interface RecordedRequest {
  /** Hash of the whole body: equal for retries. */
  readonly hash: string;
  /** Output cap stated by the caller. */
  readonly outputCap?: number | undefined;
  readonly tools: number;
  readonly toolsHash?: string | undefined;
  readonly systemHash?: string | undefined;
  /** One letter per message: s(ystem), u(ser), a(ssistant), t(ool result), o(ther). */
  readonly roles: string;
  /**
   * Chained hashes of the messages: entry i stands for messages 0 to i. A request whose list starts
   * with all entries of an earlier one continues that conversation. Cache marks do not count.
   */
  readonly chain: readonly string[];
  /** Characters per message. */
  readonly lengths: readonly number[];
  /** Chained hashes of fixed-size blocks of the prompt in cache order: tools, system, messages. */
  readonly prefix: readonly string[];
  /** Results of tools after the last message of the model: the ones this request delivers. */
  readonly toolResults: readonly RecordedToolResult[];
  /** Hashes of the ids that callers send, by meaning. */
  readonly ids?: Readonly<Partial<Record<RecordedId, string>>> | undefined;
}

/**
 * `session`: one conversation (Claude Code, Codex, `conversation`). `previousReply`: the reply this
 * request continues. `agent`: the sub-agent that asks; `parentAgent`: the one that started it.
 * `user` and `cacheKey` may span sessions.
 */
export type RecordedId =
  | 'session'
  | 'previousReply'
  | 'agent'
  | 'parentAgent'
  | 'user'
  | 'cacheKey';

interface RecordedToolCall {
  /** Hash of the call's id, to meet its result. */
  readonly id: string;
  readonly name: string;
  readonly argumentsHash: string;
  readonly argumentsLength: number;
}

interface RecordedToolResult {
  readonly id: string;
  readonly length: number;
  readonly isError?: boolean | undefined;
}
