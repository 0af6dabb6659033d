import type { LlmCall, Session, StateOperation, Step, ToolCall, Turn } from '../core/trace.ts';
import { arrivalPattern } from './arrival-pattern.ts';
import type { ArrivalPattern } from './arrival-pattern.ts';
import { Column } from './column.ts';
import { concurrency, maxOverlap } from './concurrency.ts';
import type { Concurrency } from './concurrency.ts';
import { NamedTotals } from './named-totals.ts';
import { sessionOrder } from './order-key.ts';
import type { OrderKey } from './order-key.ts';
import { Series } from './series.ts';
import type { SeriesState } from './series.ts';
import type { ToolProfile, WorkloadProfile } from './workload-profile.ts';

/** Distinct tool names kept apart. */
const MOST_TOOLS = 1000;
/** Sessions whose interval, and turns whose start, are kept (24 MiB together). */
const MOST_INTERVALS = 2 ** 20;

interface ToolFigures {
  calls: number;
  errors: number;
  readonly durationMs: Series;
}

const SERIES = [
  'sessionMs',
  'turnsPerSession',
  'thinkMs',
  'llmPerTurn',
  'toolsPerTurn',
  'turnMs',
  'fanOut',
] as const;

/** Everything about sessions and turns that does not need single calls in order of time. */
export class SessionFold {
  #sessions = 0;
  #turns = 0;
  #reads = 0;
  #writes = 0;
  #hasCommonClock = true;
  readonly #series = {
    sessionMs: new Series(),
    turnsPerSession: new Series(),
    thinkMs: new Series(),
    llmPerTurn: new Series(),
    toolsPerTurn: new Series(),
    turnMs: new Series(),
    fanOut: new Series(),
  } satisfies Record<(typeof SERIES)[number], Series>;
  readonly #tools = new NamedTotals<ToolFigures>(
    MOST_TOOLS,
    () => ({ calls: 0, errors: 0, durationMs: new Series() }),
    (into, { calls, errors, durationMs }) => {
      into.calls += calls;
      into.errors += errors;
      into.durationMs.merge(durationMs.state());
    },
  );
  readonly #starts = new Column();
  readonly #ends = new Column();
  readonly #turnStarts = new Column();
  #timedTurns = 0;

  add(session: Session): void {
    this.#sessions += 1;
    this.#turns += session.turns.length;
    if (session.relativeTime === true) this.#hasCommonClock = false;
    const { turnsPerSession, thinkMs } = this.#series;
    const keyAt = sessionOrder(session);
    const key = keyAt(session.turns[0]?.startMs ?? Number.NaN);
    turnsPerSession.add(session.turns.length, key);
    const thinks = thinkTimesMs(session);
    for (let index = 0; index < session.turns.length; index += 1) {
      const turn = session.turns[index]!;
      const turnKey = keyAt(turn.startMs);
      if (index > 0) thinkMs.add(thinks[index - 1], turnKey);
      this.#addTurn(turn, turnKey, keyAt);
    }
    this.#addInterval(session, key);
  }

  state(): SessionFoldState {
    return {
      sessions: this.#sessions,
      turns: this.#turns,
      reads: this.#reads,
      writes: this.#writes,
      hasCommonClock: this.#hasCommonClock,
      series: SERIES.map((name) => this.#series[name].state()),
      tools: this.#tools
        .entries()
        .map(([name, { calls, errors, durationMs }]) => [
          name,
          { calls, errors, durationMs: durationMs.state() },
        ]),
      starts: this.#starts.toArray(),
      ends: this.#ends.toArray(),
      turnStarts: this.#turnStarts.toArray(),
      timedTurns: this.#timedTurns,
    };
  }

  merge(state: SessionFoldState): void {
    this.#sessions += state.sessions;
    this.#turns += state.turns;
    this.#reads += state.reads;
    this.#writes += state.writes;
    this.#hasCommonClock &&= state.hasCommonClock;
    for (const [index, name] of SERIES.entries()) this.#series[name].merge(state.series[index]!);
    for (const [name, { calls, errors, durationMs }] of state.tools) {
      const figures = this.#tools.of(name);
      figures.calls += calls;
      figures.errors += errors;
      figures.durationMs.merge(durationMs);
    }
    for (const [index, startMs] of state.starts.entries()) {
      this.#keepInterval(startMs, state.ends[index]!);
    }
    for (const startMs of state.turnStarts) this.#keepTurnStart(startMs);
    // Those that did not fit there do not fit here.
    this.#timedTurns += state.timedTurns - state.turnStarts.length;
  }

  figures(): Pick<WorkloadProfile, 'sessions' | 'turns' | 'tools' | 'state'> & {
    readonly concurrency: Pick<WorkloadProfile['concurrency'], 'sessions' | 'fanOut'>;
    readonly pattern: ArrivalPattern | null;
  } {
    const series = this.#series;
    const none = this.#sessions === 0;
    return {
      sessions: {
        count: none ? null : this.#sessions,
        durationMs: series.sessionMs.summary(),
        turnsPerSession: series.turnsPerSession.summary(),
        thinkMs: series.thinkMs.summary(),
      },
      turns: {
        count: none ? null : this.#turns,
        llmCallsPerTurn: series.llmPerTurn.summary(),
        toolCallsPerTurn: series.toolsPerTurn.summary(),
        durationMs: series.turnMs.summary(),
      },
      tools: this.#toolProfiles(),
      state: { reads: this.#reads, writes: this.#writes },
      concurrency: { sessions: this.#concurrency(), fanOut: series.fanOut.summary() },
      pattern: this.#turnPattern(),
    };
  }

  #addTurn(turn: Turn, key: OrderKey, keyAt: (startMs: number) => OrderKey): void {
    const series = this.#series;
    if (Number.isFinite(turn.startMs)) this.#keepTurnStart(turn.startMs);
    let calls = 0;
    let tools = 0;
    for (const step of turn.steps) {
      if (step.kind === 'tool') tools += 1;
      else if (isGeneration(step)) calls += 1;
      else if (step.kind === 'state') this.#addState(step);
    }
    series.llmPerTurn.add(calls, key);
    series.toolsPerTurn.add(tools, key);
    series.turnMs.add(turnEndMs(turn) - turn.startMs, key);
    if (calls > 0) series.fanOut.add(fanOut(turn.steps), key);
    for (const step of turn.steps)
      if (step.kind === 'tool') this.#addTool(step, keyAt(step.startMs));
  }

  #addState({ operation }: StateOperation): void {
    if (operation === 'read') this.#reads += 1;
    else this.#writes += 1;
  }

  #addTool(tool: ToolCall, key: OrderKey): void {
    const figures = this.#tools.of(tool.name);
    figures.calls += 1;
    if (tool.error === true) figures.errors += 1;
    figures.durationMs.add(toolDurationMs(tool), key);
  }

  #addInterval(session: Session, key: OrderKey): void {
    const { startMs, endMs } = sessionInterval(session);
    this.#series.sessionMs.add(endMs - startMs, key);
    if (!Number.isNaN(endMs - startMs)) this.#keepInterval(startMs, endMs);
  }

  #keepInterval(startMs: number, endMs: number): void {
    if (this.#starts.length >= MOST_INTERVALS) return;
    this.#starts.push(startMs);
    this.#ends.push(endMs);
  }

  #keepTurnStart(startMs: number): void {
    this.#timedTurns += 1;
    if (this.#turnStarts.length < MOST_INTERVALS) this.#turnStarts.push(startMs);
  }

  /** Unknown when not all starts were kept: which ones were would depend on the order of the input. */
  #turnPattern(): ArrivalPattern | null {
    return this.#hasCommonClock && this.#turnStarts.length === this.#timedTurns
      ? arrivalPattern(this.#turnStarts.toArray().toSorted(), 'turns')
      : null;
  }

  #concurrency(): Concurrency | null {
    const complete = this.#starts.length === this.#sessions;
    return complete && this.#hasCommonClock
      ? concurrency(this.#starts.toArray(), this.#ends.toArray())
      : null;
  }

  /** Most called first. */
  #toolProfiles(): Record<string, ToolProfile> {
    const sorted = this.#tools.entries().toSorted(([, a], [, b]) => b.calls - a.calls);
    return Object.fromEntries(
      sorted.map(([name, { calls, errors, durationMs }]) => [
        name,
        { calls, errors, durationMs: durationMs.summary() },
      ]),
    );
  }
}

export interface SessionFoldState {
  readonly sessions: number;
  readonly turns: number;
  readonly reads: number;
  readonly writes: number;
  readonly hasCommonClock: boolean;
  readonly series: readonly SeriesState[];
  readonly tools: readonly (readonly [string, ToolState])[];
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  readonly turnStarts: Float64Array;
  /** Turns with a start, also those whose start is not kept. */
  readonly timedTurns: number;
}

interface ToolState {
  readonly calls: number;
  readonly errors: number;
  readonly durationMs: SeriesState;
}

/** A call that generates text; embeddings are counted apart. */
export function isGeneration(step: Step): step is LlmCall {
  return step.kind === 'llm' && step.operation !== 'embedding';
}

/** Most generations at a time, of steps with at least one; undefined when the end of one is unknown. */
function fanOut(steps: readonly Step[]): number | undefined {
  // Mostly each call starts after all others have ended, which needs no sorting to see.
  let lastEndMs = Number.NEGATIVE_INFINITY;
  let overlaps = false;
  for (const step of steps) {
    if (!isGeneration(step)) continue;
    if (step.endMs === undefined) return undefined;
    if (!(step.startMs >= lastEndMs)) overlaps = true;
    lastEndMs = Math.max(lastEndMs, step.endMs);
  }
  if (!overlaps) return 1;
  const flights = steps
    .filter(isGeneration)
    .map(({ startMs, endMs }) => [startMs, endMs!] as const);
  return Math.max(1, maxOverlap(flights));
}

/** A session's generations in order of time; those of one instant stay as they are. */
export function generationsInOrder(session: Session): readonly LlmCall[] {
  const calls: LlmCall[] = [];
  let isAscending = true;
  for (const { steps } of session.turns) {
    for (const step of steps) {
      if (!isGeneration(step)) continue;
      if (calls.length > 0 && !(step.startMs >= calls.at(-1)!.startMs)) isAscending = false;
      calls.push(step);
    }
  }
  return isAscending ? calls : calls.toSorted((a, b) => a.startMs - b.startMs);
}

/** Execution time of a tool: as the source says, else end minus start; undefined when unknown. */
export function toolDurationMs(tool: ToolCall): number | undefined {
  return tool.durationMs ?? (tool.endMs === undefined ? undefined : tool.endMs - tool.startMs);
}

/** End of a turn as the source says, else the last known end of a step; NaN when unknown. */
function turnEndMs(turn: Turn): number {
  if (turn.endMs !== undefined) return turn.endMs;
  let end = Number.NaN;
  for (const step of turn.steps) {
    if (step.endMs !== undefined && !(step.endMs <= end)) end = step.endMs;
  }
  return end;
}

/**
 * Waits between turns: as the source measures them, else from the end of one to the start of the
 * next; an unknown end gives none.
 */
export function thinkTimesMs(session: Session): number[] {
  const { turns } = session;
  const thinks: number[] = [];
  for (let index = 1; index < turns.length; index += 1) {
    const { startMs, waitMs } = turns[index]!;
    thinks.push(waitMs ?? Math.max(0, startMs - turnEndMs(turns[index - 1]!)));
  }
  return thinks;
}

function sessionInterval(session: Session): { readonly startMs: number; readonly endMs: number } {
  let startMs = Number.POSITIVE_INFINITY;
  let endMs = Number.NEGATIVE_INFINITY;
  let hasEnd = false;
  for (const turn of session.turns) {
    const end = turnEndMs(turn);
    startMs = Math.min(startMs, turn.startMs);
    endMs = Math.max(endMs, Number.isNaN(end) ? lastStartMs(turn) : end);
    hasEnd ||= !Number.isNaN(end);
  }
  // One instant without an end says nothing of how long it took.
  return { startMs, endMs: hasEnd || endMs > startMs ? endMs : Number.NaN };
}

function lastStartMs({ startMs, steps }: Turn): number {
  let last = startMs;
  for (const step of steps) if (step.startMs > last) last = step.startMs;
  return last;
}
