import { hashOfText } from '../core/text-hash.ts';
import { inputTokens } from '../core/tokens.ts';
import type { LlmCall, Session, UsageBucket } from '../core/trace.ts';
import { US_PER_MS } from '../core/units.ts';
import { arrivalPattern } from './arrival-pattern.ts';
import type { ArrivalPattern } from './arrival-pattern.ts';
import { gapFigures } from './arrivals.ts';
import { Column } from './column.ts';
import { isTimed, timeKey } from './order-key.ts';
import type { OrderKey } from './order-key.ts';
import { isGeneration } from './session-fold.ts';
import { summarise } from './summary.ts';

/** Who makes the load: users, keys or tenants, without their names. */
export interface ClientProfile {
  readonly count: number;
  /** Share of the calls that the busiest 1, 5 and 10 clients make. */
  readonly topShares: readonly [number, number, number];
  /** Clients that make 90 % of the calls, the busiest first. */
  readonly clientsOf90: number;
  /** CV of the gaps within one client, weighted by calls; null without times. */
  readonly iatCv: number | null;
  /** Share of the calls of clients set off by each pattern; null when none shows one. */
  readonly patterns: Readonly<Record<ArrivalPattern['kind'] | 'unclear', number>> | null;
  /** The busiest, at most 20. */
  readonly top: readonly ClientShare[];
}

interface ClientShare {
  readonly calls: number;
  readonly share: number;
  readonly inputMean: number;
  readonly outputMean: number;
  readonly iatCv: number | null;
  readonly pattern: ArrivalPattern['kind'] | null;
  readonly periodMs: number | null;
  /** Calls or turns started together, on average. */
  readonly burstMean: number | null;
}

/** More names than this are ids of something else: then nothing is said of clients. */
const MOST_CLIENTS = 2 ** 16;
/** Starts kept for gaps and patterns (24 MiB); a longer trace has none. */
const MOST_STARTS = 2 ** 20;
const MOST_LISTED = 20;

interface Totals {
  calls: number;
  input: number;
  output: number;
}

/**
 * Calls by client, so that a single key which polls, or floods, is not hidden in the sum. Patterns
 * come from turns where there are any (one trigger, many calls), else from calls.
 */
export class ClientFold {
  readonly #totals = new Map<number, Totals>();
  #isOverfull = false;
  readonly #clients = new Column();
  readonly #keys = new Column();
  /** 1: a call; 2: a turn; 3: a call that is a trigger of its own. */
  readonly #kinds = new Column();
  #starts = 0;

  call(call: LlmCall): void {
    const client = call.details?.client;
    if (client === undefined) return;
    const name = hashOfText(client);
    this.#count(name, call);
    if (Number.isFinite(call.startMs)) this.#start(name, timeKey(call.startMs), CALL + TRIGGER);
  }

  session(session: Session): void {
    if (session.user === undefined) return;
    const name = hashOfText(session.user);
    const hasClock = session.relativeTime !== true;
    for (const { startMs, steps } of session.turns) {
      if (hasClock && Number.isFinite(startMs)) this.#start(name, timeKey(startMs), TRIGGER);
      for (const step of steps) {
        if (!isGeneration(step)) continue;
        this.#count(name, step);
        if (hasClock && Number.isFinite(step.startMs)) {
          this.#start(name, timeKey(step.startMs), CALL);
        }
      }
    }
  }

  /** A provider's own total of one key and window: sizes only. */
  bucket({ client, requests, tokens }: UsageBucket): void {
    if (client === undefined || requests === undefined) return;
    const totals = this.#of(hashOfText(client));
    totals.calls += requests;
    totals.input += inputTokens(tokens);
    totals.output += tokens.output;
  }

  state(): ClientFoldState {
    const totals = [...this.#totals].toSorted(([a], [b]) => a - b);
    return {
      isOverfull: this.#isOverfull,
      names: Float64Array.from(totals, ([name]) => name),
      calls: Float64Array.from(totals, ([, { calls }]) => calls),
      input: Float64Array.from(totals, ([, { input }]) => input),
      output: Float64Array.from(totals, ([, { output }]) => output),
      starts: {
        clients: this.#clients.toArray(),
        keys: this.#keys.toArray(),
        kinds: this.#kinds.toArray(),
        count: this.#starts,
      },
    };
  }

  merge(state: ClientFoldState): void {
    this.#isOverfull ||= state.isOverfull;
    for (const [index, name] of state.names.entries()) {
      const totals = this.#of(name);
      totals.calls += state.calls[index]!;
      totals.input += state.input[index]!;
      totals.output += state.output[index]!;
    }
    const { clients, keys, kinds, count } = state.starts;
    for (const [index, client] of clients.entries()) {
      this.#start(client, keys[index]!, kinds[index]!);
    }
    this.#starts += count - clients.length;
  }

  /** Null when the source names no clients, or too many to be clients. */
  figures(): ClientProfile | null {
    if (this.#totals.size === 0 || this.#isOverfull) return null;
    const starts = this.#startsByClient();
    let all = 0;
    for (const { calls } of this.#totals.values()) all += calls;
    const ordered = [...this.#totals]
      .toSorted(([a, x], [b, y]) => y.calls - x.calls || y.input - x.input || a - b)
      .map(([name, totals]) => shareOf(totals, all, starts.get(name)));
    return {
      count: ordered.length,
      topShares: [topShare(ordered, 1), topShare(ordered, 5), topShare(ordered, 10)],
      clientsOf90: clientsOf(0.9, ordered),
      iatCv: weightedCv(ordered),
      patterns: patternShares(ordered),
      top: ordered.slice(0, MOST_LISTED),
    };
  }

  /** Clients that show a pattern. */
  patterns(): ReadonlyMap<number, ArrivalPattern['kind']> {
    const patterns = new Map<number, ArrivalPattern['kind']>();
    for (const [client, starts] of this.#startsByClient()) {
      const pattern = patternOf(starts);
      if (pattern !== null) patterns.set(client, pattern.kind);
    }
    return patterns;
  }

  #count(name: number, { tokens }: LlmCall): void {
    const totals = this.#of(name);
    totals.calls += 1;
    totals.input += inputTokens(tokens);
    totals.output += tokens.output;
  }

  #of(name: number): Totals {
    let totals = this.#totals.get(name);
    if (totals === undefined) {
      totals = { calls: 0, input: 0, output: 0 };
      if (this.#totals.size < MOST_CLIENTS) this.#totals.set(name, totals);
      else this.#isOverfull = true;
    }
    return totals;
  }

  #start(client: number, key: OrderKey, kind: number): void {
    this.#starts += 1;
    if (this.#clients.length >= MOST_STARTS) return;
    this.#clients.push(client);
    this.#keys.push(key);
    this.#kinds.push(kind);
  }

  /** Empty when not all starts were kept: which ones were would depend on the order of the input. */
  #startsByClient(): Map<number, Starts> {
    const byClient = new Map<number, Starts>();
    if (this.#clients.length < this.#starts) return byClient;
    for (let index = 0; index < this.#clients.length; index += 1) {
      const key = this.#keys.at(index);
      if (!isTimed(key)) continue;
      const client = this.#clients.at(index);
      let starts = byClient.get(client);
      if (starts === undefined) {
        starts = { calls: [], triggers: [], hasTurns: false };
        byClient.set(client, starts);
      }
      const kind = this.#kinds.at(index);
      if (kind !== TRIGGER) starts.calls.push(key / US_PER_MS);
      if (kind !== CALL) starts.triggers.push(key / US_PER_MS);
      starts.hasTurns ||= kind === TRIGGER;
    }
    return byClient;
  }
}

export interface ClientFoldState {
  readonly isOverfull: boolean;
  /** Hashes of the names, ascending. */
  readonly names: Float64Array;
  readonly calls: Float64Array;
  readonly input: Float64Array;
  readonly output: Float64Array;
  readonly starts: {
    readonly clients: Float64Array;
    readonly keys: Float64Array;
    readonly kinds: Float64Array;
    readonly count: number;
  };
}

/** The state with every client's number replaced. */
export function renamed(
  state: ClientFoldState,
  rename: (client: number) => number,
): ClientFoldState {
  const names = new Map<number, number>();
  for (const name of state.names) names.set(name, rename(name));
  const { clients, ...starts } = state.starts;
  return {
    ...state,
    names: state.names.map((name) => names.get(name)!),
    starts: { ...starts, clients: clients.map((name) => names.get(name)!) },
  };
}

interface Starts {
  readonly calls: number[];
  readonly triggers: number[];
  hasTurns: boolean;
}

const CALL = 1;
const TRIGGER = 2;

function shareOf({ calls, input, output }: Totals, all: number, starts?: Starts): ClientShare {
  const times = starts === undefined ? [] : starts.calls.toSorted((a, b) => a - b);
  const pattern = starts === undefined ? null : patternOf(starts);
  const gaps = Float64Array.from(times.slice(1), (at, index) => at - times[index]!);
  return {
    calls,
    share: all === 0 ? 0 : calls / all,
    inputMean: calls === 0 ? 0 : input / calls,
    outputMean: calls === 0 ? 0 : output / calls,
    iatCv: gapFigures(summarise(gaps)).iatCv,
    pattern: pattern?.kind ?? null,
    periodMs: pattern?.periodMs ?? null,
    burstMean: pattern?.burstSize.mean ?? null,
  };
}

function patternOf({ triggers, hasTurns }: Starts): ArrivalPattern | null {
  return arrivalPattern(Float64Array.from(triggers).toSorted(), hasTurns ? 'turns' : 'calls');
}

function topShare(ordered: readonly ClientShare[], count: number): number {
  let share = 0;
  for (const client of ordered.slice(0, count)) share += client.share;
  return Math.min(1, share);
}

function clientsOf(share: number, ordered: readonly ClientShare[]): number {
  let sum = 0;
  // The last of a million additions must not decide.
  const goal = share - 1e-9;
  for (const [index, client] of ordered.entries()) {
    sum += client.share;
    if (sum >= goal) return index + 1;
  }
  return ordered.length;
}

function weightedCv(ordered: readonly ClientShare[]): number | null {
  let [sum, weight] = [0, 0];
  for (const { calls, iatCv } of ordered) {
    if (iatCv === null) continue;
    sum += calls * iatCv;
    weight += calls;
  }
  return weight === 0 ? null : sum / weight;
}

function patternShares(ordered: readonly ClientShare[]): ClientProfile['patterns'] {
  const shares = { periodic: 0, batch: 0, 'event-driven': 0, unclear: 0 };
  for (const { pattern, share } of ordered) shares[pattern ?? 'unclear'] += share;
  return shares.unclear > 1 - 1e-9 ? null : shares;
}
