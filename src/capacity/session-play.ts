import type { PlayedCall, SessionPart } from './call-ring.ts';
import type { SessionGraph } from './session-graph.ts';

export type StartCall = (session: SessionPlay, call: number, atMs: number) => void;

/** One session as it happens: starts each call when what it waits for is over. */
export class SessionPlay {
  readonly calls: readonly PlayedCall[];
  readonly #part: SessionPart;
  readonly #graph: SessionGraph;
  readonly #onFailure: 'end-turn' | 'end-session' | 'continue';
  readonly #start: StartCall;
  /** When each call ended; before it has, when it would end undisturbed. */
  readonly #endMs: number[];
  /** Calls it still waits for. */
  readonly #waits: number[];
  /** Per turn: calls to play that are not over, and the start once known. */
  readonly #open: number[];
  readonly #turnStartMs: number[];
  #brokenTurns: Set<number> | undefined;
  #isBroken = false;
  /** All its calls are played. */
  readonly #isWhole: boolean;

  constructor(
    part: SessionPart,
    onFailure: 'end-turn' | 'end-session' | 'continue',
    start: StartCall,
  ) {
    const { calls, graph, startMs } = part;
    this.calls = calls;
    this.#part = part;
    this.#graph = graph;
    this.#onFailure = onFailure;
    this.#start = start;
    this.#isWhole = startMs >= part.fromMs && startMs + part.lastOffsetMs < part.toMs;
    // Plain arrays: they are made faster than typed ones, and a session is small.
    this.#turnStartMs = [];
    if (this.#isWhole) {
      this.#endMs = [];
      this.#waits = graph.waits.slice();
      this.#open = graph.open.slice();
    } else {
      this.#endMs = calls.map((call) => startMs + call.offsetMs + call.durationMs);
      this.#waits = calls.map(() => 0);
      this.#open = graph.turns.map(() => 0);
    }
  }

  /** Starts the calls that wait for nothing that is still to come. */
  begin(): void {
    if (!this.#isWhole) this.#countPlayed();
    this.#enterTurn(0, this.#part.startMs);
  }

  /** Whether a failure before it has ended the call's turn or session. */
  isBroken(call: number): boolean {
    if (this.#brokenTurns === undefined) return false;
    return this.#isBroken || this.#brokenTurns.has(this.#graph.calls[call]!.turn);
  }

  finish(call: number, atMs: number, outcome: 'ok' | 'failed' | 'skipped'): void {
    const { before, turn } = this.#graph.calls[call]!;
    this.#endMs[call] = atMs;
    if (outcome === 'failed' && this.#onFailure !== 'continue') {
      (this.#brokenTurns ??= new Set()).add(turn);
      this.#isBroken = this.#onFailure === 'end-session';
    }
    for (const next of before) {
      if (!this.#isPlayed(next)) continue;
      this.#waits[next]! -= 1;
      if (this.#waits[next] === 0) this.#start(this, next, Math.max(atMs, this.#startOf(next)));
    }
    this.#open[turn]! -= 1;
    if (this.#open[turn] === 0) this.#leaveTurn(turn, atMs);
  }

  #countPlayed(): void {
    for (const [call, { after, turn }] of this.#graph.calls.entries()) {
      if (!this.#isPlayed(call)) continue;
      this.#open[turn]! += 1;
      for (const { call: other } of after) if (this.#isPlayed(other)) this.#waits[call]! += 1;
    }
  }

  /** Enters turns until one has a call to wait for. */
  #enterTurn(first: number, firstStartMs: number): void {
    let startMs = firstStartMs;
    for (let turn = first; turn < this.#graph.turns.length; turn += 1) {
      this.#turnStartMs[turn] = startMs;
      if (this.#open[turn]! > 0) {
        this.#startRoots(turn);
        return;
      }
      startMs = this.#endOf(turn) + (this.#graph.turns[turn + 1]?.thinkMs ?? 0);
    }
  }

  #leaveTurn(turn: number, atMs: number): void {
    const thinkMs = this.#graph.turns[turn + 1]?.thinkMs;
    if (thinkMs === undefined || this.#isBroken) return;
    this.#enterTurn(turn + 1, Math.max(atMs, this.#endOf(turn)) + thinkMs);
  }

  #startRoots(turn: number): void {
    const { endCall, firstCall } = this.#graph.turns[turn]!;
    for (let call = firstCall; call < endCall; call += 1) {
      if (this.#waits[call]! > 0 || !this.#isPlayed(call)) continue;
      this.#start(this, call, Math.max(this.#part.fromMs, this.#startOf(call)));
    }
  }

  #startOf(call: number): number {
    const node = this.#graph.calls[call]!;
    let startMs = this.#turnStartMs[node.turn]! + node.leastMs;
    for (const { call: other, gapMs } of node.after) {
      startMs = Math.max(startMs, this.#endMs[other]! + gapMs);
    }
    return startMs;
  }

  #endOf(turn: number): number {
    const { ends, leastMs } = this.#graph.turns[turn]!;
    let endMs = this.#turnStartMs[turn]! + leastMs;
    for (const { call, gapMs } of ends) endMs = Math.max(endMs, this.#endMs[call]! + gapMs);
    return endMs;
  }

  #isPlayed(call: number): boolean {
    if (this.#isWhole) return true;
    const { fromMs, startMs, toMs } = this.#part;
    const atMs = startMs + this.calls[call]!.offsetMs;
    return atMs >= fromMs && atMs < toMs;
  }
}
