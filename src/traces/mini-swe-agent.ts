import { AgentSession } from './agent-session.ts';
import { ChatMessages, isMessage } from './chat-messages.ts';
import { isObject, listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { recordedCost } from './recorded-cost.ts';
import { responseUsage } from './response-usage.ts';
import { timeMs } from './timestamp.ts';
import type { JsonFold, JsonReader, Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';

/**
 * mini-swe-agent: a bare list of chat messages, or (1.1) `{messages, info}` whose messages carry
 * extra.timestamp (unix s, when the message was complete) and extra.response (the raw response
 * with usage). Actions are fenced code in the assistant's text; every user message after the first
 * is an observation. Without usage tokens are estimated, without times startMs is NaN.
 */
export const miniSweAgent: JsonReader = {
  kind: 'json',
  title: 'mini-swe-agent trajectory (chat message list)',
  lists: 'whole',
  mismatch: (sample: Sample) => {
    if (sample.kind !== 'json') return 'not JSON';
    const isList = sample.framing === 'document' && sample.records.length > 1;
    // The last element of a cut-off sample may be incomplete.
    if (isList && sample.records.slice(0, -1).every(isMessage)) return undefined;
    const isNewer = sample.records.some(
      (record) =>
        isObject(record) &&
        record['start_time'] === undefined &&
        (isObject(record['info']) || textOf(record['trajectory_format']) !== undefined) &&
        listOf(record['messages']).some(isMessage),
    );
    return isNewer ? undefined : 'neither a list of chat messages nor messages with info';
  },
  open: (tally: Tally) => new MiniFold(tally),
};

class MiniFold implements JsonFold {
  readonly #tally: Tally;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  value(value: unknown, place: Place): void {
    const messages = Array.isArray(value) ? listOf(value) : listOf(objectOf(value)['messages']);
    if (messages.length === 0) {
      this.#tally.read();
      this.#tally.skip('record has no messages', place);
      return;
    }
    const session = new AgentSession(place.toString(), { agent: 'mini-swe-agent' });
    const chat = new ChatMessages(session, this.#tally.estimates);
    let beforeMs = Number.NaN;
    let hasTask = false;
    for (const message of messages) {
      this.#tally.read();
      if (!isMessage(message)) {
        this.#tally.skip('entry is not a chat message', place);
        continue;
      }
      this.#tally.used();
      const atMs = timeMs(objectOf(message['extra'])['timestamp'], 's') ?? Number.NaN;
      if (message['role'] === 'assistant') this.#assistant(chat, message, { beforeMs, atMs });
      else if (message['role'] === 'user' && !hasTask) {
        hasTask = true;
        chat.user(message, atMs);
      } else chat.context(message);
      beforeMs = atMs;
    }
    const built = session.build();
    if (built !== undefined) this.#tally.session(built);
  }

  end(): void {}

  #assistant(
    chat: ChatMessages,
    message: JsonObject,
    { beforeMs, atMs }: { beforeMs: number; atMs: number },
  ): void {
    const extra = objectOf(message['extra']);
    const response = objectOf(extra['response']);
    chat.assistant(message, {
      startMs: beforeMs <= atMs ? beforeMs : atMs,
      endMs: Number.isNaN(atMs) ? undefined : atMs,
      model: textOf(response['model']),
      provider: undefined,
      tokens: responseUsage(response['usage']),
      costUsd: recordedCost(extra['cost']),
    });
    if (listOf(message['tool_calls']).length > 0) return;
    const action = FENCED_CODE.exec(textOf(message['content']) ?? '');
    if (action !== null) chat.finishedTool({ name: 'bash', startMs: atMs, arguments: action[1] });
  }
}

const FENCED_CODE = /```\w*\n([\s\S]*?)```/;
