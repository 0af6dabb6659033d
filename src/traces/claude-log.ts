import type { TokenRecord } from '../core/tokens.ts';
import type { AskPrint, CallDetails, LlmCall, Session } from '../core/trace.ts';
import type { StepDraft } from './agent-session.ts';
import { ClaudeSession, type ToolResult, type ToolUse } from './claude-session.ts';

/** Texts by number: names of models and tools, of which there are few. */
export class NameList {
  readonly #names: string[];
  readonly #numbers: Map<string, number>;

  /** @param names the first ones */
  constructor(names: readonly string[] = []) {
    this.#names = [...names];
    this.#numbers = new Map(names.map((name, number) => [name, number]));
  }

  numberOf(name: string | undefined): number {
    if (name === undefined) return Number.NaN;
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#names.length;
      this.#names.push(name);
      this.#numbers.set(name, number);
    }
    return number;
  }

  /** Undefined for NaN. */
  nameOf(number: number): string | undefined {
    return this.#names[number];
  }
}

// What a row says; its numbers follow. NaN is unknown.
const CALL = 0; // time, thread, model
const OUTPUT = 1; // time, thread, call
const USAGE = 2; // call, uncached, cacheRead, cacheWrite5m, cacheWrite1h, output
const STOP = 3; // call, reason
const TOOL_USE = 4; // time, thread, call, id, name, arguments, agent type
const RESULT = 5; // time, thread, id, error, duration
const INPUT = 6; // time, thread, number of the message that starts a turn (from 1), else 0
const TURN_END = 7; // time, active time
const MISS = 8; // call, reason
const ROW_LENGTHS: readonly number[] = [4, 4, 7, 3, 8, 6, 4, 3, 3];

/**
 * What the lines of one open session have said, as rows of numbers. Sessions stay open for long,
 * because any later file may go on with them; as objects, their steps would be copied by every
 * collection of garbage meanwhile. The objects are made when the session closes, folded and gone.
 */
export class ClaudeLog {
  readonly #names: NameList;
  #rows = new Float64Array(FIRST_ROOM);
  #length = 0;
  #calls = 0;
  readonly #asks: AskPrint[] = [];
  /** Where the usage of the last call was noted, and which call that was: most lines repeat it. */
  #usageAt = 0;
  #usageCall = Number.NaN;
  /** The same of the reason why a call ended. */
  #stopAt = 0;
  #stopCall = Number.NaN;
  /** Where the last row stands. */
  #lastAt = 0;

  constructor(names: NameList) {
    this.#names = names;
  }

  /** A call begins; its number among the calls of the session. */
  call(atMs: number, thread: number, model: string | undefined): number {
    const at = this.#row(CALL);
    this.#rows[at + 1] = atMs;
    this.#rows[at + 2] = thread;
    this.#rows[at + 3] = this.#names.numberOf(model);
    this.#calls += 1;
    return this.#calls - 1;
  }

  /** A line of a call; right after another one only the later of the two counts. */
  output(atMs: number, thread: number, call: number): void {
    const rows = this.#rows;
    const last = this.#lastAt;
    const isRepeated =
      this.#length > 0 &&
      rows[last] === OUTPUT &&
      rows[last + 1]! <= atMs &&
      rows[last + 2] === thread &&
      rows[last + 3] === call;
    const at = isRepeated ? last : this.#row(OUTPUT);
    this.#rows[at + 1] = atMs;
    this.#rows[at + 2] = thread;
    this.#rows[at + 3] = call;
  }

  /** Usage of a call; the last one counts. */
  usage(call: number, tokens: Omit<TokenRecord, 'reasoning'>): void {
    if (call === this.#usageCall && this.#isNoted(tokens)) return;
    const at = this.#row(USAGE);
    this.#usageAt = at;
    this.#usageCall = call;
    const rows = this.#rows;
    rows[at + 1] = call;
    rows[at + 2] = tokens.uncached;
    rows[at + 3] = tokens.cacheRead;
    rows[at + 4] = tokens.cacheWrite5m;
    rows[at + 5] = tokens.cacheWrite1h;
    rows[at + 6] = tokens.output;
  }

  /** Why a call ended; the last one counts. */
  stop(call: number, reason: string): void {
    const number = this.#names.numberOf(reason);
    if (call === this.#stopCall && this.#rows[this.#stopAt + 2] === number) return;
    const at = this.#row(STOP);
    this.#stopAt = at;
    this.#stopCall = call;
    this.#rows[at + 1] = call;
    this.#rows[at + 2] = number;
  }

  /** A tool that a call asks for; of equal ids the first counts. */
  toolUse(atMs: number, thread: number, call: number, tool: ToolUse): void {
    const at = this.#row(TOOL_USE);
    const rows = this.#rows;
    rows[at + 1] = atMs;
    rows[at + 2] = thread;
    rows[at + 3] = call;
    rows[at + 4] = tool.id;
    rows[at + 5] = this.#names.numberOf(tool.name);
    rows[at + 6] = tool.argumentsHash;
    rows[at + 7] = this.#names.numberOf(tool.agentType);
  }

  result(atMs: number, thread: number, { id, isError, durationMs }: ToolResult): void {
    const at = this.#row(RESULT);
    const rows = this.#rows;
    rows[at + 1] = atMs;
    rows[at + 2] = thread;
    rows[at + 3] = id;
    rows[at + 4] = isError ? 1 : 0;
    rows[at + 5] = durationMs ?? Number.NaN;
  }

  /**
   * A line of the user or of tools.
   * @param ask the message of a human, which starts a turn
   */
  input(atMs: number, thread: number, ask: AskPrint | undefined): void {
    if (ask !== undefined) this.#asks.push(ask);
    const at = this.#row(INPUT);
    this.#rows[at + 1] = atMs;
    this.#rows[at + 2] = thread;
    this.#rows[at + 3] = ask === undefined ? 0 : this.#asks.length;
  }

  /** Why the provider's cache missed. */
  miss(call: number, reason: string): void {
    const at = this.#row(MISS);
    this.#rows[at + 1] = call;
    this.#rows[at + 2] = this.#names.numberOf(reason);
  }

  turnEnd(atMs: number, activeMs: number): void {
    const at = this.#row(TURN_END);
    this.#rows[at + 1] = atMs;
    this.#rows[at + 2] = activeMs;
  }

  /**
   * The session that the rows tell of; undefined without a call.
   * @param threads keys of the threads by number
   */
  session(id: string, threads: NameList): Session | undefined {
    const session = new ClaudeSession(id);
    const calls: StepDraft<LlmCall>[] = [];
    const rows = this.#rows;
    for (let at = 0; at < this.#length;) {
      const kind = rows[at]!;
      this.#replay(kind, at, session, calls, threads);
      at += ROW_LENGTHS[kind]!;
    }
    return session.build();
  }

  #replay(
    kind: number,
    at: number,
    session: ClaudeSession,
    calls: StepDraft<LlmCall>[],
    threads: NameList,
  ): void {
    const rows = this.#rows;
    const names = this.#names;
    switch (kind) {
      case CALL: {
        const model = names.nameOf(rows[at + 3]!);
        calls.push(session.call(threads.nameOf(rows[at + 2]!)!, { atMs: rows[at + 1]!, model }));
        return;
      }
      case OUTPUT:
        session.output(calls[rows[at + 3]!]!, rows[at + 1]!, threads.nameOf(rows[at + 2]!)!);
        return;
      case USAGE: {
        const { step } = calls[rows[at + 1]!]!;
        step.tokens = {
          uncached: rows[at + 2]!,
          cacheRead: rows[at + 3]!,
          cacheWrite5m: rows[at + 4]!,
          cacheWrite1h: rows[at + 5]!,
          output: rows[at + 6]!,
          reasoning: 0,
        };
        step.tokensBasis = 'reported';
        return;
      }
      case STOP:
        calls[rows[at + 1]!]!.step.finishReason = names.nameOf(rows[at + 2]!);
        return;
      case TOOL_USE:
        session.toolUse(
          {
            id: rows[at + 4]!,
            name: names.nameOf(rows[at + 5]!)!,
            argumentsHash: rows[at + 6]!,
            agentType: names.nameOf(rows[at + 7]!),
          },
          calls[rows[at + 3]!]!,
          { atMs: rows[at + 1]!, threadKey: threads.nameOf(rows[at + 2]!)! },
        );
        return;
      case RESULT: {
        const durationMs = rows[at + 5]!;
        session.toolResult(
          {
            id: rows[at + 3]!,
            isError: rows[at + 4] === 1,
            durationMs: Number.isNaN(durationMs) ? undefined : durationMs,
          },
          { atMs: rows[at + 1]!, threadKey: threads.nameOf(rows[at + 2]!)! },
        );
        return;
      }
      case INPUT:
        if (rows[at + 3]! > 0) session.startTurn(rows[at + 1]!, this.#asks[rows[at + 3]! - 1]!);
        session.sawInput(threads.nameOf(rows[at + 2]!)!, rows[at + 1]!);
        return;
      case TURN_END: {
        const atMs = rows[at + 1]!;
        session.endTurn(Number.isNaN(atMs) ? undefined : atMs, rows[at + 2]!);
        return;
      }
      case MISS: {
        const { step } = calls[rows[at + 1]!]!;
        const missReason = MISS_REASONS[names.nameOf(rows[at + 2]!) ?? ''];
        if (missReason !== undefined) step.details = { ...step.details, missReason };
        return;
      }
      default:
        throw new Error(`row of kind ${kind}`);
    }
  }

  #isNoted(tokens: Omit<TokenRecord, 'reasoning'>): boolean {
    const rows = this.#rows;
    const at = this.#usageAt;
    return (
      rows[at + 2] === tokens.uncached &&
      rows[at + 3] === tokens.cacheRead &&
      rows[at + 4] === tokens.cacheWrite5m &&
      rows[at + 5] === tokens.cacheWrite1h &&
      rows[at + 6] === tokens.output
    );
  }

  /** Place of a new row, whose kind is set. */
  #row(kind: number): number {
    const at = this.#length;
    this.#length += ROW_LENGTHS[kind]!;
    if (this.#length > this.#rows.length) {
      const longer = new Float64Array(this.#rows.length * 2);
      longer.set(this.#rows);
      this.#rows = longer;
    }
    this.#rows[at] = kind;
    this.#lastAt = at;
    return at;
  }
}

/** Numbers that a log has room for at first: about ten calls. */
const FIRST_ROOM = 256;

/** `diagnostics.cache_miss_reason.type` of newer transcripts. */
const MISS_REASONS: Readonly<Record<string, CallDetails['missReason']>> = {
  model_changed: 'model',
  tools_changed: 'tools',
  system_changed: 'system',
  messages_changed: 'messages',
  previous_message_not_found: 'messages',
};
