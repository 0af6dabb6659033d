import { ClaudeBlock } from './claude-block.ts';
import { END, JsonCursor, NOT_JSON } from './json-cursor.ts';
import { amountOf } from './json-value.ts';
import { TextField } from './text-field.ts';
import { cacheWrites } from './usage.ts';
import { NO_WORD, WordTable } from './word-table.ts';

/** Kinds of lines; those after the first three carry nothing but structure. */
export const LINE_KINDS = new WordTable([
  'assistant',
  'user',
  'system',
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

export const BLOCK_KINDS = new WordTable(['tool_use', 'tool_result']);

// Keys by object. Those of texts come first, in the order of the fields that take them.
const LINE_TEXTS = [
  'type',
  'timestamp',
  'sessionId',
  'requestId',
  'uuid',
  'parentUuid',
  'agentId',
  'subtype',
] as const;
const LINE_FLAGS = ['isSidechain', 'isMeta', 'isCompactSummary'] as const;
const LINE = new WordTable([
  ...LINE_TEXTS,
  ...LINE_FLAGS,
  'message',
  'toolUseResult',
  'durationMs',
]);
const MESSAGE_TEXTS = ['role', 'id', 'model', 'stop_reason'] as const;
const MESSAGE = new WordTable([...MESSAGE_TEXTS, 'content', 'usage', 'diagnostics']);
const DIAGNOSTICS = new WordTable(['cache_miss_reason']);
const MISS_REASON = new WordTable(['type']);
const OUTCOME = new WordTable(['durationMs', 'durationSeconds', 'totalDurationMs']);
const USAGE = new WordTable([
  'input_tokens',
  'cache_read_input_tokens',
  'cache_creation_input_tokens',
  'output_tokens',
  'cache_creation',
]);
const CACHE_CREATION = new WordTable(['ephemeral_5m_input_tokens', 'ephemeral_1h_input_tokens']);

/**
 * What a profile asks of one line of a Claude Code transcript, read straight from its bytes
 * (JsonCursor): prompts, answers and results of tools are passed over. One object for all lines;
 * what it holds is valid until the next one is read. Of a key that stands twice the last counts,
 * as with JSON.parse.
 */
export class ClaudeLine {
  bytes: Buffer = NO_BYTES;
  /** False for JSON that is no object; nothing else is then set. */
  isObject = false;
  /** Index in LINE_KINDS, else NO_WORD. */
  kind = NO_WORD;
  readonly timestamp = new TextField();
  readonly sessionId = new TextField();
  readonly requestId = new TextField();
  readonly uuid = new TextField();
  readonly parentUuid = new TextField();
  readonly agentId = new TextField();
  readonly subtype = new TextField();
  isSidechain = false;
  isMeta = false;
  isCompactSummary = false;
  durationMs: number | undefined = undefined;
  /** Duration that the tool reports for the result in this line. */
  outcomeMs: number | undefined = undefined;
  readonly message = new ClaudeMessage();
  /** Whether there is a message object; else the message is empty. */
  hasMessage = false;
  readonly #cursor = new JsonCursor();
  readonly #type = new TextField();
  readonly #texts: readonly TextField[] = [
    this.#type,
    this.timestamp,
    this.sessionId,
    this.requestId,
    this.uuid,
    this.parentUuid,
    this.agentId,
    this.subtype,
  ];

  /** Reads bytes [start, end); false when they are not JSON. */
  read(bytes: Buffer, start: number, end: number): boolean {
    this.bytes = bytes;
    const cursor = this.#cursor;
    try {
      cursor.open(bytes, start, end);
      this.#clear();
      this.isObject = cursor.object();
      if (this.isObject) this.#members(cursor);
      else cursor.skip();
      cursor.close();
    } catch (thrown) {
      if (thrown === NOT_JSON) return false;
      throw thrown;
    }
    this.kind = (this.#type.isSet ? this.#type : this.message.role).word(LINE_KINDS);
    return true;
  }

  #clear(): void {
    for (const text of this.#texts) text.isSet = false;
    this.isSidechain = false;
    this.isMeta = false;
    this.isCompactSummary = false;
    this.durationMs = undefined;
    this.outcomeMs = undefined;
    this.hasMessage = false;
    this.message.clear();
  }

  #members(cursor: JsonCursor): void {
    for (let key = cursor.key(LINE, NO_WORD); key !== END; key = cursor.key(LINE, key)) {
      if (!LINE.has(key)) cursor.skip();
      else if (key < LINE_TEXTS.length) this.#texts[key]!.take(cursor);
      else this.#member(LINE.words[key]!, cursor);
    }
  }

  #member(key: string, cursor: JsonCursor): void {
    switch (key) {
      case 'isSidechain':
        this.isSidechain = cursor.isTrue();
        break;
      case 'isMeta':
        this.isMeta = cursor.isTrue();
        break;
      case 'isCompactSummary':
        this.isCompactSummary = cursor.isTrue();
        break;
      case 'durationMs':
        this.durationMs = amountOf(cursor.scalar());
        break;
      case 'toolUseResult':
        this.outcomeMs = readOutcome(cursor);
        break;
      default:
        this.hasMessage = this.message.read(cursor);
    }
  }
}

/** The message of a line. */
class ClaudeMessage {
  readonly role = new TextField();
  readonly id = new TextField();
  readonly model = new TextField();
  readonly stopReason = new TextField();
  hasUsage = false;
  /** Tokens by Anthropic's rule: parts that do not overlap. */
  readonly usage = { uncached: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 0 };
  /** Whether the content is one text. */
  isText = false;
  /** The first `blockCount` are the blocks of the content that are objects. */
  readonly blocks: ClaudeBlock[] = [];
  blockCount = 0;
  /** Place of the content in the line's bytes. */
  contentStart = 0;
  contentEnd = 0;
  /** Why the provider's cache missed, as newer versions note it. */
  readonly missReason = new TextField();
  readonly #texts: readonly TextField[] = [this.role, this.id, this.model, this.stopReason];

  clear(): void {
    for (const text of this.#texts) text.isSet = false;
    this.hasUsage = false;
    this.isText = false;
    this.blockCount = 0;
    this.contentEnd = this.contentStart;
    this.missReason.isSet = false;
  }

  /** Takes the cursor's value; whether it is an object. */
  read(cursor: JsonCursor): boolean {
    this.clear();
    if (!cursor.object()) {
      cursor.skip();
      return false;
    }
    for (let key = cursor.key(MESSAGE, NO_WORD); key !== END; key = cursor.key(MESSAGE, key)) {
      if (!MESSAGE.has(key)) cursor.skip();
      else if (key < MESSAGE_TEXTS.length) this.#texts[key]!.take(cursor);
      else if (MESSAGE.words[key] === 'content') this.#content(cursor);
      else if (MESSAGE.words[key] === 'usage') this.#usage(cursor);
      else readMissReason(cursor, this.missReason);
    }
    return true;
  }

  #content(cursor: JsonCursor): void {
    this.blockCount = 0;
    this.isText = cursor.isString();
    this.contentStart = cursor.position;
    if (!cursor.array()) {
      cursor.skip();
      this.contentEnd = cursor.position;
      return;
    }
    while (cursor.element()) {
      if (!cursor.object()) {
        cursor.skip();
        continue;
      }
      const block = (this.blocks[this.blockCount] ??= new ClaudeBlock());
      this.blockCount += 1;
      block.read(cursor);
    }
    this.contentEnd = cursor.position;
  }

  /** Usage of the Messages API: input excludes cached tokens. */
  #usage(cursor: JsonCursor): void {
    this.hasUsage = cursor.object();
    if (!this.hasUsage) {
      cursor.skip();
      return;
    }
    const { usage } = this;
    usage.uncached = 0;
    usage.cacheRead = 0;
    usage.output = 0;
    let written: number | undefined;
    let parts: CacheCreation = NO_PARTS;
    for (let key = cursor.key(USAGE, NO_WORD); key !== END; key = cursor.key(USAGE, key)) {
      if (!USAGE.has(key)) cursor.skip();
      else if (USAGE.words[key] === 'cache_creation') parts = readCacheCreation(cursor);
      else if (USAGE.words[key] === 'cache_creation_input_tokens') written = amount(cursor);
      else usage[USAGE_FIELDS[key]!] = amount(cursor) ?? 0;
    }
    const { cacheWrite5m, cacheWrite1h } = cacheWrites(written, parts);
    usage.cacheWrite5m = cacheWrite5m;
    usage.cacheWrite1h = cacheWrite1h;
  }
}

function readOutcome(cursor: JsonCursor): number | undefined {
  if (!cursor.object()) {
    cursor.skip();
    return undefined;
  }
  const found: (number | undefined)[] = [undefined, undefined, undefined];
  for (let key = cursor.key(OUTCOME, NO_WORD); key !== END; key = cursor.key(OUTCOME, key)) {
    if (!OUTCOME.has(key)) cursor.skip();
    else found[key] = amount(cursor);
  }
  const [durationMs, seconds, totalMs] = found;
  return durationMs ?? (seconds === undefined ? undefined : seconds * 1000) ?? totalMs;
}

/** `{"cache_miss_reason": {"type": …}}`, or null. */
function readMissReason(cursor: JsonCursor, reason: TextField): void {
  reason.isSet = false;
  if (!cursor.object()) {
    cursor.skip();
    return;
  }
  for (
    let key = cursor.key(DIAGNOSTICS, NO_WORD);
    key !== END;
    key = cursor.key(DIAGNOSTICS, key)
  ) {
    const isReason = DIAGNOSTICS.has(key);
    if (isReason) reason.isSet = false;
    if (!isReason || !cursor.object()) {
      cursor.skip();
      continue;
    }
    for (let at = cursor.key(MISS_REASON, NO_WORD); at !== END; at = cursor.key(MISS_REASON, at)) {
      if (MISS_REASON.has(at)) reason.take(cursor);
      else cursor.skip();
    }
  }
}

interface CacheCreation {
  readonly fiveMinutes?: number | undefined;
  readonly oneHour?: number | undefined;
}

function readCacheCreation(cursor: JsonCursor): CacheCreation {
  if (!cursor.object()) {
    cursor.skip();
    return NO_PARTS;
  }
  let fiveMinutes: number | undefined;
  let oneHour: number | undefined;
  for (
    let key = cursor.key(CACHE_CREATION, NO_WORD);
    key !== END;
    key = cursor.key(CACHE_CREATION, key)
  ) {
    if (!CACHE_CREATION.has(key)) cursor.skip();
    else if (key === 0) fiveMinutes = amount(cursor);
    else oneHour = amount(cursor);
  }
  return { fiveMinutes, oneHour };
}

/** A number that is not negative, also as text. */
function amount(cursor: JsonCursor): number | undefined {
  const value = cursor.scalar();
  return typeof value === 'number' && value >= 0 ? value : amountOf(value);
}

const NO_PARTS: CacheCreation = {};
const USAGE_FIELDS = ['uncached', 'cacheRead', 'uncached', 'output'] as const;
const NO_BYTES = Buffer.alloc(0);
