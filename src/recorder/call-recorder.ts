import type { IncomingHttpHeaders } from 'node:http';

import type { Clock } from '../core/clock.ts';
import type { TokenRecord } from '../core/tokens.ts';
import type { Dialect } from '../http/dialect.ts';
import { parseJson, recordOf, stringOf } from '../http/dialect-json.ts';
import type { Json } from '../http/dialect-json.ts';
import { tokensOfCharacters } from '../http/dialect-prompt.ts';
import { estimateInputTokens } from '../http/dialects.ts';
import { tokensOfChatUsage } from '../http/openai-chat-reply.ts';
import { createStreamReader, readReply, replyOutcome } from '../http/read-stream.ts';
import type { ReplyState, StreamReader } from '../http/read-stream.ts';
import { SseParser } from '../http/sse.ts';
import type { AddedLatency, RecordedCall, RecordedOutcome } from '../traces/recording-format.ts';
import { decodedBody } from './decoded-body.ts';
import type { KeyedHash } from './keyed-hash.ts';
import { nameOf, redact } from './redact.ts';
import { digestRequest } from './request-digest.ts';

/** Longer whole replies are not read for usage. */
const LARGEST_READ_BYTES = 64 * 1024 * 1024;

type ReplyHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface CallFacts {
  readonly endpoint: RecordedCall['endpoint'];
  /** Undefined for embeddings. */
  readonly dialect: Dialect | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Wall clock at which the request had been read. */
  readonly atMs: number;
  /** The recorder's clock when the request's head had arrived. */
  readonly arrivedMs: number;
}

export interface RecorderOptions {
  readonly clock: Clock;
  readonly hash: KeyedHash;
  /** Keep redacted request and reply texts. */
  readonly content: boolean;
}

/** How the bytes of a reply ended. */
export type ReplyEnding = 'ended' | 'reset' | 'client-left' | 'no-answer';

/** Watches one exchange pass by and says at its end what it was. Never touches the bytes. */
export class CallRecorder {
  readonly #facts: CallFacts;
  readonly #options: RecorderOptions;
  readonly #startMs: number;
  #sentMs = 0;
  #headersMs: number | undefined;
  #firstTokenMs: number | undefined;
  #lastTokenMs: number | undefined;
  #firstByteMs: number | undefined;
  #firstPassedMs: number | undefined;
  #endMs: number | undefined;
  #passedMs: number | undefined;
  #status: number | undefined;
  #headers: ReplyHeaders = {};
  #responseBytes = 0;
  #stream: { readonly parser: SseParser; readonly reader: StreamReader } | undefined;
  #chunks: Uint8Array[] = [];

  constructor(facts: CallFacts, options: RecorderOptions) {
    this.#facts = facts;
    this.#options = options;
    this.#startMs = options.clock.now();
  }

  sent(): void {
    this.#sentMs = this.#elapsed();
  }

  headersReceived(status: number, headers: ReplyHeaders): void {
    this.#headersMs = this.#elapsed();
    this.#status = status;
    this.#headers = headers;
    const { dialect } = this.#facts;
    const type = String(headers['content-type'] ?? '');
    if (dialect !== undefined && type.startsWith('text/event-stream') && !isEncoded(headers)) {
      const reader = createStreamReader(dialect, { keepText: this.#options.content });
      this.#stream = { parser: new SseParser(), reader };
    }
  }

  received(chunk: Uint8Array): void {
    this.#responseBytes += chunk.length;
    if (this.#stream === undefined) {
      if (this.#responseBytes <= LARGEST_READ_BYTES) this.#chunks.push(chunk);
      else this.#chunks = [];
      return;
    }
    const { parser, reader } = this.#stream;
    const nowMs = this.#elapsed();
    for (const event of parser.push(chunk)) {
      const progress = reader.push(event);
      if (progress !== 'text' && progress !== 'tool' && progress !== 'reasoning') continue;
      this.#firstTokenMs ??= nowMs;
      this.#lastTokenMs = nowMs;
    }
  }

  /** The first bytes of the reply's body are here. */
  firstArrived(): void {
    this.#firstByteMs = this.#elapsed();
  }

  /** The first bytes of the reply's body are on their way to the client. */
  firstPassed(): void {
    this.#firstPassedMs = this.#elapsed();
  }

  /** The provider's last byte is here. */
  ended(): void {
    this.#endMs = this.#elapsed();
  }

  /** All of the reply is on its way to the client. */
  passed(): void {
    this.#passedMs = this.#elapsed();
  }

  /** The record of the exchange. Does the expensive reading: call it after the reply is out. */
  finish(ending: ReplyEnding): RecordedCall {
    const endMs = this.#endMs ?? this.#elapsed();
    const { atMs, body, dialect, endpoint, headers } = this.#facts;
    const { content, hash } = this.#options;
    const text = decodedBody(body, headers['content-encoding']);
    const parsed = recordOf(parseJson(text ?? ''));
    const replyText = this.#stream === undefined ? this.#wholeReply() : undefined;
    const reply = this.#readReply(replyText);
    const outcome = this.#outcome(ending, reply);
    return {
      kind: 'recorded-call',
      atMs,
      sentMs: this.#sentMs,
      headersMs: this.#headersMs,
      firstTokenMs: this.#firstTokenMs,
      lastTokenMs: this.#lastTokenMs,
      endMs,
      added: this.#added(),
      provider: endpoint === 'messages' ? 'anthropic' : 'openai',
      endpoint,
      requestedModel: nameOf(stringOf(parsed?.['model'])),
      servedModel: nameOf(reply?.model),
      stream: parsed?.['stream'] === true,
      status: this.#status,
      outcome,
      error: this.#error(reply, replyText, outcome),
      ...this.#tokens(reply, replyText, parsed, outcome),
      finishReason: nameOf(reply?.finishReason),
      retryCount: wholeNumber(headers['x-stainless-retry-count']),
      requestBytes: body.length,
      responseBytes: this.#responseBytes,
      tokenFrames: this.#stream?.reader.state.tokenFrames,
      request: digestRequest(body, parsed, dialect, headers, hash),
      toolCalls: (reply?.toolCalls ?? []).map((call) => ({
        id: hash.of(call.id),
        name: nameOf(call.name) ?? hash.of(call.name),
        argumentsHash: hash.of(`${call.name}\0${call.arguments}`),
        argumentsLength: call.arguments.length,
      })),
      replyId: reply?.id === undefined ? undefined : hash.of(reply.id),
      limits: limitNumbers(this.#headers),
      content: content
        ? { request: redact(text ?? ''), response: redact(replyText ?? reply?.text ?? '') }
        : undefined,
    };
  }

  /** The body of a reply that was no stream, as text. */
  #wholeReply(): string | undefined {
    const encoding = this.#headers['content-encoding'];
    return decodedBody(
      Buffer.concat(this.#chunks),
      typeof encoding === 'string' ? encoding : undefined,
    );
  }

  #readReply(text: string | undefined): ReplyState | undefined {
    if (this.#stream !== undefined) {
      const { parser, reader } = this.#stream;
      for (const event of parser.end()) reader.push(event);
      return reader.state;
    }
    const { dialect } = this.#facts;
    if (dialect === undefined || text === undefined || this.#status !== 200) return undefined;
    return readReply(dialect, text, { keepText: this.#options.content });
  }

  #outcome(ending: ReplyEnding, reply: ReplyState | undefined): RecordedOutcome {
    if (ending === 'client-left') return 'cancelled';
    if (this.#status === undefined) return 'no-answer';
    if (this.#status >= 400) return 'http-error';
    if (ending === 'reset') return 'truncated';
    if (reply === undefined) return 'complete';
    const outcome = replyOutcome(reply);
    // Every SDK takes a finish reason without [DONE] for complete.
    return outcome === 'truncated' && reply.finish !== undefined ? 'complete' : outcome;
  }

  /** Type or code of what went wrong; messages may quote the prompt. */
  #error(
    reply: ReplyState | undefined,
    text: string | undefined,
    outcome: RecordedOutcome,
  ): string | undefined {
    if (outcome === 'complete') return undefined;
    const inBand = reply?.error?.type ?? reply?.error?.code;
    if (inBand !== undefined && inBand !== '') return shortWord(inBand);
    const error = recordOf(recordOf(parseJson(text ?? ''))?.['error']);
    const word = stringOf(error?.['code']) ?? stringOf(error?.['type']);
    return word === undefined ? outcome : (shortWord(word) ?? outcome);
  }

  #tokens(
    reply: ReplyState | undefined,
    text: string | undefined,
    parsed: Json | undefined,
    outcome: RecordedOutcome,
  ): Pick<RecordedCall, 'tokens' | 'tokensBasis'> {
    const { dialect } = this.#facts;
    if (dialect === undefined) {
      const usage = tokensOfChatUsage(recordOf(parseJson(text ?? ''))?.['usage']);
      return { tokens: usage, tokensBasis: usage === undefined ? 'missing' : 'reported' };
    }
    if (reply?.usage !== undefined && outcome === 'complete') {
      return { tokens: reply.usage, tokensBasis: 'reported' };
    }
    // A stream that had begun when it was cut has taken its prompt, even without a token.
    const hasBegun =
      this.#stream !== undefined && (outcome === 'cancelled' || outcome === 'truncated');
    const hasOutput = reply !== undefined && (reply.tokenFrames > 0 || reply.finish !== undefined);
    if (reply === undefined || !(hasBegun || hasOutput)) {
      return { tokens: undefined, tokensBasis: 'missing' };
    }
    return { tokens: estimatedTokens(reply, dialect, parsed), tokensBasis: 'estimated' };
  }

  #added(): AddedLatency | undefined {
    const [first, firstPassed] = [this.#firstByteMs, this.#firstPassedMs];
    const [end, passed] = [this.#endMs, this.#passedMs];
    if (end === undefined || passed === undefined) return undefined;
    const beforeMs = this.#startMs - this.#facts.arrivedMs + this.#sentMs;
    return {
      firstByteMs:
        first === undefined || firstPassed === undefined
          ? undefined
          : round(beforeMs + firstPassed - first),
      totalMs: round(beforeMs + passed - end),
    };
  }

  #elapsed(): number {
    return round(this.#options.clock.now() - this.#startMs);
  }
}

/** Usage of a reply that carried none (chat streams without include_usage) or was cut off. */
function estimatedTokens(
  reply: ReplyState,
  dialect: Dialect,
  parsed: Json | undefined,
): TokenRecord {
  let characters = reply.textLength + reply.reasoningLength;
  for (const call of reply.toolCalls) characters += call.name.length + call.arguments.length;
  const { usage } = reply;
  return {
    uncached: usage?.uncached ?? estimateInputTokens(dialect, parsed),
    cacheRead: usage?.cacheRead ?? 0,
    cacheWrite5m: usage?.cacheWrite5m ?? 0,
    cacheWrite1h: usage?.cacheWrite1h ?? 0,
    output: Math.max(usage?.output ?? 0, tokensOfCharacters(characters)),
    reasoning: usage?.reasoning ?? 0,
  };
}

function isEncoded(headers: ReplyHeaders): boolean {
  const encoding = headers['content-encoding'];
  return encoding !== undefined && encoding !== 'identity';
}

const LIMIT_HEADER = /^(?:x-ratelimit|anthropic-ratelimit|retry-after)/;

/** Rate-limit headers with whole numbers: limits, what is left, retry-after. */
function limitNumbers(headers: ReplyHeaders): Record<string, number> | undefined {
  const numbers: Record<string, number> = {};
  for (const [name, value] of Object.entries(headers)) {
    const number = LIMIT_HEADER.test(name) ? wholeNumber(value) : undefined;
    if (number !== undefined) numbers[name] = number;
  }
  return Object.keys(numbers).length === 0 ? undefined : numbers;
}

function wholeNumber(value: string | string[] | undefined): number | undefined {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** Error words are identifiers; anything longer or with blanks might be prose. */
function shortWord(text: string): string | undefined {
  return /^[\w.-]{1,64}$/.test(text) ? text : undefined;
}

/** Microseconds are as fine as these times mean anything. */
function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
