import type { TokenRecord } from '../core/tokens.ts';
import type { ApiError, Dialect } from '../http/dialect.ts';
import { tokensOfCharacters } from '../http/dialect-prompt.ts';
import { estimateInputTokens } from '../http/dialects.ts';
import { createStreamReader, replyOutcome } from '../http/read-stream.ts';
import type { StreamReader } from '../http/read-stream.ts';
import { SseParser } from '../http/sse.ts';
import type { CallOutcome, GatewayCall } from './call.ts';
import { FrameHold } from './frame-hold.ts';
import { inBandError } from './in-band-error.ts';
import { KeptReply } from './kept-reply.ts';
import { Refusal } from './refusal.ts';

/** A streamed reply on its way through: whole frames out, usage and terminal state noted. */
export class StreamReply {
  readonly #call: GatewayCall;
  readonly #dialect: Dialect;
  readonly #parser = new SseParser();
  readonly #reader: StreamReader;
  readonly #hold = new FrameHold();
  readonly #kept: KeptReply;
  #isWaiting = true;
  #hasEnded = false;

  /** @param dialect of the route; only generating routes stream */
  constructor(call: GatewayCall, dialect: Dialect, contentType: string) {
    this.#call = call;
    this.#dialect = dialect;
    this.#reader = createStreamReader(dialect);
    this.#kept = new KeptReply(call.keepReplyBytes, contentType);
  }

  get isWaitingForToken(): boolean {
    return this.#isWaiting;
  }

  /** Reads a chunk; returns the bytes that may go to the client now. */
  push(chunk: Buffer): Buffer {
    for (const event of this.#parser.push(chunk)) {
      const progress = this.#reader.push(event);
      if (progress !== 'meta') this.#isWaiting = false;
    }
    const ready = this.#hold.push(chunk);
    this.#kept.push(ready);
    return ready;
  }

  /** The upstream's bytes have ended. `tail` is what the client still gets. */
  end(): { readonly tail: Buffer | string; readonly terminal: string } {
    for (const event of this.#parser.end()) this.#reader.push(event);
    this.#hasEnded = true;
    const { state } = this.#reader;
    if (this.#isTruncated()) {
      // The rest is half a frame: no parser could use it.
      const truncation = this.errorFrame(TRUNCATED, TRUNCATED.message);
      return { tail: truncation, terminal: 'truncated' };
    }
    const rest = this.#hold.rest();
    // SDKs drop a last frame without its blank line, and with it message_stop.
    const tail = rest.length === 0 ? rest : Buffer.concat([rest, Buffer.from('\n\n')]);
    this.#kept.push(tail);
    if (state.terminal) return { tail, terminal: replyOutcome(state) };
    return { tail, terminal: state.error === undefined ? 'missing_done' : 'in-band-error' };
  }

  /** What the client should get instead of a 200, as long as nothing has been sent. */
  earlyError(): Refusal | undefined {
    const { error } = this.#reader.state;
    if (error !== undefined) {
      const { status, message, type, code = 'upstream_error' } = error;
      return new Refusal(message, { status, code, type, outcome: 'error' });
    }
    if (!this.#hasEnded || !this.#isTruncated()) return undefined;
    return new Refusal(TRUNCATED.message, { ...TRUNCATED, outcome: 'error' });
  }

  errorFrame(error: Omit<ApiError, 'message'>, message: string): string {
    const { code, status, type } = error;
    return inBandError(this.#dialect, { status, code, type, message }, this.#reader.state.frames);
  }

  outcome(): Partial<CallOutcome> {
    const { state } = this.#reader;
    const isComplete = this.#hasEnded && replyOutcome(state) === 'complete';
    const isShort = !this.#hasEnded || this.#isTruncated();
    const kind = state.error === undefined && !isShort ? 'ok' : isShort ? 'truncated' : 'error';
    return {
      kind: state.malformedFrames > 0 && kind === 'ok' ? 'error' : kind,
      finish: state.finish,
      ...this.#tokens(),
      reply: isComplete ? this.#kept.whole() : undefined,
    };
  }

  /** Reported usage of a complete stream; else what was generated so far, estimated. */
  #tokens(): Pick<CallOutcome, 'tokens' | 'tokensBasis'> {
    const { state } = this.#reader;
    const { usage } = state;
    if (usage !== undefined && state.terminal) return { tokens: usage, tokensBasis: 'reported' };
    if (state.tokenFrames === 0 && state.finish === undefined) {
      return { tokens: undefined, tokensBasis: 'none' };
    }
    let characters = state.textLength + state.reasoningLength;
    for (const call of state.toolCalls) characters += call.arguments.length + call.name.length;
    const output = Math.max(usage?.output ?? 0, tokensOfCharacters(characters));
    const tokens: TokenRecord = {
      uncached: usage?.uncached ?? estimateInputTokens(this.#dialect, this.#call.facts.parsed),
      cacheRead: usage?.cacheRead ?? 0,
      cacheWrite5m: usage?.cacheWrite5m ?? 0,
      cacheWrite1h: usage?.cacheWrite1h ?? 0,
      output,
      reasoning: usage?.reasoning ?? 0,
    };
    return { tokens, tokensBasis: 'estimated' };
  }

  /**
   * A finish reason without `[DONE]` is complete to every SDK, so the client is not told otherwise.
   */
  #isTruncated(): boolean {
    const { state } = this.#reader;
    if (state.terminal || state.error !== undefined) return false;
    return !(this.#dialect === 'openai-chat' && state.finish !== undefined);
  }
}

const TRUNCATED = {
  status: 502,
  code: 'upstream_truncated',
  message: 'the provider ended the stream before the reply was complete',
};
