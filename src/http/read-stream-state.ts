import type { TokenRecord } from '../core/tokens.ts';
import type { ApiError, Finish } from './dialect.ts';

/**
 * What one event of a stream brought, most telling first when it brought several things:
 * `reasoning`, `text` and `tool` are output tokens (the first of them is the first token of TTFT;
 * the first `text` or `tool` is the first visible one), `meta` is everything else.
 */
export type StreamProgress =
  | 'error'
  | 'malformed'
  | 'text'
  | 'tool'
  | 'reasoning'
  | 'terminal'
  | 'meta';

interface ReadToolCall {
  readonly id: string;
  readonly name: string;
  /** Concatenated fragments; not necessarily whole, and not necessarily JSON. */
  readonly arguments: string;
}

/** Everything a stream or a whole reply said so far. Lengths are in UTF-16 units. */
export interface ReplyState {
  /** The opening event was seen: role chunk, message_start, response.created. */
  readonly opened: boolean;
  readonly id: string | undefined;
  readonly model: string | undefined;
  readonly textLength: number;
  readonly reasoningLength: number;
  /** Empty unless the reader keeps text. */
  readonly text: string;
  readonly toolCalls: readonly ReadToolCall[];
  /** In the dialect's words. */
  readonly finishReason: string | undefined;
  readonly finish: Finish | undefined;
  readonly usage: TokenRecord | undefined;
  /** The dialect's terminal event was seen; without it the reply is truncated. */
  readonly terminal: boolean;
  /** An error inside the stream (or an error body of a 200). */
  readonly error: ApiError | undefined;
  readonly frames: number;
  /** Frames that carried output tokens. */
  readonly tokenFrames: number;
  readonly malformedFrames: number;
  /** Frames of unknown type; ignored. */
  readonly unknownFrames: number;
  /** The last event lacked its blank line: official SDKs lose it. */
  readonly unterminated: boolean;
}

/** How a reply ended. Only `complete` is a success; a 200 status says nothing. */
export type ReplyOutcome = 'complete' | 'truncated' | 'in-band-error' | 'malformed';

/** The outcome of a reply whose bytes have ended. */
export function replyOutcome(state: ReplyState): ReplyOutcome {
  if (state.error !== undefined) return 'in-band-error';
  if (state.malformedFrames > 0) return 'malformed';
  return state.terminal ? 'complete' : 'truncated';
}

/** The state while it is folded; readers hand it out as ReplyState. */
export class MutableReply implements ReplyState {
  opened = false;
  id: string | undefined = undefined;
  model: string | undefined = undefined;
  textLength = 0;
  reasoningLength = 0;
  text = '';
  toolCalls: MutableToolCall[] = [];
  finishReason: string | undefined = undefined;
  finish: Finish | undefined = undefined;
  usage: TokenRecord | undefined = undefined;
  terminal = false;
  error: ApiError | undefined = undefined;
  frames = 0;
  tokenFrames = 0;
  malformedFrames = 0;
  unknownFrames = 0;
  unterminated = false;
  readonly #keepText: boolean;

  constructor(keepText: boolean) {
    this.#keepText = keepText;
  }

  addText(fragment: string): void {
    this.textLength += fragment.length;
    if (this.#keepText) this.text += fragment;
  }

  addReasoning(fragment: string): void {
    this.reasoningLength += fragment.length;
  }

  end(reason: string, finish: Finish): void {
    this.finishReason = reason;
    this.finish = finish;
  }
}

export interface MutableToolCall {
  id: string;
  name: string;
  arguments: string;
}

/** One dialect's way of reading events and whole replies. */
export interface ReplyFold {
  /** One parsed event; `event` is the SSE event name. */
  event(event: string, data: unknown): StreamProgress;
  /** A data line that is not JSON: true when it is the dialect's terminal marker. */
  marker(data: string): boolean;
  /** The body of a non-streamed reply; false when it has not the dialect's shape. */
  whole(body: unknown): boolean;
}
