import {
  geminiMessage,
  isGeminiMessage,
  laterState,
  type GeminiMessage,
} from './gemini-message.ts';
import { GeminiSessions, type GeminiChat } from './gemini-sessions.ts';
import { isObject, listOf, textOf, type JsonObject } from './json-value.ts';
import { isoMs } from './timestamp.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';

/**
 * Gemini CLI chat recordings (`~/.gemini/tmp/<project>/chats/session-*.json`, since 2026-04
 * `.jsonl`, sub-agents in `chats/<session>/`): one conversation per file, as one document with its
 * messages, or as lines: a header, messages, `$set` with what changed, `$rewindTo`
 * (packages/core/src/services/chatRecordingService.ts of google-gemini/gemini-cli).
 *
 * Usage: one call per message of the model; gemini-message.ts has the rule. A message is written
 * again when its tools are done, when the history is saved as a whole, and into the new file when
 * an old session goes on: the last state counts, once. What was rewound had been sent and counts.
 *
 * Not recorded: calls that compress the chat, choose a model or failed; before 2026-03 also the
 * usage of answers that only call tools, which were added to the message before them. A tool lasts
 * from its answer to the end of all tools of that answer, waits for approvals included.
 */
export const geminiCli: JsonReader = {
  kind: 'json',
  title: 'Gemini CLI chat recording',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      "with sessionId and projectHash, nor a message of type 'gemini'",
      (record) =>
        isObject(record) && (isHeader(record) || isGeminiMessage(record) || isPromptLog(record)),
    ),
  open: (tally: Tally) => new GeminiFold(tally),
};

interface OpenChat extends GeminiChat {
  startMs: number;
  readonly messages: Map<string, GeminiMessage>;
}

class GeminiFold implements JsonFold {
  readonly #tally: Tally;
  readonly #chats = new Map<string, OpenChat>();
  #chat: OpenChat | undefined;
  #file = '';

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  file(name: string): void {
    this.#file = name;
    this.#chat = undefined;
  }

  value(value: unknown, place: Place): void {
    this.#tally.read();
    if (!isObject(value)) this.#tally.skip(UNKNOWN, place);
    else if (isHeader(value)) {
      this.#tally.used();
      // A session that goes on repeats its header.
      this.#chat = this.#open(value);
      this.#messages(value['messages'], { place, isHistory: false });
    } else if (isObject(value['$set'])) {
      this.#tally.used();
      const isHistory = (this.#chat?.messages.size ?? 0) > 0;
      this.#messages(value['$set']['messages'], { place, isHistory });
    } else if (textOf(value['$rewindTo']) !== undefined) this.#tally.used();
    else if (isPromptLog(value)) this.#tally.skip('log of prompts, no calls', place);
    else this.#message(value, place);
  }

  end(): void {
    for (const chat of this.#chats.values())
      for (const { atMs } of chat.messages.values()) chat.startMs = Math.min(chat.startMs, atMs);
    const sessions = new GeminiSessions(this.#tally, this.#chats);
    const chats = [...this.#chats.values()].filter(({ messages }) => messages.size > 0);
    for (const chat of chats.toSorted((a, b) => a.startMs - b.startMs)) sessions.add(chat);
    sessions.end();
  }

  #messages(list: unknown, from: { readonly place: Place; readonly isHistory: boolean }): void {
    for (const message of listOf(list)) {
      this.#tally.read();
      if (isObject(message)) this.#message(message, from.place, from.isHistory);
      else this.#tally.skip(UNKNOWN, from.place);
    }
  }

  /** @param isHistory from a history that was saved later: what is new in it, nobody typed */
  #message(value: JsonObject, place: Place, isHistory = false): void {
    const found = geminiMessage(value);
    if (found === undefined) {
      this.#tally.skip(UNKNOWN, place);
      return;
    }
    const message = isHistory ? { ...found, isPrompt: false, ask: undefined } : found;
    this.#chat ??= this.#open({});
    const { messages } = this.#chat;
    const known = messages.get(message.id);
    messages.set(message.id, known === undefined ? message : laterState(known, message));
    for (const { agentId } of message.tools)
      if (agentId !== undefined) this.#tally.claim('session', agentId);
    if (known === undefined) this.#tally.used();
    else this.#tally.duplicate('later state of a message that counts once');
  }

  #open(header: JsonObject): OpenChat {
    const sessionId = textOf(header['sessionId']) ?? this.#file;
    const isSubAgent = header['kind'] === 'subagent';
    const folder = isSubAgent ? CHAT_FOLDER.exec(this.#file)?.[1] : undefined;
    // Until 2026-03 a sub-agent had its parent's id and lay beside it.
    const parentId = folder ?? sessionId;
    const key = isSubAgent && folder === undefined ? `${sessionId} ${this.#file}` : sessionId;
    for (const id of [sessionId, parentId]) this.#tally.claim('session', id);
    const known = this.#chats.get(key);
    if (known !== undefined) return known;
    const chat: OpenChat = {
      key,
      sessionId,
      isSubAgent,
      parentId: isSubAgent ? parentId : undefined,
      startMs: isoMs(textOf(header['startTime']) ?? '') ?? Number.POSITIVE_INFINITY,
      messages: new Map(),
    };
    this.#chats.set(key, chat);
    return chat;
  }
}

function isHeader(record: JsonObject): boolean {
  return textOf(record['sessionId']) !== undefined && textOf(record['projectHash']) !== undefined;
}

/** A line of logs.json, which stands beside the chats: what the user typed. */
function isPromptLog(record: JsonObject): boolean {
  const isNumbered = typeof record['messageId'] === 'number' && record['type'] === 'user';
  return isNumbered && textOf(record['sessionId']) !== undefined;
}

const UNKNOWN = 'record is of an unknown kind, or has no time';
/** `chats/<session>/<sub-agent>.jsonl` */
const CHAT_FOLDER = /(?:^|[\\/:])chats[\\/]([^\\/]+)[\\/][^\\/]+$/;
