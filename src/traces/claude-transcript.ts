import type { LlmCall } from '../core/trace.ts';
import type { StepDraft } from './agent-session.ts';
import { ClaudeSession, MAIN, settleUsage } from './claude-session.ts';
import { amountOf, isObject, listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { HashSet } from './hash-set.ts';
import { identityHash } from './split-claims.ts';
import { isoMs } from './timestamp.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';

/**
 * Claude Code transcripts (`~/.claude/projects/<slug>/<session>.jsonl` and sub-agents below it).
 *
 * Usage: `input_tokens` excludes cached tokens. One API call is split over several assistant lines
 * that repeat its usage: key is message.id + requestId (ids alone collide between sessions), the
 * last line's usage counts. A sidechain line with the main thread's message.id replays it
 * (ccusage#913); a key met before in another session or file is a resumed or forked copy.
 *
 * Time: a call starts with the last user or tool-result line since the call before it and ends with
 * its own last line; without such a line start and duration are unknown. A tool runs from its tool_use line to its tool_result line, which includes the wait for an
 * approval; `durationMs` is set only where the tool itself reports one.
 */
export const claudeTranscript: JsonReader = {
  kind: 'json',
  title: 'Claude Code transcript',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      'with sessionId and a message by role',
      (record) =>
        isObject(record) &&
        textOf(record['sessionId']) !== undefined &&
        isObject(record['message']) &&
        textOf(record['message']['role']) !== undefined,
    ),
  open: (tally: Tally) => new ClaudeFold(tally),
};

interface OpenSession {
  readonly session: ClaudeSession;
  /** Keys of its messages. */
  readonly keys: string[];
  /** Message ids of the main thread, to know replays. */
  readonly mainIds: Set<string>;
}

interface MessageName {
  readonly id: string | undefined;
  readonly requestId: string | undefined;
  readonly key: string | undefined;
}

interface Message {
  readonly draft: StepDraft<LlmCall>;
  readonly attempt: { endMs: number | undefined };
  readonly file: string;
  readonly open: OpenSession;
}

class ClaudeFold implements JsonFold {
  readonly #tally: Tally;
  readonly #open = new Map<string, OpenSession>();
  /** Messages of open sessions by key. */
  readonly #messages = new Map<string, Message>();
  /** Hashes of the keys of all others: of a million, two share one with probability 1 in 18,000. */
  readonly #closedKeys = new HashSet();
  readonly #models = new Map<string, string>();
  #current: OpenSession | undefined;
  #openCalls = 0;
  /** The message of the line before. */
  #last: MessageName = { id: undefined, requestId: undefined, key: undefined };
  #file = '';

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  file(name: string): void {
    this.#file = name;
  }

  value(value: unknown, place: Place): void {
    this.#tally.read();
    if (!isObject(value)) {
      this.#tally.skip('line is not an object', place);
      return;
    }
    const message = value['message'];
    const type = textOf(value['type']) ?? textOf(objectOf(message)['role']);
    if (type === 'assistant' || type === 'user') {
      const atMs = isoMs(textOf(value['timestamp']) ?? '');
      if (!isObject(message)) this.#tally.skip(`${type} line has no message object`, place);
      else if (atMs === undefined) this.#tally.skip(`${type} line has no timestamp`, place);
      else if (type === 'assistant') this.#assistant(value, message, atMs, place);
      else this.#user(value, message, atMs, place);
    } else if (type === 'system') {
      this.#system(value);
    } else if (type !== undefined && HELPER_LINES.has(type)) {
      this.#tally.used();
    } else {
      this.#tally.skip('line is of an unknown kind', place);
    }
  }

  end(): void {
    for (const open of this.#open.values()) this.#close(open);
    this.#open.clear();
  }

  #assistant(line: JsonObject, message: JsonObject, atMs: number, place: Place): void {
    if (message['model'] === '<synthetic>') {
      this.#tally.skip('synthetic message, not a call', place);
      return;
    }
    const open = this.#openSession(line);
    const threadKey = open.session.threadKey(line);
    const id = textOf(message['id']);
    const requestId = textOf(line['requestId']);
    // Most lines continue the message of the line before; comparing is cheaper than looking up.
    const key =
      id !== undefined && id === this.#last.id && requestId === this.#last.requestId
        ? this.#last.key
        : messageKey(id, requestId);
    if (key !== this.#last.key) this.#last = { id, requestId, key };
    const known = key === undefined ? undefined : this.#messages.get(key);
    const isClosed =
      known === undefined && key !== undefined && this.#closedKeys.has(identityHash(key));
    if (isClosed) {
      this.#tally.duplicate('message is copied from another session or file (resumed, forked)');
      return;
    }
    if (known !== undefined) {
      if (known.open !== open || known.file !== this.#file) {
        this.#tally.duplicate('message is copied from another session or file (resumed, forked)');
        return;
      }
      this.#tally.duplicate('message is split over several lines that repeat its usage');
      // Without a known start the end stays unknown as well.
      if (known.attempt.endMs !== undefined && atMs > known.attempt.endMs) {
        known.attempt.endMs = atMs;
        known.draft.step.endMs = atMs;
      }
      this.#content(open, message, { draft: known.draft, atMs, threadKey });
      return;
    }
    if (threadKey !== MAIN && id !== undefined && open.mainIds.has(id)) {
      this.#tally.duplicate('sidechain replays a message of its parent');
      return;
    }
    this.#tally.used();
    const model = this.#model(message['model']);
    const { draft, attempt } = open.session.call(threadKey, { atMs, model });
    if (key !== undefined) {
      this.#tally.claim('message', key);
      this.#messages.set(key, { draft, attempt, file: this.#file, open });
      open.keys.push(key);
      this.#openCalls += 1;
    }
    if (id !== undefined && threadKey === MAIN) open.mainIds.add(id);
    this.#content(open, message, { draft, atMs, threadKey });
  }

  #content(
    { session }: OpenSession,
    message: JsonObject,
    { draft, ...at }: { draft: StepDraft<LlmCall>; atMs: number; threadKey: string },
  ): void {
    settleUsage(draft, message);
    session.toolUses(message, draft, at);
    session.sawOutput(at.threadKey, at.atMs);
  }

  #user(line: JsonObject, message: JsonObject, atMs: number, place: Place): void {
    const content = message['content'];
    const blocks = listOf(content).filter(isObject);
    if (typeof content !== 'string' && blocks.length === 0) {
      this.#tally.skip('user line has no content', place);
      return;
    }
    const { session } = this.#openSession(line);
    const threadKey = session.threadKey(line);
    const results = blocks.filter(({ type }) => type === 'tool_result');
    for (const result of results)
      session.toolResult(result, line['toolUseResult'], { atMs, threadKey });
    const isHuman = line['isMeta'] !== true && line['isCompactSummary'] !== true;
    if (results.length === 0 && threadKey === MAIN && isHuman) session.startTurn(atMs);
    session.sawInput(threadKey, atMs);
    this.#tally.used();
  }

  #system(line: JsonObject): void {
    const activeMs = amountOf(line['durationMs']);
    if (line['subtype'] === 'turn_duration' && activeMs !== undefined) {
      const atMs = isoMs(textOf(line['timestamp']) ?? '');
      this.#openSession(line).session.endTurn(atMs, activeMs);
    }
    this.#tally.used();
  }

  #openSession(line: JsonObject): OpenSession {
    const id = textOf(line['sessionId']) ?? this.#file;
    if (this.#current?.session.id === id) return this.#current;
    const known = this.#open.get(id);
    // Kept in order of use, so that the first one is the one to close.
    this.#open.delete(id);
    if (known === undefined) this.#tally.claim('session', id);
    while (known === undefined && this.#open.size > 0 && this.#isFull()) this.#closeOldest();
    this.#current = known ?? { session: new ClaudeSession(id), keys: [], mainIds: new Set() };
    this.#open.set(id, this.#current);
    return this.#current;
  }

  #closeOldest(): void {
    const [id, oldest] = this.#open.entries().next().value!;
    this.#close(oldest);
    this.#open.delete(id);
  }

  #isFull(): boolean {
    return this.#open.size >= MOST_OPEN_SESSIONS || this.#openCalls > MOST_OPEN_CALLS;
  }

  #close({ session, keys }: OpenSession): void {
    for (const key of keys) {
      this.#messages.delete(key);
      this.#closedKeys.add(identityHash(key));
    }
    this.#openCalls -= keys.length;
    const built = session.build();
    if (built !== undefined) this.#tally.session(built);
  }

  /** One string per model name, not one per message. */
  #model(value: unknown): string | undefined {
    const name = textOf(value);
    if (name === undefined) return undefined;
    const known = this.#models.get(name);
    if (known === undefined) this.#models.set(name, name);
    return known ?? name;
  }
}

/** A string of its own, hashed once, however often it is looked up; undefined without an id. */
function messageKey(id: string | undefined, requestId: string | undefined): string | undefined {
  return id === undefined ? undefined : `${id} ${requestId ?? ''}`;
}

/**
 * Sessions, and calls in them (some 20 MB), kept while their files may go on; the least recently
 * used session is emitted first.
 */
const MOST_OPEN_SESSIONS = 500;
const MOST_OPEN_CALLS = 10_000;
const HELPER_LINES = new Set([
  'attachment',
  'file-history-snapshot',
  'mode',
  'permission-mode',
  'ai-title',
  'last-prompt',
  'summary',
  'queue-operation',
  'progress',
]);
