import type { ProfileSource } from './workload-profile.ts';

interface Reason {
  readonly reason: string;
  readonly count: number;
}

export interface RecordCountsState {
  readonly read: number;
  readonly skipped: readonly (readonly [string, number])[];
  readonly duplicates: readonly (readonly [string, number])[];
}

/** The fate of every record of the input: read = used + skipped + duplicates. */
export class RecordCounts {
  read = 0;
  readonly #skipped = new Map<string, number>();
  readonly #duplicates = new Map<string, number>();

  skip(reason: string, count: number): void {
    increase(this.#skipped, reason, count);
  }

  duplicate(reason: string, count: number): void {
    increase(this.#duplicates, reason, count);
  }

  state(): RecordCountsState {
    return {
      read: this.read,
      skipped: [...this.#skipped],
      duplicates: [...this.#duplicates],
    };
  }

  merge({ read, skipped, duplicates }: RecordCountsState): void {
    this.read += read;
    for (const [reason, count] of skipped) this.skip(reason, count);
    for (const [reason, count] of duplicates) this.duplicate(reason, count);
  }

  figures(): ProfileSource['records'] {
    const skipped = reasons(this.#skipped);
    const duplicates = reasons(this.#duplicates);
    return {
      read: this.read,
      used: this.read - total(skipped) - total(duplicates),
      skipped,
      duplicatesSuppressed: total(duplicates),
      duplicates,
    };
  }
}

function increase(counts: Map<string, number>, reason: string, by: number): void {
  counts.set(reason, (counts.get(reason) ?? 0) + by);
}

/** Most frequent first. */
function reasons(counts: ReadonlyMap<string, number>): Reason[] {
  return [...counts]
    .map(([reason, count]) => ({ reason, count }))
    .toSorted((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));
}

function total(list: readonly Reason[]): number {
  let sum = 0;
  for (const { count } of list) sum += count;
  return sum;
}
