import { Heap } from '../core/heap.ts';
import type { CancelTimer, Clock } from '../core/clock.ts';

interface Entry {
  action: (() => void) | undefined;
}

/**
 * Runs many deadlines on one timer of the clock: thousands of streams then cost one timer instead
 * of one each, and deadlines are absolute, so that lateness does not add up.
 */
export class Pacer {
  readonly #clock: Clock;
  readonly #heap = new Heap<Entry>();
  #armedAtMs = Number.POSITIVE_INFINITY;
  #cancel: CancelTimer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `action` at `atMs` of the clock (never synchronously). Returns how to take it back. */
  at(atMs: number, action: () => void): CancelTimer {
    const entry: Entry = { action };
    this.#heap.push(atMs, entry);
    if (atMs < this.#armedAtMs) this.#arm(atMs);
    return () => {
      entry.action = undefined;
    };
  }

  #arm(atMs: number): void {
    this.#cancel?.();
    this.#armedAtMs = atMs;
    this.#cancel = this.#clock.at(atMs, () => this.#run());
  }

  #run(): void {
    this.#armedAtMs = Number.NEGATIVE_INFINITY; // no re-arming while actions add deadlines
    const now = this.#clock.now();
    for (;;) {
      const next = this.#heap.peekKey();
      if (next === undefined || (next > now && this.#heap.peek()!.action !== undefined)) break;
      this.#heap.pop()!.action?.();
    }
    this.#armedAtMs = Number.POSITIVE_INFINITY;
    const next = this.#heap.peekKey();
    if (next !== undefined) this.#arm(next);
  }
}
