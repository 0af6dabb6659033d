/**
 * Gaps between the chunks of one stream, kept as counts per bucket so that a sample stays short
 * however long the stream is. Bucket i holds gaps around 1 µs × 1.02^i: ±1 % of the value.
 */
const GROWTH = 1.02;
const LOG_GROWTH = Math.log(GROWTH);
const UNIT_MS = 0.001;

export class GapCounts {
  readonly #counts = new Map<number, number>();
  #largestMs = 0;
  #total = 0;

  get count(): number {
    return this.#total;
  }

  get largestMs(): number | undefined {
    return this.#total === 0 ? undefined : this.#largestMs;
  }

  /** @param gapMs below a microsecond counts as one (chunks of one read arrive together) */
  add(gapMs: number): void {
    const bucket = Math.round(Math.log(Math.max(gapMs, UNIT_MS) / UNIT_MS) / LOG_GROWTH);
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + 1);
    this.#total += 1;
    if (gapMs > this.#largestMs) this.#largestMs = gapMs;
  }

  /** Bucket, count, bucket, count, … by rising bucket. */
  encode(): readonly number[] {
    return [...this.#counts].toSorted(([a], [b]) => a - b).flat();
  }
}

/** The gaps of an encoded list as [gap in ms, count]. */
export function* decodeGaps(encoded: readonly number[]): Generator<readonly [number, number]> {
  for (let index = 0; index + 1 < encoded.length; index += 2) {
    yield [UNIT_MS * GROWTH ** encoded[index]!, encoded[index + 1]!];
  }
}
