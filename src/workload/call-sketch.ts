import { US_PER_MS, gapFigures, profileArrivals } from './arrivals.ts';
import { FIRST_CALENDAR_MS } from './iso-time.ts';
import { interTokenMs } from './call-table.ts';
import type { CallFigures, CallRow } from './call-table.ts';
import { SeriesSketch } from './value-sketch.ts';
import type { Summary } from './summary.ts';
import type { ArrivalProfile } from './workload-profile.ts';

/** Seconds with calls kept one by one (about 64 MiB); more are folded into minutes. */
const MOST_BINS = 2 ** 20;
const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

/**
 * Calls of a trace too long to hold: sketches for sizes and times, counts per second for
 * arrivals. Order matters little but not nothing; an input out of order has no gap figures.
 */
export class CallSketch {
  readonly #series = {
    input: new SeriesSketch(),
    uncached: new SeriesSketch(),
    cacheRead: new SeriesSketch(),
    cacheWrite: new SeriesSketch(),
    output: new SeriesSketch(),
    reasoning: new SeriesSketch(),
    e2eMs: new SeriesSketch(),
    ttftMs: new SeriesSketch(),
    itlMs: new SeriesSketch(),
    gapMs: new SeriesSketch(),
  };
  #bins = new Bins(SECOND_MS);
  #firstMs = Number.POSITIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;
  #previousMs = Number.NaN;
  #outOfOrder = 0;

  add(row: CallRow): void {
    this.#addSizes(row);
    if (!Number.isNaN(row.startMs)) this.#addTimes(row);
  }

  figures(): CallFigures {
    const series = this.#series;
    const timed = this.#firstMs !== Number.POSITIVE_INFINITY;
    return {
      firstStartMs: timed ? this.#firstMs : null,
      lastStartMs: timed ? this.#lastMs : null,
      tokens: {
        input: series.input.summary(),
        uncached: series.uncached.summary(),
        cacheRead: unlessUnreported(series.cacheRead.summary()),
        cacheWrite: unlessUnreported(series.cacheWrite.summary()),
        output: series.output.summary(),
        reasoning: unlessUnreported(series.reasoning.summary()),
      },
      spearmanInputOutput: null,
      e2eMs: series.e2eMs.summary(),
      ttftMs: series.ttftMs.summary(),
      itlMs: series.itlMs.summary(),
      arrivals: timed ? this.#arrivals() : null,
      // The peak needs every start and end; without it the pair is unknown.
      concurrency: null,
      warnings: this.#warnings(),
    };
  }

  #addSizes(row: CallRow): void {
    const series = this.#series;
    add(series.input, row.uncached + row.cacheRead + row.cacheWrite);
    add(series.uncached, row.uncached);
    add(series.cacheRead, row.cacheRead);
    add(series.cacheWrite, row.cacheWrite);
    add(series.output, row.output);
    add(series.reasoning, row.reasoning);
    add(series.e2eMs, row.durationMs);
    add(series.ttftMs, row.ttftMs);
    add(series.itlMs, interTokenMs(row.durationMs, row.ttftMs, row.output));
  }

  #addTimes(row: CallRow): void {
    const { startMs } = row;
    if (startMs < this.#previousMs) this.#outOfOrder += 1;
    else add(this.#series.gapMs, startMs - this.#previousMs);
    this.#previousMs = startMs;
    this.#firstMs = Math.min(this.#firstMs, startMs);
    this.#lastMs = Math.max(this.#lastMs, startMs);
    if (this.#bins.isFull) this.#bins = this.#bins.coarser(MINUTE_MS);
    this.#bins.add(row);
  }

  #arrivals(): ArrivalProfile {
    const binned = this.#bins.arrivals(this.#firstMs, this.#lastMs);
    const inOrder = this.#outOfOrder === 0;
    return { ...binned, ...gapFigures(inOrder ? this.#series.gapMs.summary() : null) };
  }

  #warnings(): string[] {
    const warnings = [
      'The trace is too long to hold: percentiles come from a sketch (within 0.1 %), arrivals from ' +
        `${this.#bins.widthMs / SECOND_MS} s bins; intervals follow the order of the input; the peak ` +
        'of concurrent calls and the correlation of input and output are not computed.',
    ];
    if (this.#outOfOrder > 0) {
      warnings.push(
        `${this.#outOfOrder} calls came out of order in time, so the gaps between arrivals are unknown.`,
      );
    }
    return warnings;
  }
}

/** Calls and tokens per time bin. */
class Bins {
  readonly widthMs: number;
  readonly #slots = new Map<number, number>();
  readonly #calls: number[] = [];
  readonly #allIn: number[] = [];
  readonly #uncached: number[] = [];
  readonly #output: number[] = [];

  constructor(widthMs: number) {
    this.widthMs = widthMs;
  }

  /** Only seconds are limited: minutes with calls are few (two years are a million). */
  get isFull(): boolean {
    return this.widthMs === SECOND_MS && this.#slots.size >= MOST_BINS;
  }

  add(row: CallRow): void {
    const fresh = row.uncached + row.cacheWrite;
    this.#count(Math.floor(row.startMs / this.widthMs), 1, {
      allIn: known(fresh + row.cacheRead + row.output),
      uncached: known(fresh),
      output: known(row.output),
    });
  }

  coarser(widthMs: number): Bins {
    const bins = new Bins(widthMs);
    for (const [key, slot] of this.#slots) {
      bins.#count(Math.floor((key * this.widthMs) / widthMs), this.#calls[slot]!, {
        allIn: this.#allIn[slot]!,
        uncached: this.#uncached[slot]!,
        output: this.#output[slot]!,
      });
    }
    return bins;
  }

  arrivals(firstMs: number, lastMs: number): ArrivalProfile {
    const keys = Float64Array.from(this.#slots.keys()).toSorted();
    const slots = Array.from(keys, (key) => this.#slots.get(key)!);
    const column = (values: readonly number[]): Float64Array =>
      Float64Array.from(slots, (slot) => values[slot]!);
    const startUs = keys.map((key) => (key - keys[0]!) * this.widthMs * US_PER_MS);
    const profile = profileArrivals({
      startUs,
      calls: column(this.#calls),
      ...(firstMs >= FIRST_CALENDAR_MS ? { epochMs: keys[0]! * this.widthMs } : {}),
      allIn: column(this.#allIn),
      uncached: column(this.#uncached),
      output: column(this.#output),
    });
    // Rates come from the exact span, not from the bins' edges.
    const stretch = lastMs > firstMs ? startUs.at(-1)! / US_PER_MS / (lastMs - firstMs) : 1;
    return this.#withoutFinerThanBins(scaleMeans(profile, stretch === 0 ? 1 : stretch));
  }

  #withoutFinerThanBins(profile: ArrivalProfile): ArrivalProfile {
    if (this.widthMs === SECOND_MS) return profile;
    return {
      ...profile,
      idc: { ...profile.idc, s1: null, s10: null },
      peakToMean: { s1: null, s10: null, s60: profile.peakToMean?.s60 ?? null },
      burstFactor: null,
    };
  }

  #count(
    key: number,
    calls: number,
    tokens: { readonly allIn: number; readonly uncached: number; readonly output: number },
  ): void {
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = this.#calls.length;
      this.#slots.set(key, slot);
      for (const column of [this.#calls, this.#allIn, this.#uncached, this.#output]) column.push(0);
    }
    this.#calls[slot]! += calls;
    this.#allIn[slot]! += tokens.allIn;
    this.#uncached[slot]! += tokens.uncached;
    this.#output[slot]! += tokens.output;
  }
}

function scaleMeans(profile: ArrivalProfile, factor: number): ArrivalProfile {
  const scaled = <T extends { readonly mean: number }>(peak: T): T => ({
    ...peak,
    mean: peak.mean * factor,
  });
  return {
    ...profile,
    ratePerSecond: profile.ratePerSecond * factor,
    rpm: scaled(profile.rpm),
    tpm: {
      allIn: scaled(profile.tpm.allIn),
      uncached: scaled(profile.tpm.uncached),
      output: scaled(profile.tpm.output),
    },
  };
}

function add(series: SeriesSketch, value: number): void {
  if (!Number.isNaN(value)) series.add(value);
}

function known(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}

function unlessUnreported(summary: Summary | null): Summary | null {
  return summary === null || summary.max === 0 ? null : summary;
}
