import { ExactSum } from '../core/exact-sum.ts';
import { tQuantile } from '../core/statistics.ts';
import { fiveMinuteCost, hourSaving } from './cache-lifetime.ts';
import type { LifetimeTokens } from './cache-lifetime.ts';

/** Calls of one agent in one session: plain counters, added to once per call. */
export class LifetimePart implements LifetimeTokens {
  calls = 0;
  written = 0;
  rewritten = 0;
  read = 0;
  uncached = 0;

  add(other: LifetimePart): void {
    this.calls += other.calls;
    this.written += other.written;
    this.rewritten += other.rewritten;
    this.read += other.read;
    this.uncached += other.uncached;
  }
}

/** Fewer sessions do not show how much they differ: no interval (t with 9 degrees of freedom). */
const LEAST_SESSIONS = 10;
/** Below this the few long ones decide alone. */
const LEAST_EFFECTIVE = 2;

/** Sums over the sessions of one agent, with the squares that an interval needs. */
export class LifetimeSums {
  readonly total = new LifetimePart();
  sessions = 0;
  /** Of saving and cost per session; exact, so that parts merge to the whole. */
  readonly #squares = { saving: new ExactSum(), both: new ExactSum(), cost: new ExactSum() };

  /** @param part one session's */
  add(part: LifetimePart): void {
    this.total.add(part);
    this.sessions += 1;
    const saving = hourSaving(part.written, part.rewritten);
    const cost = fiveMinuteCost(part);
    this.#squares.saving.add(saving * saving);
    this.#squares.both.add(saving * cost);
    this.#squares.cost.add(cost * cost);
  }

  /**
   * 95 % interval of saving over cost, sessions being independent: the ratio estimator of cluster
   * sampling with its linearised variance (Cochran 1977, Sampling Techniques, section 6.3). A few
   * long sessions among short ones count as fewer: (sum of costs)² / sum of squares of them
   * (Kish 1965, Survey Sampling, section 11.7).
   * @returns null with fewer than 10 sessions, or when nearly all is one session
   */
  savingInterval(): readonly [number, number] | null {
    const { total } = this;
    const cost = fiveMinuteCost(total);
    if (this.sessions < LEAST_SESSIONS || cost === 0) return null;
    const { saving, both, cost: costs } = this.#squares;
    const n = (cost * cost) / costs.value;
    if (n < LEAST_EFFECTIVE) return null;
    const ratio = hourSaving(total.written, total.rewritten) / cost;
    const squares = saving.value - 2 * ratio * both.value + ratio * ratio * costs.value;
    // Sessions that are all alike leave a rounding error, which may be negative.
    const error = Math.sqrt((Math.max(0, squares) * n) / (n - 1)) / cost;
    const half = tQuantile(0.975, n - 1) * error;
    return [ratio - half, ratio + half];
  }

  state(): LifetimeSumsState {
    const { calls, written, rewritten, read, uncached } = this.total;
    const { saving, both, cost } = this.#squares;
    return {
      counts: [this.sessions, calls, written, rewritten, read, uncached],
      squares: [saving.state(), both.state(), cost.state()],
    };
  }

  merge({ counts, squares }: LifetimeSumsState): void {
    const [sessions, calls, written, rewritten, read, uncached] = counts;
    this.sessions += sessions;
    this.total.calls += calls;
    this.total.written += written;
    this.total.rewritten += rewritten;
    this.total.read += read;
    this.total.uncached += uncached;
    const { saving, both, cost } = this.#squares;
    for (const [index, sum] of [saving, both, cost].entries()) sum.merge(squares[index]!);
  }
}

export interface LifetimeSumsState {
  /** Sessions, calls, written, rewritten, read, uncached. */
  readonly counts: readonly [number, number, number, number, number, number];
  readonly squares: readonly (readonly number[])[];
}
