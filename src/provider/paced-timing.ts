import type { FixedTimingSettings } from '../config/provider.ts';
import type { Clock } from '../core/clock.ts';
import type { Pacer } from './pacer.ts';
import type { Timing, TimingGauges, TimingJob, TimingStart } from './timing.ts';

/** The times of one job, in order of use. */
interface JobTimes {
  /** Until the first token, when the job brings no time of its own. */
  firstMs(): number;
  /** Between the next `count` pairs of tokens, together. */
  gapsMs(count: number): number;
}

export type DrawTimes = (job: TimingJob) => JobTimes;

/** Every job takes its own time, drawn or recorded, whatever else runs. */
export class PacedTiming implements Timing {
  readonly #draw: DrawTimes;
  readonly #underLoad: FixedTimingSettings['underLoad'];
  readonly #clock: Clock;
  readonly #pacer: Pacer;
  #running = 0;

  constructor(
    draw: DrawTimes,
    clock: Clock,
    pacer: Pacer,
    underLoad?: FixedTimingSettings['underLoad'],
  ) {
    this.#draw = draw;
    this.#underLoad = underLoad;
    this.#clock = clock;
    this.#pacer = pacer;
  }

  get gauges(): TimingGauges {
    return { running: this.#running, waiting: 0, kvUsage: undefined, preemptions: 0 };
  }

  start(job: TimingJob): TimingStart {
    const times = this.#draw(job);
    this.#running += 1;
    const ownMs = (): number => times.firstMs() * this.#loadFactor();
    const firstMs = (job.ttftMs ?? ownMs()) + job.delayMs;
    let dueMs = this.#clock.now() + firstMs;
    let sent = 0;
    // A stream's first token goes out alone, as vLLM does whatever its stream interval.
    let next = job.tokensPerCall >= job.steps ? job.steps : 1;
    let cancel = (): void => {};
    let running = true;
    const stop = (): void => {
      if (running) this.#running -= 1;
      running = false;
    };
    // The first token needs no wait after itself: n tokens are n - 1 gaps.
    const gaps = (count: number): number => times.gapsMs(count) * this.#loadFactor();
    const step = (): void => {
      sent += next;
      const last = sent >= job.steps;
      if (last) stop();
      const count = next;
      if (!last) {
        next = Math.min(job.tokensPerCall, job.steps - sent);
        dueMs += gaps(next);
        cancel = this.#pacer.at(dueMs, step);
      }
      job.onTokens(count);
    };
    dueMs += gaps(next - 1);
    cancel = this.#pacer.at(dueMs, step);
    return {
      cancel: () => {
        cancel();
        stop();
      },
    };
  }

  /** 1 for a call alone, `factor` for `at` calls and more, in a line between (llm-d's model). */
  #loadFactor(): number {
    if (this.#underLoad === undefined) return 1;
    const { factor, at } = this.#underLoad;
    return 1 + (factor - 1) * Math.min(1, (this.#running - 1) / (at - 1));
  }
}
