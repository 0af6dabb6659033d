import { quantileSorted } from '../core/statistics.ts';
import { round } from '../core/units.ts';
import type { HealthSample } from './sample.ts';
import type { ValidityEvidence } from './validity.ts';

/** Two hours of one reading a second; beyond it every second, fourth, … one is kept. */
const KEPT_READINGS = 7200;

/** Nine intervals of ten were better than the figure reported: one bad second does not void an hour. */
const REPORTED_QUANTILE = 0.9;

/** The readings of the generator's own condition over a run, in constant memory. */
export class GeneratorHealth {
  #readings: HealthSample[] = [];
  #seen = 0;
  #stride = 1;

  get latest(): HealthSample | undefined {
    return this.#readings.at(-1);
  }

  add(sample: HealthSample): void {
    const wanted = this.#seen % this.#stride === 0;
    this.#seen += 1;
    if (!wanted) return;
    if (this.#readings.length >= KEPT_READINGS) {
      this.#readings = this.#readings.filter((_, index) => index % 2 === 0);
      this.#stride *= 2;
    }
    this.#readings.push(sample);
  }

  /** What the validity check wants to know; null where nothing was measured. */
  evidence(): Pick<ValidityEvidence, 'loopDelay' | 'runDelayMsPerS'> {
    const p99s = this.#sorted(({ loopDelayP99 }) => loopDelayP99);
    const maxima = this.#sorted(({ loopDelayMax }) => loopDelayMax);
    const waits = this.#sorted(({ runDelayPerS }) => runDelayPerS);
    const waited = waits.reduce((sum, value) => sum + value, 0);
    return {
      loopDelay:
        p99s.length === 0
          ? null
          : { p99: round(quantileSorted(p99s, REPORTED_QUANTILE), 3), max: maxima.at(-1) ?? 0 },
      runDelayMsPerS: waits.length === 0 ? null : round(waited / waits.length, 3),
    };
  }

  #sorted(pick: (sample: HealthSample) => number | null): number[] {
    return this.#readings
      .map(pick)
      .filter((value) => value !== null)
      .toSorted((a, b) => a - b);
  }
}
