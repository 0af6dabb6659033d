import type { Dialect } from './dialect.ts';
import { parseJson } from './dialect-json.ts';
import { ChatFold } from './read-stream-chat.ts';
import { MessagesFold } from './read-stream-messages.ts';
import { ResponsesFold } from './read-stream-responses.ts';
import { MutableReply } from './read-stream-state.ts';
import type { ReplyFold, ReplyState, StreamProgress } from './read-stream-state.ts';
import type { SseEvent } from './sse.ts';

export { replyOutcome } from './read-stream-state.ts';
export type { ReplyState } from './read-stream-state.ts';

export interface ReadOptions {
  /** Keep the visible text in the state. Off by default: measurements need lengths only. */
  readonly keepText?: boolean | undefined;
}

const folds = {
  'openai-chat': (reply) => new ChatFold(reply),
  'openai-responses': (reply) => new ResponsesFold(reply),
  'anthropic-messages': (reply) => new MessagesFold(reply),
} satisfies Record<Dialect, (reply: MutableReply) => ReplyFold>;

/**
 * Folds the events of one stream as they arrive. Stamp the clock before calling `push`; it says
 * what the event brought. When the bytes end, `replyOutcome(reader.state)` says how it went.
 */
export interface StreamReader {
  readonly state: ReplyState;
  push(event: SseEvent): StreamProgress;
}

const OPENING_BRACE = 0x7b;

/** A reader for one stream of the dialect; never throws on what the stream contains. */
export function createStreamReader(dialect: Dialect, options: ReadOptions = {}): StreamReader {
  const state = new MutableReply(options.keepText === true);
  const fold = folds[dialect](state);
  return {
    state,
    push(event) {
      state.frames += 1;
      if (event.unterminated === true) state.unterminated = true;
      // A marker is asked for before it fails to parse: making a SyntaxError costs more than a frame.
      const isObject = event.data.charCodeAt(0) === OPENING_BRACE;
      if (!isObject && fold.marker(event.data)) return 'terminal';
      const data = parseJson(event.data);
      if (data === undefined) {
        state.malformedFrames += 1;
        return 'malformed';
      }
      const progress = fold.event(event.event, data);
      if (progress === 'text' || progress === 'tool' || progress === 'reasoning') {
        state.tokenFrames += 1;
      }
      return progress;
    },
  };
}

/** Reads a non-streamed reply. A body that is no JSON, or not of the dialect, is malformed. */
export function readReply(dialect: Dialect, body: string, options: ReadOptions = {}): ReplyState {
  const state = new MutableReply(options.keepText === true);
  state.frames = 1;
  if (!folds[dialect](state).whole(parseJson(body))) state.malformedFrames = 1;
  return state;
}
