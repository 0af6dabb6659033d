import type { LlmCall, Session, Step, ToolCall, Turn } from '../core/trace.ts';
import { arrivalPattern } from './arrival-pattern.ts';
import type { ArrivalPattern } from './arrival-pattern.ts';
import { Column } from './column.ts';
import { concurrency, maxOverlap } from './concurrency.ts';
import type { Concurrency } from './concurrency.ts';
import { Series } from './series.ts';
import type { ToolProfile, WorkloadProfile } from './workload-profile.ts';

/** Distinct tool names kept apart; a trace with more has identifiers for names. */
const MOST_TOOLS = 1000;
const OTHER_TOOLS = '(other)';
/** Sessions whose interval, and turns whose start, are kept (24 MiB together). */
const MOST_INTERVALS = 2 ** 20;

interface ToolFigures {
  calls: number;
  errors: number;
  readonly durationMs: Series;
}

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
  };
  readonly #tools = new Map<string, ToolFigures>();
  readonly #starts = new Column();
  readonly #ends = new Column();
  readonly #turnStarts = new Column();

  get count(): number {
    return this.#sessions;
  }

  add(session: Session): void {
    this.#sessions += 1;
    this.#turns += session.turns.length;
    if (session.relativeTime === true) this.#hasCommonClock = false;
    const { turnsPerSession, thinkMs } = this.#series;
    turnsPerSession.add(session.turns.length);
    for (const turn of session.turns) this.#addTurn(turn);
    for (const think of thinkTimesMs(session)) thinkMs.add(think);
    this.#addInterval(session);
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
      pattern: this.#hasCommonClock
        ? arrivalPattern(this.#turnStarts.toArray().toSorted(), 'turns')
        : null,
    };
  }

  #addTurn(turn: Turn): void {
    const calls = turn.steps.filter(isGeneration);
    const tools = turn.steps.filter((step) => step.kind === 'tool');
    const series = this.#series;
    if (this.#turnStarts.length < MOST_INTERVALS && Number.isFinite(turn.startMs)) {
      this.#turnStarts.push(turn.startMs);
    }
    series.llmPerTurn.add(calls.length);
    series.toolsPerTurn.add(tools.length);
    series.turnMs.add(turnEndMs(turn) - turn.startMs);
    const flights = calls.flatMap(({ startMs, endMs }) =>
      endMs === undefined ? [] : [[startMs, endMs] as const],
    );
    if (calls.length > 0 && flights.length === calls.length) {
      series.fanOut.add(Math.max(1, maxOverlap(flights)));
    }
    for (const tool of tools) this.#addTool(tool);
    for (const step of turn.steps) {
      if (step.kind !== 'state') continue;
      if (step.operation === 'read') this.#reads += 1;
      else this.#writes += 1;
    }
  }

  #addTool(tool: ToolCall): void {
    const isKept = this.#tools.has(tool.name) || this.#tools.size < MOST_TOOLS;
    const name = isKept ? tool.name : OTHER_TOOLS;
    let figures = this.#tools.get(name);
    if (figures === undefined) {
      figures = { calls: 0, errors: 0, durationMs: new Series() };
      this.#tools.set(name, figures);
    }
    figures.calls += 1;
    if (tool.error === true) figures.errors += 1;
    figures.durationMs.add(toolDurationMs(tool));
  }

  #addInterval(session: Session): void {
    const { startMs, endMs } = sessionInterval(session);
    this.#series.sessionMs.add(endMs - startMs);
    if (this.#starts.length >= MOST_INTERVALS || Number.isNaN(endMs - startMs)) return;
    this.#starts.push(startMs);
    this.#ends.push(endMs);
  }

  #concurrency(): Concurrency | null {
    const complete = this.#starts.length === this.#sessions;
    return complete && this.#hasCommonClock
      ? concurrency(this.#starts.toArray(), this.#ends.toArray())
      : null;
  }

  /** Most called first. */
  #toolProfiles(): Record<string, ToolProfile> {
    const sorted = [...this.#tools].toSorted(([, a], [, b]) => b.calls - a.calls);
    return Object.fromEntries(
      sorted.map(([name, { calls, errors, durationMs }]) => [
        name,
        { calls, errors, durationMs: durationMs.summary() },
      ]),
    );
  }
}

/** A call that generates text; embeddings are counted apart. */
export function isGeneration(step: Step): step is LlmCall {
  return step.kind === 'llm' && step.operation !== 'embedding';
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

/** Waits between turns: from the end of one to the start of the next; an unknown end gives none. */
export function thinkTimesMs(session: Session): number[] {
  return session.turns
    .slice(1)
    .map((turn, index) => Math.max(0, turn.startMs - turnEndMs(session.turns[index]!)));
}

function sessionInterval(session: Session): { readonly startMs: number; readonly endMs: number } {
  let startMs = Number.POSITIVE_INFINITY;
  let endMs = Number.NEGATIVE_INFINITY;
  for (const turn of session.turns) {
    const end = turnEndMs(turn);
    startMs = Math.min(startMs, turn.startMs);
    endMs = Math.max(endMs, Number.isNaN(end) ? turn.startMs : end);
  }
  return { startMs, endMs };
}
