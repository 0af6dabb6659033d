/** Limits of the distribution, in seconds. */
const LIMITS_SECONDS = [1, 10, 60, 300, 3600] as const;

export interface ReuseWithin {
  readonly seconds: number;
  readonly share: number;
}

/** How long prefix blocks lie idle before a call finds them: blocks counted by idle time. */
export class ReuseTimes {
  readonly #counts: number[] = [...LIMITS_SECONDS.map(() => 0), 0];

  /** @param idleMs from the end of the last call that held the blocks; negative while it runs */
  add(idleMs: number, blocks: number): void {
    // Of calls without times nothing is known.
    if (Number.isNaN(idleMs)) return;
    let index = 0;
    while (index < LIMITS_SECONDS.length && idleMs > LIMITS_SECONDS[index]! * 1000) index += 1;
    this.#counts[index]! += blocks;
  }

  state(): readonly number[] {
    return [...this.#counts];
  }

  merge(state: readonly number[]): void {
    for (const [index, count] of state.entries()) this.#counts[index]! += count;
  }

  /** Cumulative shares; empty when nothing was reused. */
  figures(): ReuseWithin[] {
    let all = 0;
    for (const count of this.#counts) all += count;
    if (all === 0) return [];
    let sum = 0;
    return LIMITS_SECONDS.map((seconds, index) => {
      sum += this.#counts[index]!;
      return { seconds, share: sum / all };
    });
  }
}
