import type { AttemptSample } from './sample.ts';

/** The end of a run in which nothing was answered any more. */
export interface Silence {
  /** When the last answered attempt had been sent; null when none ever was. */
  readonly fromMs: number | null;
  /** Attempts sent since then. */
  readonly attempts: number;
  /** Code of the latest of them. */
  readonly error: string;
}

/** Fewer unanswered attempts than this at the end of a run may be chance. */
const LEAST_ATTEMPTS = 10;
/** Unanswered attempts remembered one by one; beyond that they are only counted. */
const MOST_REMEMBERED = 1000;

/**
 * Watches for a target that dies during the run. Any HTTP status is an answer. Attempts are ordered
 * by their sends: those that end last are the slow ones, and a few time-outs among them are no death.
 */
export class SilenceWatch {
  #lastAnsweredMs: number | null = null;
  #unanswered: { readonly sentMs: number; readonly error: string }[] = [];
  #forgotten = 0;

  attempt({ error, intended, outcome, sent, status }: AttemptSample): void {
    const sentMs = sent ?? intended;
    if (status === undefined) {
      if (outcome === 'cut' || sentMs <= (this.#lastAnsweredMs ?? -Infinity)) return;
      if (this.#unanswered.length === MOST_REMEMBERED) this.#forgotten += 1;
      else this.#unanswered.push({ sentMs, error: error ?? outcome });
      return;
    }
    this.#lastAnsweredMs = Math.max(this.#lastAnsweredMs ?? 0, sentMs);
    if (this.#unanswered.length === 0) return;
    const last = this.#lastAnsweredMs;
    this.#unanswered = this.#unanswered.filter((attempt) => attempt.sentMs > last);
    this.#forgotten = 0;
  }

  /** The silence at the end of what was seen; null when the target answered, or hardly anything was sent. */
  view(): Silence | null {
    const attempts = this.#unanswered.length + this.#forgotten;
    if (attempts < LEAST_ATTEMPTS) return null;
    return { fromMs: this.#lastAnsweredMs, attempts, error: this.#unanswered.at(-1)!.error };
  }
}
