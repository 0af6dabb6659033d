import type { LlmCall, Session, StateOperation, Step, ToolCall, Turn } from '../core/trace.ts';

/** The fields of a step but its links, still open to change; distributes over the kinds. */
type Fields<T> = T extends Step ? Mutable<Omit<T, 'id' | 'after'>> : never;
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A step whose fields may still change, and the steps it follows. */
export interface StepDraft<T extends Step = Step> {
  readonly step: Fields<T>;
  readonly after: readonly StepDraft[];
  turn: TurnDraft;
}

interface TurnDraft {
  startMs: number;
  endMs: number | undefined;
  activeMs: number | undefined;
  readonly steps: StepDraft[];
}

export type SessionFacts = Omit<Session, 'id' | 'turns'>;

/**
 * Builds a session from a log of messages: user messages start turns, model calls follow the tool
 * results they were given, tools follow the call that asked for them. Sub-agents are threads.
 */
export class AgentSession {
  readonly id: string;
  readonly #facts: SessionFacts;
  readonly #turns: TurnDraft[] = [];
  readonly #threads = new Map<string, Thread>();
  /** The main agent's thread. */
  readonly main: Thread;

  constructor(id: string, facts: SessionFacts = {}) {
    this.id = id;
    this.#facts = facts;
    this.main = new Thread(this);
  }

  /** A user message: the next steps belong to a new turn. A turn without steps is replaced. */
  startTurn(startMs: number): void {
    const current = this.#turns.at(-1);
    if (current !== undefined && current.steps.length === 0) current.startMs = startMs;
    else this.#turns.push({ startMs, endMs: undefined, activeMs: undefined, steps: [] });
    this.main.rest();
  }

  /** The source says that the turn is over. */
  endTurn(endMs: number | undefined, activeMs?: number): void {
    const current = this.#turns.at(-1);
    if (current === undefined) return;
    current.endMs = endMs;
    current.activeMs = activeMs;
  }

  thread(key: string): Thread {
    let thread = this.#threads.get(key);
    if (thread === undefined) {
      thread = new Thread(this);
      this.#threads.set(key, thread);
    }
    return thread;
  }

  hasThread(key: string): boolean {
    return this.#threads.has(key);
  }

  /** The turn under way; begun by the step itself when there was no user message. */
  turnAt(startMs: number): TurnDraft {
    if (this.#turns.length === 0) this.startTurn(startMs);
    return this.#turns.at(-1)!;
  }

  /** Moves steps of sub-agents, whose files are read after their session's, into the turn of their time. */
  settleByTime(drafts: Iterable<StepDraft>): void {
    for (const draft of drafts) {
      const { startMs } = draft.step;
      const at = this.#turns.findLastIndex((turn) => turn.startMs <= startMs);
      const turn = this.#turns[Math.max(at, 0)];
      if (turn === undefined || turn === draft.turn) continue;
      draft.turn.steps.splice(draft.turn.steps.indexOf(draft), 1);
      turn.steps.push(draft);
      draft.turn = turn;
    }
  }

  /** Undefined when no turn has a step. */
  build(): Session | undefined {
    const turns = this.#turns.filter(({ steps }) => steps.length > 0).map(buildTurn);
    return turns.length === 0 ? undefined : { ...this.#facts, id: this.id, turns };
  }
}

/** One agent's sequence of calls and the tools it ran. */
export class Thread {
  readonly #session: AgentSession;
  #delivered: StepDraft[] = [];
  #last: StepDraft | undefined;
  /** What the first call follows: the call that started a sub-agent. */
  origin: StepDraft | undefined;
  /** Kind of sub-agent. */
  name: string | undefined;

  constructor(session: AgentSession) {
    this.#session = session;
  }

  /** A call of the model; follows the results delivered since the last call, else that call. */
  call(fields: Omit<LlmCall, 'id' | 'after' | 'kind'>): StepDraft<LlmCall> {
    const before = this.#last ?? this.origin;
    const after =
      this.#delivered.length > 0 ? this.#delivered : before === undefined ? [] : [before];
    const draft = this.#place<LlmCall>({ ...fields, kind: 'llm' }, after);
    this.#delivered = [];
    this.#last = draft;
    return draft;
  }

  /** A tool asked for by `by` (default: the last call); its result is delivered later. */
  tool(
    fields: Omit<ToolCall, 'id' | 'after' | 'kind'>,
    by: StepDraft | undefined = this.#last,
  ): StepDraft<ToolCall> {
    return this.#place<ToolCall>({ ...fields, kind: 'tool' }, by === undefined ? [] : [by]);
  }

  /** The next call sees this tool's result. */
  deliver(tool: StepDraft): void {
    this.#delivered.push(tool);
  }

  /** A tool whose result the next call sees: `tool` and `deliver` in one. */
  finishedTool(fields: Omit<ToolCall, 'id' | 'after' | 'kind'>): StepDraft<ToolCall> {
    const draft = this.tool(fields);
    this.deliver(draft);
    return draft;
  }

  /** A read or write of a store, like a tool. */
  finishedState(fields: Omit<StateOperation, 'id' | 'after' | 'kind'>): void {
    const by = this.#last;
    this.deliver(
      this.#place<StateOperation>({ ...fields, kind: 'state' }, by === undefined ? [] : [by]),
    );
  }

  /** A new turn begins: nothing before it is waited for. */
  rest(): void {
    this.#delivered = [];
    this.#last = undefined;
  }

  #place<T extends Step>(step: Fields<T>, after: readonly StepDraft[]): StepDraft<T> {
    const turn = this.#session.turnAt(step.startMs);
    const draft: StepDraft<T> = { step, after, turn };
    turn.steps.push(draft);
    return draft;
  }
}

function buildTurn(draft: TurnDraft): Turn {
  const steps = draft.steps.toSorted((a, b) => a.step.startMs - b.step.startMs || 0);
  // Same start or no times: a step stays behind what it follows.
  const ids = new Map(steps.map((step, index) => [step, String(index + 1)]));
  let endMs = draft.endMs;
  for (const { step } of steps) {
    if (draft.endMs === undefined && step.endMs !== undefined && !(step.endMs <= endMs!))
      endMs = step.endMs;
  }
  return {
    startMs: draft.startMs,
    endMs: Number.isNaN(endMs) ? undefined : endMs,
    ...(draft.activeMs === undefined ? {} : { activeMs: draft.activeMs }),
    steps: steps.map((step): Step => ({
      ...step.step,
      id: ids.get(step)!,
      after: [...new Set(step.after.flatMap((before) => ids.get(before) ?? []))],
    })),
  };
}
