import type { PrefixBlocks } from '../core/trace.ts';
import type { AgentKey } from './agent-key.ts';
import type { BlockedPrompt } from './block-uses.ts';
import { Column } from './column.ts';

/** Prefix blocks of calls remembered (about 200 MB at worst, when no block occurs twice). */
const MOST_BLOCKS = 2 ** 22;

/** Place of calls without a clock: after all others. */
export const NO_CLOCK_MS = Number.MAX_VALUE;

/** Session of calls that belong to none. */
export const NO_SESSION = -1;

/** One call of the log; blocks are numbered by the log. */
export interface LoggedPrefix extends BlockedPrompt {
  readonly agent: AgentKey;
  /** A number, or NO_SESSION. */
  readonly session: number;
}

/**
 * Prefixes of one scope, replayed in order of time whatever the order they came in (calls of one
 * instant keep that order). When they are too many, the calls that start first stay: each call
 * that was ever dropped starts after all that stay, so logs of parts merge to the log of the whole.
 */
export class PrefixLog {
  readonly #limit: number;
  #calls = emptyCalls();
  #blocks = new Column();
  #numbers = new Map<number | string, number>();
  readonly #agents = new Map<AgentKey, number>();
  /** Starts from here on were dropped. */
  #end = Number.POSITIVE_INFINITY;

  constructor(limit: number = MOST_BLOCKS) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#calls.startMs.length;
  }

  /** Prefix blocks of all calls together. */
  get blocks(): number {
    return this.#blocks.length;
  }

  get uniqueBlocks(): number {
    return this.#numbers.size;
  }

  get isCut(): boolean {
    return this.#end !== Number.POSITIVE_INFINITY;
  }

  /** @param orderMs the start on the trace's clock, else NO_CLOCK_MS */
  add(orderMs: number, call: Omit<LoggedPrefix, 'blocks'>, ids: PrefixBlocks['ids']): void {
    if (orderMs >= this.#end) return;
    const calls = this.#calls;
    calls.orderMs.push(orderMs);
    calls.startMs.push(call.startMs);
    calls.endMs.push(call.endMs);
    calls.inputTokens.push(call.inputTokens);
    calls.blockTokens.push(call.blockTokens);
    calls.count.push(ids.length);
    calls.session.push(call.session);
    calls.agent.push(this.#agentNumber(call.agent));
    for (const id of ids) this.#blocks.push(this.#numberOf(id));
    // Cut in large steps: each costs a sort.
    if (this.#blocks.length > 1.25 * this.#limit) this.#cut();
  }

  /** The calls in order of time; or session by session, each in order of time. */
  *replay(order: 'time' | 'session' = 'time'): Generator<LoggedPrefix> {
    if (this.#blocks.length > this.#limit) this.#cut();
    const { startMs, endMs, inputTokens, blockTokens, count, session, agent } = this.#calls;
    const agents = [...this.#agents.keys()];
    const offsets = this.#offsets();
    const inTime = this.#order();
    const indexes =
      order === 'time' ? inTime : inTime.toSorted((a, b) => session.at(a) - session.at(b));
    for (const index of indexes) {
      const from = offsets[index]!;
      const blocks = Array.from({ length: count.at(index) }, (_, at) => this.#blocks.at(from + at));
      yield {
        startMs: startMs.at(index),
        endMs: endMs.at(index),
        inputTokens: inputTokens.at(index),
        blockTokens: blockTokens.at(index),
        blocks,
        session: session.at(index),
        agent: agents[agent.at(index)]!,
      };
    }
  }

  state(): PrefixLogState {
    if (this.#blocks.length > this.#limit) this.#cut();
    return {
      columns: COLUMNS.map((name) => this.#calls[name].toArray()),
      agents: [...this.#agents.keys()],
      blocks: this.#blocks.toArray(),
      ...idLists([...this.#numbers.keys()]),
      end: this.isCut ? this.#end : null,
    };
  }

  /** @param sessions already numbered here: the state's numbers continue them */
  merge(state: PrefixLogState, sessions: number): void {
    const columns = Object.fromEntries(
      COLUMNS.map((name, index) => [name, state.columns[index]!]),
    ) as Record<(typeof COLUMNS)[number], Float64Array>;
    const { orderMs, startMs, endMs, inputTokens, blockTokens, count, session, agent } = columns;
    this.#end = Math.min(this.#end, state.end ?? Number.POSITIVE_INFINITY);
    const ids = [...state.numberIds, ...state.textIds];
    const idOf = new Map<number, number | string>();
    for (const [index, id] of ids.entries()) idOf.set(state.idNumbers[index]!, id);
    let from = 0;
    for (const [index, order] of orderMs.entries()) {
      const blocks = Array.from(state.blocks.subarray(from, from + count[index]!), (number) =>
        idOf.get(number)!,
      );
      from += count[index]!;
      const call = {
        startMs: startMs[index]!,
        endMs: endMs[index]!,
        inputTokens: inputTokens[index]!,
        blockTokens: blockTokens[index]!,
        session: session[index] === NO_SESSION ? NO_SESSION : sessions + session[index]!,
        agent: state.agents[agent[index]!]!,
      };
      this.add(order, call, blocks);
    }
    if (this.isCut) this.#cut();
  }

  #agentNumber(agent: AgentKey): number {
    let number = this.#agents.get(agent);
    if (number === undefined) {
      number = this.#agents.size;
      this.#agents.set(agent, number);
    }
    return number;
  }

  #numberOf(id: number | string): number {
    let number = this.#numbers.get(id);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(id, number);
    }
    return number;
  }

  #order(): number[] {
    const orderMs = this.#calls.orderMs.toArray();
    return Array.from(orderMs.keys()).sort((a, b) => orderMs[a]! - orderMs[b]! || a - b);
  }

  #offsets(): Float64Array {
    const offsets = new Float64Array(this.size);
    let offset = 0;
    for (let index = 0; index < offsets.length; index += 1) {
      offsets[index] = offset;
      offset += this.#calls.count.at(index);
    }
    return offsets;
  }

  /** Keeps whole instants from the first on, as long as their blocks fit and none was dropped. */
  #cut(): void {
    const { orderMs, count } = this.#calls;
    const order = this.#order();
    let blocks = 0;
    let end = this.#end;
    for (const index of order) {
      blocks += count.at(index);
      if (blocks > this.#limit) {
        end = Math.min(end, orderMs.at(index));
        break;
      }
    }
    this.#end = end;
    this.#keep((index) => orderMs.at(index) < end);
  }

  #keep(isKept: (index: number) => boolean): void {
    const [old, oldBlocks, offsets] = [this.#calls, this.#blocks, this.#offsets()];
    const ids = [...this.#numbers.keys()];
    this.#calls = emptyCalls();
    this.#blocks = new Column();
    this.#numbers = new Map();
    for (let index = 0; index < offsets.length; index += 1) {
      if (!isKept(index)) continue;
      for (const name of COLUMNS) {
        this.#calls[name].push(old[name].at(index));
      }
      for (let at = 0; at < old.count.at(index); at += 1) {
        this.#blocks.push(this.#numberOf(ids[oldBlocks.at(offsets[index]! + at)]!));
      }
    }
  }
}

export interface PrefixLogState {
  /** In the order of COLUMNS. */
  readonly columns: readonly Float64Array[];
  /** The agents that the last column numbers. */
  readonly agents: readonly AgentKey[];
  readonly blocks: Float64Array;
  /** The source's ids (numbers or hashes), and the numbers that `blocks` uses for them. */
  readonly numberIds: Float64Array;
  readonly textIds: readonly string[];
  readonly idNumbers: Float64Array;
  readonly end: number | null;
}

function idLists(
  ids: readonly (number | string)[],
): Pick<PrefixLogState, 'numberIds' | 'textIds' | 'idNumbers'> {
  const [numberIds, textIds]: [number[], string[]] = [[], []];
  const [ofNumbers, ofTexts]: [number[], number[]] = [[], []];
  for (const [number, id] of ids.entries()) {
    if (typeof id === 'number') {
      numberIds.push(id);
      ofNumbers.push(number);
    } else {
      textIds.push(id);
      ofTexts.push(number);
    }
  }
  return {
    numberIds: Float64Array.from(numberIds),
    textIds,
    idNumbers: Float64Array.from([...ofNumbers, ...ofTexts]),
  };
}

const COLUMNS = [
  'orderMs',
  'startMs',
  'endMs',
  'inputTokens',
  'blockTokens',
  'count',
  'session',
  'agent',
] as const;

function emptyCalls(): Record<(typeof COLUMNS)[number], Column> {
  return {
    orderMs: new Column(),
    startMs: new Column(),
    endMs: new Column(),
    inputTokens: new Column(),
    blockTokens: new Column(),
    count: new Column(),
    session: new Column(),
    agent: new Column(),
  };
}
