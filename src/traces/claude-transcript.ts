import type { AskPrint } from '../core/trace.ts';
import { askPrint } from './ask-print.ts';
import { BLOCK_KINDS, ClaudeLine, LINE_KINDS } from './claude-line.ts';
import { ClaudeLog, NameList } from './claude-log.ts';
import { MAIN } from './claude-session.ts';
import { contentTexts } from './estimate.ts';
import { HashTable } from './hash-table.ts';
import { jsonArgumentsHash } from './json-arguments.ts';
import { isObject, parseJson, textOf } from './json-value.ts';
import { pairHash } from './split-claims.ts';
import type { Place, Tally } from './tally.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';

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

/** A session whose lines may go on. */
interface OpenSession {
  readonly id: string;
  /** Sessions are numbered as they are opened. */
  readonly number: number;
  readonly log: ClaudeLog;
  /** By number of the call: the file it stands in. */
  readonly files: string[];
  /** Calls whose message has a key. */
  keyed: number;
  /** Hashes of the main thread's message ids, to know replays; as a set from the first sub-agent on. */
  readonly mainIds: number[];
  mainIdSet: Set<number> | undefined;
  /** Keys of threads; their places are their numbers in the log. */
  readonly threads: NameList;
  /** Threads of lines of sub-agents, by uuid. */
  readonly threadOfLine: Map<string, string>;
}

class ClaudeFold implements JsonFold {
  readonly #tally: Tally;
  readonly #line = new ClaudeLine();
  readonly #open = new Map<string, OpenSession>();
  /** By hash of the key: in which session a message stands, and which of its calls it is. */
  readonly #messages = new HashTable();
  readonly #sessions = new Map<number, OpenSession>();
  readonly #names = new NameList();
  #opened = 0;
  #current: OpenSession | undefined;
  #openCalls = 0;
  #file = '';

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  file(name: string): void {
    this.#file = name;
  }

  line(bytes: Buffer, start: number, end: number, place: Place): boolean {
    if (!this.#line.read(bytes, start, end)) return false;
    this.#book(this.#line, place);
    return true;
  }

  /** An element of a document: rare, so that it may be read twice. */
  value(value: unknown, place: Place): void {
    const bytes = Buffer.from(JSON.stringify(value));
    this.#line.read(bytes, 0, bytes.length);
    this.#book(this.#line, place);
  }

  end(): void {
    for (const open of this.#open.values()) this.#close(open);
    this.#open.clear();
  }

  #book(line: ClaudeLine, place: Place): void {
    this.#tally.read();
    if (!line.isObject) {
      this.#tally.skip('line is not an object', place);
      return;
    }
    const kind = LINE_KINDS.words[line.kind];
    if (kind === 'assistant' || kind === 'user') this.#message(line, place);
    else if (kind === 'system') this.#system(line);
    else if (kind === undefined) this.#tally.skip('line is of an unknown kind', place);
    else this.#tally.used();
  }

  #message(line: ClaudeLine, place: Place): void {
    const isAssistant = LINE_KINDS.words[line.kind] === 'assistant';
    const atMs = line.timestamp.timeMs();
    if (!line.hasMessage || Number.isNaN(atMs)) {
      const kind = isAssistant ? 'assistant' : 'user';
      const lack = line.hasMessage ? 'timestamp' : 'message object';
      this.#tally.skip(`${kind} line has no ${lack}`, place);
    } else if (isAssistant) this.#assistant(line, atMs, place);
    else this.#user(line, atMs, place);
  }

  #assistant(line: ClaudeLine, atMs: number, place: Place): void {
    const { message } = line;
    const model = message.model.text();
    if (model === '<synthetic>') {
      this.#tally.skip('synthetic message, not a call', place);
      return;
    }
    const open = this.#openSession(line);
    const thread = threadOf(open, line);
    const id = message.id.hash();
    const hash = pairHash(id, line.requestId.hash());
    const known = Number.isNaN(hash) ? Number.NaN : this.#messages.get(hash);
    if (!Number.isNaN(known)) {
      const session = this.#sessions.get(Math.floor(known / CALLS_OF_SESSION));
      const call = known % CALLS_OF_SESSION;
      if (session !== open || open.files[call] !== this.#file) {
        this.#tally.duplicate('message is copied from another session or file (resumed, forked)');
        return;
      }
      this.#tally.duplicate('message is split over several lines that repeat its usage');
      this.#content(open, line, { call, atMs, thread });
      return;
    }
    if (thread !== MAIN_THREAD && mainIdsOf(open).has(id)) {
      this.#tally.duplicate('sidechain replays a message of its parent');
      return;
    }
    this.#tally.used();
    const call = open.log.call(atMs, thread, model);
    open.files.push(this.#file);
    if (!Number.isNaN(hash)) {
      this.#tally.claimHash(hash);
      this.#messages.set(hash, open.number * CALLS_OF_SESSION + call);
      open.keyed += 1;
      this.#openCalls += 1;
    }
    if (message.id.isSet && thread === MAIN_THREAD) rememberMainId(open, id);
    this.#content(open, line, { call, atMs, thread });
  }

  #content(open: OpenSession, { bytes, message }: ClaudeLine, at: CallLine): void {
    const { log } = open;
    const { call, atMs, thread } = at;
    if (message.stopReason.isSet) log.stop(call, message.stopReason.text()!);
    if (message.hasUsage) log.usage(call, message.usage);
    if (message.missReason.isSet) log.miss(call, message.missReason.text()!);
    log.output(atMs, thread, call);
    for (let index = 0; index < message.blockCount; index += 1) {
      const block = message.blocks[index]!;
      const { id } = block;
      const name = block.name.text();
      if (block.type.word(BLOCK_KINDS) !== TOOL_USE || !id.isSet || name === undefined) continue;
      const isAgent = name === 'Agent' || name === 'Task';
      log.toolUse(atMs, thread, call, {
        id: id.hash(),
        name,
        argumentsHash: jsonArgumentsHash(name, bytes, block.inputStart, block.inputEnd),
        agentType: isAgent ? (block.agentType.text() ?? 'sub-agent') : undefined,
      });
    }
  }

  #user(line: ClaudeLine, atMs: number, place: Place): void {
    const { isText, blocks, blockCount } = line.message;
    if (!isText && blockCount === 0) {
      this.#tally.skip('user line has no content', place);
      return;
    }
    const open = this.#openSession(line);
    const thread = threadOf(open, line);
    let hasResult = false;
    for (let index = 0; index < blockCount; index += 1) {
      const { type, toolUseId, isError } = blocks[index]!;
      if (type.word(BLOCK_KINDS) !== TOOL_RESULT) continue;
      hasResult = true;
      if (!toolUseId.isSet) continue;
      const result = { id: toolUseId.hash(), isError, durationMs: line.outcomeMs };
      open.log.result(atMs, thread, result);
    }
    const isHuman = !line.isMeta && !line.isCompactSummary;
    const startsTurn = !hasResult && thread === MAIN_THREAD && isHuman;
    open.log.input(atMs, thread, startsTurn ? printOf(line) : undefined);
    this.#tally.used();
  }

  #system(line: ClaudeLine): void {
    if (line.durationMs !== undefined && line.subtype.text() === 'turn_duration') {
      this.#openSession(line).log.turnEnd(line.timestamp.timeMs(), line.durationMs);
    }
    this.#tally.used();
  }

  #openSession(line: ClaudeLine): OpenSession {
    const id = line.sessionId.text() ?? this.#file;
    if (this.#current?.id === id) return this.#current;
    const known = this.#open.get(id);
    // Kept in order of use, so that the first one is the one to close.
    this.#open.delete(id);
    if (known === undefined) this.#tally.claim('session', id);
    while (known === undefined && this.#open.size > 0 && this.#isFull()) this.#closeOldest();
    this.#current = known ?? this.#newSession(id);
    this.#open.set(id, this.#current);
    return this.#current;
  }

  #newSession(id: string): OpenSession {
    this.#opened += 1;
    const open: OpenSession = {
      id,
      number: this.#opened,
      log: new ClaudeLog(this.#names),
      files: [],
      keyed: 0,
      mainIds: [],
      mainIdSet: undefined,
      threads: new NameList([MAIN]),
      threadOfLine: new Map(),
    };
    this.#sessions.set(open.number, open);
    return open;
  }

  #closeOldest(): void {
    const [id, oldest] = this.#open.entries().next().value!;
    this.#close(oldest);
    this.#open.delete(id);
  }

  #isFull(): boolean {
    return this.#open.size >= MOST_OPEN_SESSIONS || this.#openCalls > MOST_OPEN_CALLS;
  }

  #close({ id, number, log, threads, keyed }: OpenSession): void {
    this.#sessions.delete(number);
    this.#openCalls -= keyed;
    const built = log.session(id, threads);
    if (built !== undefined) this.#tally.session(built);
  }
}

/** Where a line of a call stands. */
interface CallLine {
  readonly call: number;
  readonly atMs: number;
  readonly thread: number;
}

/** Fingerprint of the user's message; the one content that is read. */
function printOf({ bytes, message }: ClaudeLine): AskPrint {
  const text = bytes.toString('utf8', message.contentStart, message.contentEnd);
  return askPrint(contentTexts(parseJson(text)).join('\n'));
}

/** Sub-agents are told apart by agentId; older ones in the main file by the chain of parent lines. */
function threadOf({ threads, threadOfLine }: OpenSession, line: ClaudeLine): number {
  if (!line.isSidechain) return MAIN_THREAD;
  const own = line.uuid.text() ?? '';
  const key =
    line.agentId.text() ?? threadOfLine.get(line.parentUuid.text() ?? '') ?? `sidechain ${own}`;
  threadOfLine.set(own, key);
  return threads.numberOf(key);
}

function rememberMainId(open: OpenSession, hash: number): void {
  open.mainIds.push(hash);
  open.mainIdSet?.add(hash);
}

function mainIdsOf(open: OpenSession): ReadonlySet<number> {
  return (open.mainIdSet ??= new Set(open.mainIds));
}

/** Number of the main agent's thread. */
const MAIN_THREAD = 0;
const TOOL_USE = BLOCK_KINDS.words.indexOf('tool_use');
const TOOL_RESULT = BLOCK_KINDS.words.indexOf('tool_result');
/** A session and a call in one whole number below 2^53: 2^29 sessions of 2^24 calls. */
const CALLS_OF_SESSION = 2 ** 24;

/**
 * Sessions, and calls in them (some 6 MB), kept while their files may go on; the least recently
 * used session is emitted first.
 */
const MOST_OPEN_SESSIONS = 500;
const MOST_OPEN_CALLS = 10_000;
