import { AgentSession } from './agent-session.ts';
import { amountOf, isObject, numberOf, textOf } from './json-value.ts';
import { isLengthRow, lengthRowCall } from './mooncake.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';

/** Tokens per prefix block of the Qwen-Bailian traces (ATC'25). */
const QWEN_BLOCK_TOKENS = 16;

/**
 * Qwen-Bailian JSON lines: like Mooncake with seconds and 16-token blocks, and chats chained by
 * parent_chat_id (-1 at the root): every row is a turn of one call.
 */
export const qwenBailian: JsonReader = {
  kind: 'json',
  title: 'Qwen-Bailian JSON lines',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      'with chat_id, timestamp, input_length and output_length',
      (record) => isObject(record) && record['chat_id'] !== undefined && isLengthRow(record),
    ),
  open: (tally: Tally) => new QwenRows(tally),
};

class QwenRows implements JsonFold {
  readonly #tally: Tally;
  readonly #sessionOfChat = new Map<number, AgentSession>();
  readonly #sessions: AgentSession[] = [];

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  value(value: unknown, place: Place): void {
    this.#tally.read();
    const chat = isObject(value) ? amountOf(value['chat_id']) : undefined;
    const call = isObject(value)
      ? lengthRowCall(value, { msPerUnit: 1000, blockTokens: QWEN_BLOCK_TOKENS })
      : undefined;
    if (!isObject(value) || chat === undefined || call === undefined) {
      this.#tally.skip('row lacks chat_id, timestamp or lengths', place);
      return;
    }
    this.#tally.used();
    const parent = numberOf(value['parent_chat_id']) ?? -1;
    let session = this.#sessionOfChat.get(parent);
    if (session === undefined) {
      session = new AgentSession(`chat ${chat}`, { agent: textOf(value['type']) });
      this.#sessions.push(session);
    }
    this.#sessionOfChat.set(chat, session);
    session.startTurn(call.startMs);
    session.main.call(call);
  }

  end(): void {
    for (const session of this.#sessions) {
      const built = session.build();
      if (built !== undefined) this.#tally.session(built);
    }
  }
}
