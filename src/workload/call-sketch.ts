import { US_PER_MS } from '../core/units.ts';
import { gapFigures, profileArrivals } from './arrivals.ts';
import { FIRST_CALENDAR_MS } from './iso-time.ts';
import { interTokenMs } from './call-table.ts';
import type { CallFigures, CallRow } from './call-table.ts';
import { isTimed, keyMs, timeKey } from './order-key.ts';
import type { OrderKey } from './order-key.ts';
import { SeriesSketch } from './value-sketch.ts';
import type { SeriesSketchState } from './value-sketch.ts';
import type { Summary } from './summary.ts';
import type { ArrivalProfile } from './workload-profile.ts';

/** Seconds with calls kept one by one (about 64 MiB); more are folded into minutes. */
const MOST_BINS = 2 ** 20;
const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

const SERIES = [
  'input',
  'uncached',
  'cacheRead',
  'cacheWrite',
  'output',
  'reasoning',
  'e2eMs',
  'ttftMs',
  'itlMs',
  'gapMs',
] as const;
type SeriesName = (typeof SERIES)[number];

/** A part of the input that came in order of time. */
interface Stretch {
  readonly firstMs: number;
  readonly lastMs: number;
}

/**
 * Calls of a trace too long to hold: sketches for sizes and times, counts per second for
 * arrivals. Nothing depends on the order of the input but the gaps between arrivals: they are
 * known when every part came in order of time and no two parts overlap.
 */
export class CallSketch {
  readonly #series: Readonly<Record<SeriesName, SeriesSketch>> = Object.fromEntries(
    SERIES.map((name) => [name, new SeriesSketch()]),
  ) as Record<SeriesName, SeriesSketch>;
  #bins = new Bins(SECOND_MS);
  #firstMs = Number.POSITIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;
  #previousMs = Number.NaN;
  #outOfOrder = 0;
  /** Parts that were merged; the own one is from #firstMs to #lastMs. */
  readonly #merged: Stretch[] = [];

  add(row: CallRow): void {
    this.#addSizes(row);
    if (isTimed(row.key)) this.#addTimes(row, keyMs(row.key));
  }

  state(): CallSketchState {
    return {
      series: SERIES.map((name) => this.#series[name].state()),
      bins: this.#bins.state(),
      stretches: this.#stretches(),
      outOfOrder: this.#outOfOrder,
    };
  }

  merge(state: CallSketchState): void {
    for (const [index, name] of SERIES.entries()) this.#series[name].merge(state.series[index]!);
    this.#bins = this.#bins.merged(state.bins);
    this.#merged.push(...state.stretches);
    this.#outOfOrder += state.outOfOrder;
  }

  figures(): CallFigures {
    const series = this.#series;
    const stretches = this.#stretches();
    const first = stretches[0]?.firstMs ?? null;
    const last = stretches.reduce((latest, { lastMs }) => Math.max(latest, lastMs), -Infinity);
    const overlaps = stretches.filter(
      ({ firstMs }, index) => firstMs < (stretches[index - 1]?.lastMs ?? -Infinity),
    ).length;
    const inOrder = this.#outOfOrder === 0 && overlaps === 0;
    return {
      firstStartMs: first,
      lastStartMs: first === null ? null : last,
      tokens: {
        input: series.input.summary(),
        uncached: series.uncached.summary(),
        cacheRead: unlessUnreported(series.cacheRead.summary()),
        cacheWrite: unlessUnreported(series.cacheWrite.summary()),
        output: series.output.summary(),
        reasoning: unlessUnreported(series.reasoning.summary()),
      },
      spearmanInputOutput: null,
      inputFit: null,
      outputFit: null,
      e2eMs: series.e2eMs.summary(),
      ttftMs: series.ttftMs.summary(),
      itlMs: series.itlMs.summary(),
      arrivals:
        first === null
          ? null
          : {
              ...this.#bins.arrivals(first, last),
              ...gapFigures(inOrder ? this.#gaps(stretches).summary() : null),
            },
      // The peak needs every start and end; without it the pair is unknown.
      concurrency: null,
      warnings: this.#warnings(inOrder),
    };
  }

  #addSizes(row: CallRow): void {
    const { key } = row;
    const series = this.#series;
    add(series.input, row.uncached + row.cacheRead + row.cacheWrite, key);
    add(series.uncached, row.uncached, key);
    add(series.cacheRead, row.cacheRead, key);
    add(series.cacheWrite, row.cacheWrite, key);
    add(series.output, row.output, key);
    add(series.reasoning, row.reasoning, key);
    add(series.e2eMs, row.durationMs, key);
    add(series.ttftMs, row.ttftMs, key);
    add(series.itlMs, interTokenMs(row.durationMs, row.ttftMs, row.output), key);
  }

  #addTimes(row: CallRow, startMs: number): void {
    if (startMs < this.#previousMs) this.#outOfOrder += 1;
    else add(this.#series.gapMs, startMs - this.#previousMs, row.key);
    this.#previousMs = startMs;
    this.#firstMs = Math.min(this.#firstMs, startMs);
    this.#lastMs = Math.max(this.#lastMs, startMs);
    this.#bins.add(row, startMs);
    if (this.#bins.isOverfull) this.#bins = this.#bins.coarser(MINUTE_MS);
  }

  /** All parts in order of time. */
  #stretches(): Stretch[] {
    const own = { firstMs: this.#firstMs, lastMs: this.#lastMs };
    return [...this.#merged, ...(own.lastMs >= own.firstMs ? [own] : [])].toSorted(
      (a, b) => a.firstMs - b.firstMs || a.lastMs - b.lastMs,
    );
  }

  /** The gaps within the parts and those between them. */
  #gaps(stretches: readonly Stretch[]): SeriesSketch {
    const gaps = new SeriesSketch();
    gaps.merge(this.#series.gapMs.state());
    for (const [index, { firstMs }] of stretches.entries()) {
      const before = stretches[index - 1];
      if (before !== undefined) gaps.add(firstMs - before.lastMs, timeKey(firstMs));
    }
    return gaps;
  }

  #warnings(inOrder: boolean): string[] {
    const warnings = [
      'The trace is too long to hold: percentiles come from a sketch (within 0.1 %), arrivals from ' +
        `${this.#bins.widthMs / SECOND_MS} s bins; the peak of concurrent calls and the correlation ` +
        'of input and output are not computed.',
    ];
    if (!inOrder) {
      warnings.push('Calls came out of order in time, so the gaps between arrivals are unknown.');
    }
    return warnings;
  }
}

export interface CallSketchState {
  readonly series: readonly SeriesSketchState[];
  readonly bins: BinsState;
  readonly stretches: readonly Stretch[];
  readonly outOfOrder: number;
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
  get isOverfull(): boolean {
    return this.widthMs === SECOND_MS && this.#slots.size > MOST_BINS;
  }

  add(row: CallRow, startMs: number): void {
    const fresh = row.uncached + row.cacheWrite;
    this.#count(Math.floor(startMs / this.widthMs), 1, {
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

  state(): BinsState {
    return {
      widthMs: this.widthMs,
      keys: Float64Array.from(this.#slots.keys()),
      calls: Float64Array.from(this.#calls),
      allIn: Float64Array.from(this.#allIn),
      uncached: Float64Array.from(this.#uncached),
      output: Float64Array.from(this.#output),
    };
  }

  /** Both together; bins of this object may be reused. */
  merged(other: BinsState): Bins {
    const bins = this.widthMs >= other.widthMs ? this : this.coarser(other.widthMs);
    for (const [slot, key] of other.keys.entries()) {
      bins.#count(Math.floor((key * other.widthMs) / bins.widthMs), other.calls[slot]!, {
        allIn: other.allIn[slot]!,
        uncached: other.uncached[slot]!,
        output: other.output[slot]!,
      });
    }
    return bins.isOverfull ? bins.coarser(MINUTE_MS) : bins;
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
      peaks: { s1: null, s10: null },
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

interface BinsState {
  readonly widthMs: number;
  readonly keys: Float64Array;
  readonly calls: Float64Array;
  readonly allIn: Float64Array;
  readonly uncached: Float64Array;
  readonly output: Float64Array;
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

function add(series: SeriesSketch, value: number, key: OrderKey): void {
  if (!Number.isNaN(value)) series.add(value, key);
}

function known(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}

function unlessUnreported(summary: Summary | null): Summary | null {
  return summary === null || summary.max === 0 ? null : summary;
}
