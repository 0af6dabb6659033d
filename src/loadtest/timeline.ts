/** Buckets of the longest series; the width doubles whenever a run outgrows them. */
const MOST_BUCKETS = 240;

export interface TimelineView {
  readonly bucketMs: number;
  /** Per bucket from the start of the run. */
  readonly arrived: readonly number[];
  readonly completed: readonly number[];
  readonly failed: readonly number[];
  /** Mean time to first token from the intended start; null where none arrived. */
  readonly ttftMs: readonly (number | null)[];
}

/** What happened when, in constant memory. */
export class Timeline {
  #bucketMs = 1000;
  #buckets: Bucket[] = [];

  arrived(atMs: number): void {
    this.#at(atMs).arrived += 1;
  }

  failed(atMs: number): void {
    this.#at(atMs).failed += 1;
  }

  completed(atMs: number, ttftMs: number | undefined): void {
    const bucket = this.#at(atMs);
    bucket.completed += 1;
    if (ttftMs === undefined) return;
    bucket.ttftSumMs += ttftMs;
    bucket.ttftCount += 1;
  }

  view(): TimelineView {
    return {
      bucketMs: this.#bucketMs,
      arrived: this.#buckets.map(({ arrived }) => arrived),
      completed: this.#buckets.map(({ completed }) => completed),
      failed: this.#buckets.map(({ failed }) => failed),
      ttftMs: this.#buckets.map(({ ttftCount, ttftSumMs }) =>
        ttftCount === 0 ? null : Math.round((ttftSumMs / ttftCount) * 1000) / 1000,
      ),
    };
  }

  #at(atMs: number): Bucket {
    let index = Math.floor(Math.max(0, atMs) / this.#bucketMs);
    while (index >= MOST_BUCKETS) {
      this.#halve();
      index = Math.floor(atMs / this.#bucketMs);
    }
    while (this.#buckets.length <= index) this.#buckets.push(emptyBucket());
    return this.#buckets[index]!;
  }

  #halve(): void {
    this.#bucketMs *= 2;
    const wider: Bucket[] = [];
    for (let index = 0; index < this.#buckets.length; index += 2) {
      wider.push(added(this.#buckets[index]!, this.#buckets[index + 1] ?? emptyBucket()));
    }
    this.#buckets = wider;
  }
}

interface Bucket {
  arrived: number;
  completed: number;
  failed: number;
  ttftSumMs: number;
  ttftCount: number;
}

function emptyBucket(): Bucket {
  return { arrived: 0, completed: 0, failed: 0, ttftSumMs: 0, ttftCount: 0 };
}

function added(a: Bucket, b: Bucket): Bucket {
  return {
    arrived: a.arrived + b.arrived,
    completed: a.completed + b.completed,
    failed: a.failed + b.failed,
    ttftSumMs: a.ttftSumMs + b.ttftSumMs,
    ttftCount: a.ttftCount + b.ttftCount,
  };
}
