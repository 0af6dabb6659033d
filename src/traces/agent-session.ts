import type { LlmCall, Session, StateOperation, Step, ToolCall, Turn } from '../core/trace.ts';

type Mutable<T> = T extends Step ? { -readonly [Key in keyof T]: T[Key] } : never;
type Fields<T> = Omit<T, 'id' | 'after' | 'kind'>;

/** A step whose fields may still change, and the steps it follows; id and links come last. */
export interface StepDraft<T extends Step = Step> {
  readonly step: Mutable<T>;
  readonly after: readonly StepDraft[];
  turn: TurnDraft;
}

interface TurnDraft {
  startMs: number;
  endMs: number | undefined;
  activeMs: number | undefined;
  waitMs: number | undefined;
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
  readonly #agents = new Map<string, number>();
  /** The main agent's thread. */
  readonly main: Thread;

  constructor(id: string, facts: SessionFacts = {}) {
    this.id = id;
    this.#facts = facts;
    this.main = new Thread(this);
  }

  /**
   * A user message: the next steps belong to a new turn. A turn without steps is replaced.
   * @param waitMs the user's wait before it, where the source measures it
   */
  startTurn(startMs: number, waitMs?: number): void {
    const current = this.#turns.at(-1);
    if (current !== undefined && current.steps.length === 0) {
      current.startMs = startMs;
      current.waitMs = waitMs;
    } else this.#turns.push({ startMs, endMs: undefined, activeMs: undefined, waitMs, steps: [] });
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

  /** A name for one more agent of a kind: `Explore`, then `Explore 2`. Each has a context of its own. */
  nextAgent(kind: string): string {
    const number = (this.#agents.get(kind) ?? 0) + 1;
    this.#agents.set(kind, number);
    return number === 1 ? kind : `${kind} ${number}`;
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
    // Not by map: V8's compiled form of it makes another kind of array than the one before, and all
    // code that goes through turns and steps would be compiled anew.
    const turns: Turn[] = [];
    for (const turn of this.#turns) if (turn.steps.length > 0) turns.push(buildTurn(turn));
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
  #name: string | undefined;

  constructor(session: AgentSession) {
    this.#session = session;
  }

  /** The sub-agent's own name, made of its kind when it is first asked for. */
  agent(kind: string): string {
    return (this.#name ??= this.#session.nextAgent(kind));
  }

  /** A call of the model; follows the results delivered since the last call, else that call. */
  call(fields: Fields<LlmCall>): StepDraft<LlmCall> {
    const before = this.#last ?? this.origin;
    const after =
      this.#delivered.length > 0 ? this.#delivered : before === undefined ? [] : [before];
    // Written out: one shape for all calls, and no copy of the fields later (bench/traces.mjs).
    const draft = this.#place<LlmCall>(
      {
        kind: 'llm',
        id: '',
        after: NO_STEPS,
        startMs: fields.startMs,
        endMs: fields.endMs,
        model: fields.model,
        provider: fields.provider,
        operation: fields.operation,
        tokens: fields.tokens,
        tokensBasis: fields.tokensBasis,
        ttftMs: fields.ttftMs,
        streamed: fields.streamed,
        attempts: fields.attempts,
        error: fields.error,
        finishReason: fields.finishReason,
        agent: fields.agent,
        prefix: fields.prefix,
        details: fields.details,
      },
      after,
    );
    this.#delivered = [];
    this.#last = draft;
    return draft;
  }

  /** A tool asked for by `by` (default: the last call); its result is delivered later. */
  tool(fields: Fields<ToolCall>, by: StepDraft | undefined = this.#last): StepDraft<ToolCall> {
    return this.#place<ToolCall>(
      {
        kind: 'tool',
        id: '',
        after: NO_STEPS,
        startMs: fields.startMs,
        endMs: fields.endMs,
        name: fields.name,
        durationMs: fields.durationMs,
        humanWaitMs: fields.humanWaitMs,
        error: fields.error,
        argumentsHash: fields.argumentsHash,
      },
      by === undefined ? [] : [by],
    );
  }

  /** The next call sees this tool's result. */
  deliver(tool: StepDraft): void {
    this.#delivered.push(tool);
  }

  /** A tool whose result the next call sees: `tool` and `deliver` in one. */
  finishedTool(fields: Fields<ToolCall>): StepDraft<ToolCall> {
    const draft = this.tool(fields);
    this.deliver(draft);
    return draft;
  }

  /** A read or write of a store; the next call sees its result. */
  finishedState(fields: Fields<StateOperation>): void {
    const by = this.#last;
    const step = { ...fields, kind: 'state' as const, id: '', after: NO_STEPS };
    this.deliver(this.#place<StateOperation>(step, by === undefined ? [] : [by]));
  }

  /** A new turn begins: nothing before it is waited for. */
  rest(): void {
    this.#delivered = [];
    this.#last = undefined;
  }

  #place<T extends LlmCall | ToolCall | StateOperation>(
    step: Mutable<T>,
    after: readonly StepDraft[],
  ): StepDraft<T> {
    const turn = this.#session.turnAt(step.startMs);
    const draft: StepDraft<T> = { step, after, turn };
    turn.steps.push(draft);
    return draft;
  }
}

/** Orders the steps by start and gives ids and links; what a step follows stays before it. */
function buildTurn(draft: TurnDraft): Turn {
  const drafts = inOrderOfStart(draft.steps);
  const steps: Step[] = [];
  for (let index = 0; index < drafts.length; index += 1) drafts[index]!.step.id = String(index + 1);
  let endMs = Number.NEGATIVE_INFINITY;
  for (const { step, after, turn } of drafts) {
    steps.push(step);
    step.after = linksOf(after, turn);
    if (step.endMs !== undefined && step.endMs > endMs) endMs = step.endMs;
  }
  // A turn is not over before its last step begins, whose end may be unknown.
  const last = drafts.at(-1)!.step.startMs;
  if (endMs !== Number.NEGATIVE_INFINITY && last > endMs) endMs = last;
  return {
    startMs: draft.startMs,
    endMs: draft.endMs ?? (endMs === Number.NEGATIVE_INFINITY ? undefined : endMs),
    activeMs: draft.activeMs,
    waitMs: draft.waitMs,
    steps,
  };
}

/** Mostly they stand in it; sorting them all the same would cost a copy per turn. */
function inOrderOfStart(drafts: readonly StepDraft[]): readonly StepDraft[] {
  for (let index = 1; index < drafts.length; index += 1) {
    if (drafts[index]!.step.startMs >= drafts[index - 1]!.step.startMs) continue;
    return drafts.toSorted((a, b) => a.step.startMs - b.step.startMs || 0);
  }
  return drafts;
}

function linksOf(after: readonly StepDraft[], turn: TurnDraft): readonly string[] {
  if (after.length === 0) return NO_STEPS;
  if (after.length === 1) return after[0]!.turn === turn ? [after[0]!.step.id] : NO_STEPS;
  const ids = new Set<string>();
  for (const before of after) if (before.turn === turn) ids.add(before.step.id);
  return [...ids];
}

const NO_STEPS: readonly string[] = [];
