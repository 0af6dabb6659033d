import type { SessionPart } from './call-ring.ts';
import type { PlayedCall } from './played-session.ts';

/**
 * The sessions of a load as they happen: each call starts when what it waits for is over. The calls
 * of all parts lie side by side in flat arrays and are named by their place in them, because a plan
 * plays hundreds of thousands of sessions.
 */
export class SessionPlay {
  readonly #parts: readonly SessionPart[];
  readonly #onFailure: FailureRule;
  readonly #start: StartCall;
  /** Per part: the place of its call 0 and of its turn 0, had they been played. */
  readonly #callBase: Int32Array;
  readonly #turnBase: Int32Array;
  /** Per part: whether all its calls are played, and whether a failure has ended it. */
  readonly #isWhole: Uint8Array;
  readonly #isBroken: Uint8Array;
  /** Per call: its part, when it ended (before it has, when it would), calls it still waits for. */
  readonly #partOf: Int32Array;
  readonly #endMs: Float64Array;
  readonly #waits: Int32Array;
  /** Per turn: calls to play that are not over, its start once known, whether a call failed. */
  readonly #open: Int32Array;
  readonly #turnStartMs: Float64Array;
  readonly #isTurnBroken: Uint8Array;

  /** @param start is told of each call when it is sent */
  constructor(parts: readonly SessionPart[], onFailure: FailureRule, start: StartCall) {
    this.#parts = parts;
    this.#onFailure = onFailure;
    this.#start = start;
    this.#callBase = new Int32Array(parts.length);
    this.#turnBase = new Int32Array(parts.length);
    this.#isWhole = new Uint8Array(parts.length);
    this.#isBroken = new Uint8Array(parts.length);
    let calls = 0;
    let turns = 0;
    for (const [index, part] of parts.entries()) {
      const { end, first, fromMs, session, startMs, toMs } = part;
      const isWhole = startMs >= fromMs && startMs + session.lastOffsetMs < toMs;
      this.#isWhole[index] = isWhole ? 1 : 0;
      const firstTurn = isWhole ? 0 : session.graph.calls[first]!.turn;
      this.#callBase[index] = calls - first;
      this.#turnBase[index] = turns - firstTurn;
      calls += end - first;
      turns += this.#lastTurn(index) - firstTurn + 1;
    }
    this.#partOf = new Int32Array(calls);
    this.#endMs = new Float64Array(calls);
    this.#waits = new Int32Array(calls);
    this.#open = new Int32Array(turns);
    this.#turnStartMs = new Float64Array(turns);
    this.#isTurnBroken = new Uint8Array(turns);
  }

  /** Number of calls; places are below it. */
  get size(): number {
    return this.#partOf.length;
  }

  callAt(place: number): PlayedCall {
    const part = this.#partOf[place]!;
    return this.#parts[part]!.session.calls[place - this.#callBase[part]!]!;
  }

  /** Starts the calls of a part that wait for nothing that is still to come. */
  begin(part: number): void {
    const { end, first, session, startMs } = this.#parts[part]!;
    const { calls, graph } = session;
    const base = this.#callBase[part]!;
    const turnBase = this.#turnBase[part]!;
    if (this.#isWhole[part] === 1) {
      for (let call = 0; call < calls.length; call += 1) {
        this.#partOf[base + call] = part;
        this.#waits[base + call] = graph.waits[call]!;
      }
      for (let turn = 0; turn < graph.turns.length; turn += 1) {
        this.#open[turnBase + turn] = graph.open[turn]!;
      }
      this.#enterTurn(part, 0, startMs);
      return;
    }
    for (let call = first; call < end; call += 1) {
      this.#partOf[base + call] = part;
      const { durationMs, offsetMs } = calls[call]!;
      this.#endMs[base + call] = startMs + offsetMs + durationMs;
      if (!this.#isPlayed(part, call)) continue;
      const { after, turn } = graph.calls[call]!;
      this.#open[turnBase + turn]! += 1;
      for (const { call: other } of after) {
        if (this.#isPlayed(part, other)) this.#waits[base + call]! += 1;
      }
    }
    const { turn } = graph.calls[first]!;
    this.#enterTurn(part, turn, startMs + session.turnOffsetMs[turn]!);
  }

  /** Whether a failure before it has ended the call's turn or session. */
  isBroken(place: number): boolean {
    const part = this.#partOf[place]!;
    if (this.#isBroken[part] === 1) return true;
    const { turn } = this.#parts[part]!.session.graph.calls[place - this.#callBase[part]!]!;
    return this.#isTurnBroken[this.#turnBase[part]! + turn] === 1;
  }

  finish(place: number, atMs: number, outcome: 'ok' | 'failed' | 'skipped'): void {
    const part = this.#partOf[place]!;
    const base = this.#callBase[part]!;
    const { before, turn } = this.#parts[part]!.session.graph.calls[place - base]!;
    const turnPlace = this.#turnBase[part]! + turn;
    this.#endMs[place] = atMs;
    if (outcome === 'failed' && this.#onFailure !== 'continue') {
      this.#isTurnBroken[turnPlace] = 1;
      if (this.#onFailure === 'end-session') this.#isBroken[part] = 1;
    }
    for (const next of before) {
      if (!this.#isPlayed(part, next)) continue;
      this.#waits[base + next]! -= 1;
      if (this.#waits[base + next] === 0) {
        this.#start(base + next, Math.max(atMs, this.#startOf(part, next)));
      }
    }
    this.#open[turnPlace]! -= 1;
    if (this.#open[turnPlace] === 0) this.#leaveTurn(part, turn, atMs);
  }

  /** Enters turns until one has a call to wait for. */
  #enterTurn(part: number, first: number, firstStartMs: number): void {
    const { turns } = this.#parts[part]!.session.graph;
    const turnBase = this.#turnBase[part]!;
    const last = this.#lastTurn(part);
    let startMs = firstStartMs;
    for (let turn = first; turn <= last; turn += 1) {
      this.#turnStartMs[turnBase + turn] = startMs;
      if (this.#open[turnBase + turn]! > 0) {
        this.#startRoots(part, turn);
        return;
      }
      startMs = this.#endOf(part, turn) + (turns[turn + 1]?.thinkMs ?? 0);
    }
  }

  #lastTurn(part: number): number {
    const { end, session } = this.#parts[part]!;
    const { calls, turns } = session.graph;
    return this.#isWhole[part] === 1 ? turns.length - 1 : calls[end - 1]!.turn;
  }

  #leaveTurn(part: number, turn: number, atMs: number): void {
    const thinkMs = this.#parts[part]!.session.graph.turns[turn + 1]?.thinkMs;
    if (thinkMs === undefined || this.#isBroken[part] === 1) return;
    this.#enterTurn(part, turn + 1, Math.max(atMs, this.#endOf(part, turn)) + thinkMs);
  }

  #startRoots(part: number, turn: number): void {
    const { fromMs, session } = this.#parts[part]!;
    const { endCall, firstCall } = session.graph.turns[turn]!;
    const base = this.#callBase[part]!;
    for (let call = firstCall; call < endCall; call += 1) {
      if (!this.#isPlayed(part, call) || this.#waits[base + call]! > 0) continue;
      this.#start(base + call, Math.max(fromMs, this.#startOf(part, call)));
    }
  }

  #startOf(part: number, call: number): number {
    const { after, leastMs, turn } = this.#parts[part]!.session.graph.calls[call]!;
    let startMs = this.#turnStartMs[this.#turnBase[part]! + turn]! + leastMs;
    for (const { call: other, gapMs } of after) {
      startMs = Math.max(startMs, this.#callEnd(part, other) + gapMs);
    }
    return startMs;
  }

  #endOf(part: number, turn: number): number {
    const { ends, leastMs } = this.#parts[part]!.session.graph.turns[turn]!;
    let endMs = this.#turnStartMs[this.#turnBase[part]! + turn]! + leastMs;
    for (const { call, gapMs } of ends) endMs = Math.max(endMs, this.#callEnd(part, call) + gapMs);
    return endMs;
  }

  #callEnd(part: number, call: number): number {
    const { end, first, session, startMs } = this.#parts[part]!;
    if (this.#isWhole[part] === 1 || (call >= first && call < end)) {
      return this.#endMs[this.#callBase[part]! + call]!;
    }
    const { durationMs, offsetMs } = session.calls[call]!;
    return startMs + offsetMs + durationMs;
  }

  #isPlayed(part: number, call: number): boolean {
    if (this.#isWhole[part] === 1) return true;
    const { end, first, fromMs, session, startMs, toMs } = this.#parts[part]!;
    if (call < first || call >= end) return false;
    const atMs = startMs + session.calls[call]!.offsetMs;
    return atMs >= fromMs && atMs < toMs;
  }
}

export type FailureRule = 'end-turn' | 'end-session' | 'continue';

type StartCall = (place: number, atMs: number) => void;
