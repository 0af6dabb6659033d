import type { AskPrint, LlmCall, Session } from '../core/trace.ts';
import { nearRepeats } from './near-repeats.ts';
import { isGeneration } from './session-fold.ts';
import { sessionOrder, textHash, timeKey, untimedKey } from './order-key.ts';
import type { OrderKey } from './order-key.ts';

/** How much of what is asked was asked before: what a cache of answers could serve, and what it must not. */
export interface RepeatProfile {
  /** Calls whose whole prompt is known by hash, and those that repeat an earlier one exactly. */
  readonly prompts: { readonly calls: number; readonly repeated: number } | null;
  readonly asks: AskRepeats | null;
}

export interface AskRepeats {
  /** User messages known by fingerprint. */
  readonly count: number;
  /** Words equal to those of an earlier message (lower case, no punctuation). */
  readonly exact: number;
  /** At least this share of word trigrams in common with an earlier message; exact ones included. */
  readonly near80: number;
  readonly near50: number;
  /**
   * The near80 ones by what stood before them in the prompt (system prompt, answers, tool results):
   * the same as before the earlier message, something else, or not known to the source.
   */
  readonly sameState: number;
  readonly otherState: number;
  readonly unknownState: number;
}

/** Prompts and messages compared: the first ones of the trace. */
const MOST_PROMPTS = 2 ** 18;
const MOST_ASKS = 2 ** 14;

/** Counts repeated prompts and user messages from fingerprints, whatever the order of the input. */
export class RepeatFold {
  readonly #prompts = new Earliest<number>(MOST_PROMPTS);
  readonly #asks = new Earliest<AskPrint>(MOST_ASKS);
  /** What shards counted before their fingerprints were dropped. */
  readonly #closed = emptyCounts();

  call(call: LlmCall): void {
    if (call.details === undefined) return;
    const key = Number.isFinite(call.startMs)
      ? timeKey(call.startMs)
      : untimedKey(textHash(String(call.details.promptHash ?? call.details.ask?.text)), 0);
    this.#add(call, key);
  }

  session(session: Session): void {
    let keyAt: ((startMs: number) => OrderKey) | undefined;
    for (const { steps } of session.turns) {
      for (const step of steps) {
        if (!isGeneration(step) || step.details === undefined) continue;
        keyAt ??= sessionOrder(session);
        this.#add(step, keyAt(step.startMs));
      }
    }
  }

  state(): RepeatFoldState {
    const prompts = this.#prompts.entries();
    const asks = this.#asks.entries();
    return {
      prompts: {
        keys: numbersOf(prompts, ([key]) => key),
        hashes: numbersOf(prompts, ([, hash]) => hash),
      },
      asks: {
        keys: numbersOf(asks, ([key]) => key),
        texts: numbersOf(asks, ([, { text }]) => text),
        before: numbersOf(asks, ([, { before }]) => before ?? Number.NaN),
        counts: numbersOf(asks, ([, ask]) => ask.shingles.length),
        shingles: shinglesOf(asks),
      },
      closed: { ...this.#closed },
    };
  }

  merge({ prompts, asks, closed }: RepeatFoldState): void {
    for (let index = 0; index < prompts.keys.length; index += 1) {
      this.#prompts.add(prompts.keys[index]!, prompts.hashes[index]!);
    }
    let from = 0;
    for (let index = 0; index < asks.keys.length; index += 1) {
      const count = asks.counts[index]!;
      const before = asks.before[index]!;
      this.#asks.add(asks.keys[index]!, {
        text: asks.texts[index]!,
        shingles: new Uint32Array(asks.shingles.subarray(from, from + count)),
        before: Number.isNaN(before) ? undefined : before,
      });
      from += count;
    }
    for (const name of Object.keys(this.#closed) as (keyof RepeatCounts)[]) {
      this.#closed[name] += closed[name];
    }
  }

  /** Null when the source holds neither prompts nor messages. */
  figures(): RepeatProfile | null {
    const { calls, repeated, ...asks } = this.#counts();
    if (calls + asks.count === 0) return null;
    return {
      prompts: calls === 0 ? null : { calls, repeated },
      asks: asks.count === 0 ? null : asks,
    };
  }

  /** The state with all comparisons made and no fingerprint left, for files. */
  closedState(): RepeatFoldState {
    const fold = new RepeatFold();
    return { ...fold.state(), closed: this.#counts() };
  }

  #add({ details }: LlmCall, key: OrderKey): void {
    if (details?.promptHash !== undefined) this.#prompts.add(key, details.promptHash);
    if (details?.ask !== undefined) this.#asks.add(key, details.ask);
  }

  #counts(): RepeatCounts {
    const prompts = this.#prompts.entries().map(([, hash]) => hash);
    const own = {
      calls: prompts.length,
      repeated: prompts.length - new Set(prompts).size,
      ...nearRepeats(this.#asks.entries().map(([, ask]) => ask)),
    };
    const counts: RepeatCounts = { ...this.#closed };
    for (const name of Object.keys(own) as (keyof RepeatCounts)[]) counts[name] += own[name];
    return counts;
  }
}

/** Float64Array.from with a function takes several times as long. */
function numbersOf<T>(entries: readonly T[], numberOf: (entry: T) => number): Float64Array {
  const numbers = new Float64Array(entries.length);
  for (let index = 0; index < entries.length; index += 1) {
    numbers[index] = numberOf(entries[index]!);
  }
  return numbers;
}

/** One list after another. */
function shinglesOf(asks: readonly (readonly [OrderKey, AskPrint])[]): Float64Array {
  const all = new Float64Array(asks.reduce((sum, [, { shingles }]) => sum + shingles.length, 0));
  let at = 0;
  for (const [, { shingles }] of asks) {
    all.set(shingles, at);
    at += shingles.length;
  }
  return all;
}

type RepeatCounts = {
  -readonly [Name in 'calls' | 'repeated' | keyof AskRepeats]: number;
};

function emptyCounts(): RepeatCounts {
  return {
    calls: 0,
    repeated: 0,
    count: 0,
    exact: 0,
    near80: 0,
    near50: 0,
    sameState: 0,
    otherState: 0,
    unknownState: 0,
  };
}

export interface RepeatFoldState {
  readonly prompts: { readonly keys: Float64Array; readonly hashes: Float64Array };
  readonly asks: {
    readonly keys: Float64Array;
    readonly texts: Float64Array;
    readonly before: Float64Array;
    readonly counts: Float64Array;
    readonly shingles: Float64Array;
  };
  readonly closed: Readonly<RepeatCounts>;
}

/** The values of the smallest keys, in their order; values of one key in an order of their own. */
class Earliest<T extends number | AskPrint> {
  readonly #limit: number;
  #entries: (readonly [OrderKey, T])[] = [];
  /** Larger keys are not among them any more. */
  #last = Number.POSITIVE_INFINITY;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(key: OrderKey, value: T): void {
    if (key > this.#last) return;
    this.#entries.push([key, value]);
    if (this.#entries.length >= 2 * this.#limit) this.#cut();
  }

  entries(): readonly (readonly [OrderKey, T])[] {
    this.#cut();
    return this.#entries;
  }

  #cut(): void {
    const sorted = isInOrder(this.#entries)
      ? this.#entries
      : this.#entries.toSorted(([a, x], [b, y]) => a - b || compare(x, y));
    this.#entries = sorted.slice(0, this.#limit);
    if (this.#entries.length === this.#limit) this.#last = this.#entries.at(-1)![0];
  }
}

/** Mostly the input is; equal keys have yet to be arranged. */
function isInOrder(entries: readonly (readonly [OrderKey, unknown])[]): boolean {
  for (let index = 1; index < entries.length; index += 1) {
    if (!(entries[index - 1]![0] < entries[index]![0])) return false;
  }
  return true;
}

function compare(a: number | AskPrint, b: number | AskPrint): number {
  if (typeof a === 'number' || typeof b === 'number') return Number(a) - Number(b);
  return (
    a.text - b.text || (a.before ?? -1) - (b.before ?? -1) || compareLists(a.shingles, b.shingles)
  );
}

/** Texts of one hash may differ. */
function compareLists(a: Uint32Array, b: Uint32Array): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at === -1 || at >= b.length ? a.length - b.length : a[at]! - b[at]!;
}
