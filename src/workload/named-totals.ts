import { textHash } from './order-key.ts';

/** Everything of names that are not kept apart. */
const OTHER = '(other)';

/**
 * Totals by name (model, tool) for a limited number of names; a trace with more has identifiers
 * for names. Which names stay apart depends on the names alone (those of the smallest hashes), so
 * that shards merge to what one run would hold.
 */
export class NamedTotals<T> {
  readonly #limit: number;
  readonly #empty: () => T;
  readonly #join: (into: T, from: T) => void;
  readonly #kept = new Map<string, T>();
  #other: T | undefined;
  /** The kept name that gives way first; found anew when needed. */
  #last: string | undefined;

  /** @param join adds everything of the second to the first */
  constructor(limit: number, empty: () => T, join: (into: T, from: T) => void) {
    this.#limit = limit;
    this.#empty = empty;
    this.#join = join;
  }

  /** The total that this name counts towards, to be added to at once. */
  of(name: string): T {
    const known = this.#kept.get(name);
    if (known !== undefined) return known;
    if (name === OTHER || (this.#kept.size >= this.#limit && !this.#makeRoom(name))) {
      return (this.#other ??= this.#empty());
    }
    const total = this.#empty();
    this.#kept.set(name, total);
    this.#last = undefined;
    return total;
  }

  /** Sorted by name, so that equal contents give equal lists. */
  entries(): (readonly [string, T])[] {
    const kept = [...this.#kept].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return this.#other === undefined ? kept : [...kept, [OTHER, this.#other]];
  }

  #makeRoom(name: string): boolean {
    this.#last ??= [...this.#kept.keys()].reduce((a, b) => (comesBefore(a, b) ? b : a));
    if (!comesBefore(name, this.#last)) return false;
    this.#join((this.#other ??= this.#empty()), this.#kept.get(this.#last)!);
    this.#kept.delete(this.#last);
    return true;
  }
}

function comesBefore(a: string, b: string): boolean {
  const [x, y] = [textHash(a), textHash(b)];
  return x === y ? a < b : x < y;
}
