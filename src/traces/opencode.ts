import { isObject, listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { wholeMessage, type WholeMessage } from './opencode-message-v2.ts';
import {
  impliedMessage,
  opencodeRecord,
  type MessageRecord,
  type PartRecord,
  type SessionRecord,
} from './opencode-record.ts';
import { OpencodeSessions, type OpencodeLog, type OpencodeMessage } from './opencode-sessions.ts';
import type { JsonFold, JsonReader, Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';

/**
 * opencode sessions: its store of before 1.2 (`~/.local/share/opencode/storage/`, one small file
 * per session, message and part), the rows of its database since (opencode-database.ts),
 * `opencode export` of versions 1 and 2, the message lists of its server, and what `opencode run
 * --format json` prints: parts only, so that model, start of the calls and sub-agents are not known
 * (packages/opencode/src/{storage,session,cli/cmd} of anomalyco/opencode).
 *
 * A session's records stand in three folders, so that all files of a run are joined by their ids:
 * session, message, part, in any order. An export beside the store repeats its ids and counts once.
 *
 * Usage: each step-finish part is one call, and the message repeats the last one's; a message
 * without steps counts itself. Input excludes cached tokens, and the output excludes reasoning;
 * opencode-tokens.ts has what older versions did. Sessions that a tool started are sub-agents of
 * theirs. Titles and summaries of diffs are made by calls that are not stored.
 */
export const opencode: JsonReader = {
  kind: 'json',
  title: 'opencode sessions',
  lists: 'whole',
  mismatch: (sample: Sample, name: string) => {
    if (sample.kind !== 'json') return 'not JSON';
    const isOpencode = sample.records.some(isRecord) || SIDE_FILE.test(name);
    return isOpencode ? undefined : 'no session, message or part by sessionID, nor an export';
  },
  open: (tally: Tally) => new OpencodeFold(tally),
};

interface Known {
  message: MessageRecord;
  readonly place: string;
  /** Parts that stand in the message itself. */
  parts: readonly PartRecord[] | undefined;
}

class OpencodeFold implements JsonFold {
  readonly #tally: Tally;
  readonly #sessions = new Map<string, SessionRecord>();
  readonly #messages = new Map<string, Known>();
  /** By message. */
  readonly #parts = new Map<string, { readonly list: PartRecord[]; readonly place: string }>();
  readonly #isAnswer = (id: string): boolean =>
    this.#messages.get(id)?.message.role === 'assistant';

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  value(value: unknown, place: Place): void {
    if (SIDE_FILE.test(place.file) && !isRecord(value)) {
      this.#tally.read();
      this.#tally.skip('file of the store that holds no calls', place);
    } else if (Array.isArray(value)) for (const item of listOf(value)) this.#item(item, place);
    else this.#item(value, place);
  }

  end(): void {
    const sessions = new OpencodeSessions(this.#tally, this.#logs());
    sessions.report();
    for (const { list, place } of this.#parts.values())
      for (let left = list.length; left > 0; left -= 1)
        this.#tally.skip('part of a message that is not in the input', place);
  }

  /** A stored object, an export, or a message with its parts. */
  #item(value: unknown, place: Place, sessionId?: string): void {
    if (!isObject(value)) {
      this.#refuse(place);
      return;
    }
    if (isEvent(value)) {
      this.#event(value, place);
      return;
    }
    if (!isObject(value['info'])) {
      this.#record(value, place, sessionId);
      return;
    }
    this.#record(value['info'], place);
    const id = textOf(value['info']['id']);
    for (const message of listOf(value['messages'])) this.#item(message, place, id);
    for (const part of listOf(value['parts'])) this.#record(objectOf(part), place);
  }

  /** A line of `opencode run`: a part of a message that is not printed itself. */
  #event(value: JsonObject, place: Place): void {
    const part = objectOf(value['part']);
    const implied = impliedMessage(value);
    if (implied === undefined) {
      // An error, or the end.
      this.#tally.read();
      this.#tally.used();
      return;
    }
    if (!this.#messages.has(implied.id))
      this.#messages.set(implied.id, {
        message: implied,
        parts: undefined,
        place: place.toString(),
      });
    this.#record(part, place);
  }

  #record(value: JsonObject, place: Place, sessionId?: string): void {
    const whole = wholeMessage(value, textOf(value['sessionID']) ?? sessionId ?? place.file);
    const record = whole ?? opencodeRecord(value, this.#isAnswer);
    if (record === undefined) {
      this.#refuse(place);
      return;
    }
    this.#tally.read();
    if (record.kind === 'session') this.#session(record);
    else if (record.kind === 'message') this.#message({ message: record }, place);
    else if (record.kind === 'whole') this.#whole(record, place);
    else {
      const { messageId, part } = record;
      const known = this.#parts.get(messageId);
      if (known === undefined)
        this.#parts.set(messageId, { list: [part], place: place.toString() });
      else known.list.push(part);
    }
  }

  #refuse(place: Place): void {
    this.#tally.read();
    this.#tally.skip('neither session, message nor part, or without a time', place);
  }

  #session(record: SessionRecord): void {
    if (this.#sessions.has(record.id)) this.#tally.duplicate(REPEATED);
    else {
      this.#tally.used();
      this.#sessions.set(record.id, record);
    }
  }

  #whole({ message, parts }: WholeMessage, place: Place): void {
    if (message === undefined) this.#tally.used();
    else this.#message({ message, parts }, place);
  }

  #message({ message, parts }: Pick<Known, 'message'> & Partial<Known>, place: Place): void {
    const known = this.#messages.get(message.id);
    if (known === undefined) {
      this.#messages.set(message.id, { message, parts, place: place.toString() });
      return;
    }
    if (known.message.isImplied) {
      known.message = message;
      return;
    }
    this.#tally.duplicate(REPEATED);
    // Better than a copy that was taken while it was under way, and than what version 2 kept of it.
    const isBetter = known.message.completedMs === undefined && message.completedMs !== undefined;
    const isFuller = known.parts !== undefined && parts === undefined;
    if (!isBetter && !isFuller) return;
    known.message = message;
    known.parts = parts;
  }

  /** All sessions by id; takes the messages and their parts. */
  #logs(): Map<string, OpencodeLog> {
    const bySession = new Map<string, OpencodeMessage[]>();
    for (const [id, { message, place, parts: own }] of this.#messages) {
      const parts = own ?? this.#takeParts(id);
      const inside = own === undefined ? parts.length : 0;
      const records = inside + (message.isImplied ? 0 : 1);
      const entry = { message, parts, place, isWhole: own !== undefined, records };
      const messages = bySession.get(message.sessionId);
      if (messages === undefined) bySession.set(message.sessionId, [entry]);
      else messages.push(entry);
    }
    this.#messages.clear();
    const logs = new Map<string, OpencodeLog>();
    for (const id of new Set([...this.#sessions.keys(), ...bySession.keys()])) {
      const messages = (bySession.get(id) ?? []).toSorted(
        (a, b) => a.message.createdMs - b.message.createdMs,
      );
      logs.set(id, { id, record: this.#sessions.get(id), messages });
    }
    return logs;
  }

  /** In order of their ids, which ascend with time; of equal ids the one that has ended. */
  #takeParts(messageId: string): readonly PartRecord[] {
    const list = this.#parts.get(messageId)?.list ?? [];
    this.#parts.delete(messageId);
    const parts: PartRecord[] = [];
    for (const part of list.toSorted(byId)) {
      const before = parts.at(-1);
      if (before === undefined || part.id === undefined || part.id !== before.id) parts.push(part);
      else {
        this.#tally.duplicate(REPEATED);
        if (before.endMs === undefined) parts[parts.length - 1] = part;
      }
    }
    return parts;
  }
}

/** `opencode run --format json` (packages/opencode/src/cli/cmd/run.ts). */
function isEvent(value: JsonObject): boolean {
  const isNamed = EVENTS.has(value['type'] as string) && textOf(value['sessionID']) !== undefined;
  return isNamed && typeof value['timestamp'] === 'number';
}

function byId(a: PartRecord, b: PartRecord): number {
  if (a.id === undefined || b.id === undefined || a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}

function isRecord(record: unknown): boolean {
  if (!isObject(record)) return false;
  if (isEvent(record)) return opencodeRecord(record['part']) !== undefined;
  // A message of version 2 alone is not told from others' messages by type.
  if (!isObject(record['info'])) return opencodeRecord(record) !== undefined;
  const holds = Array.isArray(record['messages']) || Array.isArray(record['parts']);
  return holds && opencodeRecord(record['info']) !== undefined;
}

const REPEATED = 'repeats a record that was read before';
const EVENTS = new Set([
  'step_start',
  'step_finish',
  'tool_use',
  'text',
  'reasoning',
  'error',
  'done',
]);
/**
 * Files of the store beside sessions, messages and parts (json-migration.ts of opencode names them).
 * Their folder decides, so it must be opencode's: other traces lie below `storage/project` as well.
 */
const SIDE_FILE =
  /opencode[^\\/]*[\\/]storage[\\/](?:project|todo|permission|session_share|share|session_diff)[\\/][^\\/]*\.json$/;
