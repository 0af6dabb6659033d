import type { FixedTimingSettings } from '../config/provider.ts';
import type { Clock } from '../core/clock.ts';
import type { Pacer } from './pacer.ts';
import { drawSpread } from './spread.ts';
import type { Timing, TimingGauges, TimingJob, TimingStart } from './timing.ts';

/** Every job takes its own time, drawn from constants or log-normals, whatever else runs. */
export class FixedTiming implements Timing {
  readonly #settings: FixedTimingSettings;
  readonly #clock: Clock;
  readonly #pacer: Pacer;
  #running = 0;

  constructor(settings: FixedTimingSettings, clock: Clock, pacer: Pacer) {
    this.#settings = settings;
    this.#clock = clock;
    this.#pacer = pacer;
  }

  get gauges(): TimingGauges {
    return { running: this.#running, waiting: 0, kvUsage: undefined, preemptions: 0 };
  }

  start(job: TimingJob): TimingStart {
    const { ttft, itl, prefillPerToken } = this.#settings;
    const prefillMs = (job.inputTokens - job.cachedTokens) * prefillPerToken;
    this.#running += 1;
    const ownMs = (): number => (drawSpread(ttft, job.random) + prefillMs) * this.#loadFactor();
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
    const gaps = (count: number): number => {
      const factor = this.#loadFactor();
      if (typeof itl === 'number') return itl * factor * count;
      let sum = 0;
      for (let gap = 0; gap < count; gap += 1) sum += drawSpread(itl, job.random);
      return sum * factor;
    };
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
    const { underLoad } = this.#settings;
    if (underLoad === undefined) return 1;
    const { factor, at } = underLoad;
    return 1 + (factor - 1) * Math.min(1, (this.#running - 1) / (at - 1));
  }
}
