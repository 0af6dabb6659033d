/**
 * A sum without rounding error on the way: the same result in whatever order and grouping values
 * are added (Shewchuk 1997, as Python's math.fsum). Finite values only. Whole numbers below 2^53,
 * by far the most common here, stay on the fast path of a single partial.
 */
export class ExactSum {
  /** Non-overlapping, ascending in magnitude; their exact sum is the sum. */
  #partials: number[] = [];

  add(value: number): void {
    const partials = this.#partials;
    // One partial and no rounding error: the usual case, without writing the list anew.
    if (partials.length === 1) {
      const before = partials[0]!;
      const sum = before + value;
      const added = sum - before;
      if (before - (sum - added) + (value - added) === 0) {
        partials[0] = sum;
        return;
      }
    }
    let rest = value;
    let kept = 0;
    for (let index = 0; index < partials.length; index += 1) {
      const partial = partials[index]!;
      const isLarger = Math.abs(rest) < Math.abs(partial);
      const large = isLarger ? partial : rest;
      const small = isLarger ? rest : partial;
      const high = large + small;
      const low = small - (high - large);
      if (low !== 0) partials[kept++] = low;
      rest = high;
    }
    partials.length = kept;
    partials.push(rest);
  }

  /** The sum, rounded once (half to even). */
  get value(): number {
    const partials = this.#partials;
    let index = partials.length - 1;
    if (index < 0) return 0;
    let high = partials[index]!;
    let low = 0;
    while (index > 0) {
      index -= 1;
      const large = high;
      const small = partials[index]!;
      high = large + small;
      low = small - (high - large);
      if (low !== 0) break;
    }
    // Half-way between two doubles: what is left below decides the direction.
    const below = partials[index - 1];
    if (below !== undefined && Math.sign(below) === Math.sign(low)) {
      const doubled = low * 2;
      const rounded = high + doubled;
      if (rounded - high === doubled) high = rounded;
    }
    return high;
  }

  /** Numbers whose exact sum this is; for `merge`. */
  state(): readonly number[] {
    return [...this.#partials];
  }

  merge(state: readonly number[]): void {
    for (const partial of state) this.add(partial);
  }
}
