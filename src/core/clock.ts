import { Heap } from './heap.ts';

/**
 * Time as seen by everything below the HTTP layer. Two implementations exist: `VirtualClock` here
 * and `RealClock` in system.ts; test/conformance/clock.ts holds both to the same behaviour.
 */
export interface Clock {
  /** Milliseconds (with fraction) since an arbitrary origin; never goes back. */
  now(): number;
  /** Runs `action` once when the clock reaches `atMs`; at once (never synchronously) if past. */
  at(atMs: number, action: () => void): CancelTimer;
}

export type CancelTimer = () => void;

/** Resolves after `ms` of the clock's time; rejects with the signal's reason when aborted. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return sleepUntil(clock, clock.now() + ms, signal);
}

/** Resolves when the clock reaches `atMs`; rejects with the signal's reason when aborted. */
export function sleepUntil(clock: Clock, atMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const abort = (): void => {
      cancel();
      reject(signal?.reason as Error);
    };
    const cancel = clock.at(atMs, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    signal?.addEventListener('abort', abort, { once: true });
  });
}

interface Timer {
  readonly action: () => void;
  cancelled: boolean;
}

/**
 * A clock that jumps from event to event. Promise chains started by an event are drained by
 * `settle` before time moves; `settle` is passed in because core may not name `setImmediate`
 * (a fixed number of microtask turns is not enough for long chains).
 */
export class VirtualClock implements Clock {
  readonly #timers = new Heap<Timer>();
  readonly #settle: () => Promise<void>;
  #now: number;

  constructor(settle: () => Promise<void>, startMs = 0) {
    this.#settle = settle;
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  at(atMs: number, action: () => void): CancelTimer {
    if (Number.isNaN(atMs)) throw new RangeError('VirtualClock.at: time is NaN');
    const timer: Timer = { action, cancelled: false };
    this.#timers.push(Math.max(atMs, this.#now), timer);
    return () => {
      timer.cancelled = true;
    };
  }

  /** Runs events until none is left or the next one lies after `endMs`; then time is `endMs`. */
  async run(endMs = Number.POSITIVE_INFINITY): Promise<void> {
    for (;;) {
      await this.#settle();
      this.#dropCancelled();
      const next = this.#timers.peekKey();
      if (next === undefined || next > endMs) break;
      this.#now = next;
      while (this.#timers.peekKey() === next) {
        const timer = this.#timers.pop()!;
        if (!timer.cancelled) timer.action();
      }
    }
    if (Number.isFinite(endMs)) this.#now = Math.max(this.#now, endMs);
  }

  /** A cancelled timer must not move the clock, so it leaves the heap before time advances. */
  #dropCancelled(): void {
    while (this.#timers.peek()?.cancelled === true) this.#timers.pop();
  }
}
