/**
 * Counts over the last `windowMs`, in `slices` parts: constant memory, and a count leaves with its
 * part (so the window is between windowMs − one part and windowMs long).
 */
export class SliceCounter {
  readonly #sliceMs: number;
  readonly #counts: Float64Array;
  #slice = Number.NEGATIVE_INFINITY;
  #sum = 0;

  constructor(windowMs: number, slices = 10) {
    this.#sliceMs = windowMs / slices;
    this.#counts = new Float64Array(slices);
  }

  add(nowMs: number, amount = 1): void {
    this.#turn(nowMs);
    const place = this.#place(this.#slice);
    this.#counts[place] = this.#counts[place]! + amount;
    this.#sum += amount;
  }

  sum(nowMs: number): number {
    this.#turn(nowMs);
    return this.#sum;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#sum = 0;
  }

  #turn(nowMs: number): void {
    const slice = Math.floor(nowMs / this.#sliceMs);
    if (slice <= this.#slice) return;
    if (slice - this.#slice >= this.#counts.length) {
      this.clear();
    } else {
      for (let old = this.#slice + 1; old <= slice; old += 1) {
        const place = this.#place(old);
        this.#sum -= this.#counts[place]!;
        this.#counts[place] = 0;
      }
    }
    this.#slice = slice;
  }

  #place(slice: number): number {
    const { length } = this.#counts;
    return ((slice % length) + length) % length;
  }
}
