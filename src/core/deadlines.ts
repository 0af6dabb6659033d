import type { CancelTimer, Clock } from './clock.ts';

/** A deadline that is still to come; treat as opaque. */
export class Deadline {
  readonly dueMs: number;
  /** Undefined once it has fired or was cancelled. */
  action: (() => void) | undefined;
  previous: Deadline | undefined;
  next: Deadline | undefined;

  constructor(dueMs: number, action: () => void) {
    this.dueMs = dueMs;
    this.action = action;
    this.previous = undefined;
    this.next = undefined;
  }
}

/**
 * Many deadlines of one length on one timer of the clock. They fall due in the order in which they
 * start, so starting and cancelling are a few assignments, where a timer each costs a microsecond or
 * two. A list of its own and no Set: the tables a Set leaves behind when it grows keep what they
 * held, and each other, alive until the next full collection. A running timer holds the process:
 * the owner closes the list when it is done.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #afterMs: number;
  #first: Deadline | undefined;
  #last: Deadline | undefined;
  #cancelTimer: CancelTimer | undefined;
  #armedMs = 0;
  #isClosed = false;

  /** @param afterMs the length of every deadline */
  constructor(clock: Clock, afterMs: number) {
    this.#clock = clock;
    this.#afterMs = afterMs;
  }

  /**
   * Runs `action` once, `afterMs` from `fromMs` on, never synchronously.
   * @param fromMs normally the clock's time; an earlier one costs a step per deadline in between
   */
  start(fromMs: number, action: () => void): Deadline {
    const deadline = new Deadline(fromMs + this.#afterMs, action);
    let before = this.#last;
    while (before !== undefined && before.dueMs > deadline.dueMs) before = before.previous;
    this.#insert(deadline, before);
    if (this.#cancelTimer === undefined || deadline.dueMs < this.#armedMs) {
      this.#arm(deadline.dueMs);
    }
    return deadline;
  }

  /** Takes a deadline back; one that has fired or was taken back before is left alone. */
  cancel(deadline: Deadline): void {
    if (deadline.action === undefined) return;
    this.#remove(deadline); // the timer stays and finds the later ones, or none, when it fires
  }

  /** Gives the timer back: no deadline fires any more. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #insert(deadline: Deadline, before: Deadline | undefined): void {
    const after = before === undefined ? this.#first : before.next;
    deadline.previous = before;
    deadline.next = after;
    if (before === undefined) this.#first = deadline;
    else before.next = deadline;
    if (after === undefined) this.#last = deadline;
    else after.previous = deadline;
  }

  #arm(atMs: number): void {
    if (this.#isClosed) return;
    this.#cancelTimer?.();
    this.#armedMs = atMs;
    this.#cancelTimer = this.#clock.at(atMs, () => this.#fire());
  }

  #fire(): void {
    this.#cancelTimer = undefined;
    const nowMs = this.#clock.now();
    while (this.#first !== undefined && this.#first.dueMs <= nowMs) {
      const { action } = this.#first;
      this.#remove(this.#first);
      action?.();
    }
    if (this.#first !== undefined && this.#cancelTimer === undefined) this.#arm(this.#first.dueMs);
  }

  #remove(deadline: Deadline): void {
    const { previous, next } = deadline;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    deadline.previous = undefined;
    deadline.next = undefined;
    deadline.action = undefined;
  }
}
