/** Distinct prompts remembered; beyond, counting starts again. */
const MAX_REMEMBERED = 100_000;

/**
 * How often each prompt has been asked: the n-th request with the same prompt draws the same reply
 * and the same times in every run with the seed, in whatever order requests arrive.
 */
export class Occurrences {
  readonly #seen = new Map<number, number>();

  /** 1 for the first request with this hash. */
  next(hash: number): number {
    const count = (this.#seen.get(hash) ?? 0) + 1;
    if (this.#seen.size >= MAX_REMEMBERED && count === 1) this.#seen.clear();
    this.#seen.set(hash, count);
    return count;
  }
}
