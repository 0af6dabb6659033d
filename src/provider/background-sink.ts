import type { ReplySink } from './reply-sink.ts';

/**
 * Sink of a call that runs in the background. Until `detach` it is the caller's own, so that a
 * refusal reaches the caller; from then on what is sent is dropped (the result goes to the store)
 * and the caller may leave.
 */
export class BackgroundSink implements ReplySink {
  readonly #caller: ReplySink;
  readonly #listeners: (() => void)[] = [];
  #detached = false;

  constructor(caller: ReplySink) {
    this.#caller = caller;
    caller.onAbandoned(() => {
      if (!this.#detached) this.cancel();
    });
  }

  detach(): void {
    this.#detached = true;
  }

  /** Ends the generation as if its reader had left. */
  cancel(): void {
    for (const listener of this.#listeners.toReversed()) listener();
  }

  head(status: number, headers: Readonly<Record<string, string>>): void {
    if (!this.#detached) this.#caller.head(status, headers);
  }

  write(text: string): void {
    if (!this.#detached) this.#caller.write(text);
  }

  end(text?: string): void {
    if (!this.#detached) this.#caller.end(text);
  }

  reset(): void {
    if (!this.#detached) this.#caller.reset();
  }

  onAbandoned(listener: () => void): void {
    this.#listeners.push(listener);
  }
}
