import { cacheWriteTokens, inputTokens } from '../core/tokens.ts';
import type { UsageBucket } from '../core/trace.ts';
import { MS_PER_MINUTE } from '../core/units.ts';
import { ExactSum } from '../core/exact-sum.ts';
import { isoTime } from './iso-time.ts';

/** What a provider's own usage export says: totals per window, the measure of every other count. */
export interface UsageProfile {
  readonly start: string;
  readonly end: string;
  readonly windows: number;
  /** Length of the shortest window; peaks are means over it. */
  readonly windowSeconds: number;
  /** Null where the export does not count requests (Anthropic). */
  readonly requests: number | null;
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly output: number;
  /** Per minute, over the time of the windows; null where requests are not counted. */
  readonly rpm: MeanAndPeak | null;
  readonly tpm: {
    readonly allIn: MeanAndPeak;
    readonly uncached: MeanAndPeak;
    readonly output: MeanAndPeak;
  };
  /** Windows that begin before the one before them ends: two exports of one time, counted twice. */
  readonly overlaps: number;
  /** What the traces of the same run hold of it; null when they hold nothing of that time. */
  readonly held: HeldShare | null;
}

interface MeanAndPeak {
  readonly mean: number;
  readonly peak: number;
}

/** Tokens of the traces' calls over those of the provider. 1: nothing missing, nothing counted twice. */
interface HeldShare {
  readonly calls: number | null;
  readonly input: number | null;
  readonly output: number | null;
}

/** Calls of the same profile, to hold against the export. */
export interface TracedTotals {
  readonly firstMs: number | null;
  readonly lastMs: number | null;
  readonly calls: number;
  readonly input: number;
  readonly output: number;
}

const FIELDS = ['requests', 'input', 'cacheRead', 'cacheWrite', 'output'] as const;
type Field = (typeof FIELDS)[number];
type Window = { -readonly [Name in Field | 'startMs' | 'endMs']: number };

/** Two years of minutes. With more nothing is said: a part would be taken for the whole. */
const MOST_WINDOWS = 2 ** 20;

/** Adds up usage windows; one entry per window, whatever models and keys it is split into. */
export class UsageFold {
  readonly #windows = new Map<string, Window>();
  #hasRequests = true;
  #isOverfull = false;

  bucket({ startMs, endMs, requests, tokens }: UsageBucket): void {
    if (!(endMs > startMs)) return;
    if (requests === undefined) this.#hasRequests = false;
    const window = this.#of(startMs, endMs);
    window.requests += requests ?? 0;
    window.input += inputTokens(tokens);
    window.cacheRead += tokens.cacheRead;
    window.cacheWrite += cacheWriteTokens(tokens);
    window.output += tokens.output;
  }

  state(): UsageFoldState {
    const windows = [...this.#windows.values()];
    const column = (name: keyof Window): Float64Array =>
      Float64Array.from(windows, (window) => window[name]);
    return {
      startMs: column('startMs'),
      endMs: column('endMs'),
      fields: FIELDS.map(column),
      hasRequests: this.#hasRequests,
      isOverfull: this.#isOverfull,
    };
  }

  merge(state: UsageFoldState): void {
    this.#hasRequests &&= state.hasRequests;
    this.#isOverfull ||= state.isOverfull;
    for (const [index, startMs] of state.startMs.entries()) {
      const window = this.#of(startMs, state.endMs[index]!);
      for (const [at, name] of FIELDS.entries()) window[name] += state.fields[at]![index]!;
    }
  }

  /** Null without usage windows. */
  figures(traced: TracedTotals): UsageProfile | null {
    if (this.#windows.size === 0 || this.#isOverfull) return null;
    const windows = [...this.#windows.values()].toSorted(
      (a, b) => a.startMs - b.startMs || a.endMs - b.endMs,
    );
    const total = (name: Field): number => {
      const sum = new ExactSum();
      for (const window of windows) sum.add(window[name]);
      return sum.value;
    };
    const rate = (of: (window: Window) => number): MeanAndPeak => meanAndPeak(windows, of);
    const end = windows.reduce((latest, { endMs }) => Math.max(latest, endMs), 0);
    const [input, output] = [total('input'), total('output')];
    const requests = this.#hasRequests ? total('requests') : null;
    return {
      start: isoTime(windows[0]!.startMs),
      end: isoTime(end),
      windows: windows.length,
      windowSeconds: Math.min(...windows.map(({ startMs, endMs }) => endMs - startMs)) / 1000,
      requests,
      input,
      cacheRead: total('cacheRead'),
      cacheWrite: total('cacheWrite'),
      output,
      rpm: requests === null ? null : rate((window) => window.requests),
      tpm: {
        allIn: rate((window) => window.input + window.output),
        uncached: rate((window) => window.input - window.cacheRead),
        output: rate((window) => window.output),
      },
      overlaps: windows.filter(({ startMs }, at) => startMs < (windows[at - 1]?.endMs ?? 0)).length,
      held: heldShare(traced, {
        startMs: windows[0]!.startMs,
        endMs: end,
        requests,
        input,
        output,
      }),
    };
  }

  #of(startMs: number, endMs: number): Window {
    const key = `${startMs} ${endMs}`;
    let window = this.#windows.get(key);
    if (window === undefined) {
      window = {
        startMs,
        endMs,
        requests: 0,
        input: 0,
        cacheRead: 0,
        cacheWrite: 0,
        output: 0,
      };
      if (this.#windows.size < MOST_WINDOWS) this.#windows.set(key, window);
      else this.#isOverfull = true;
    }
    return window;
  }
}

export interface UsageFoldState {
  readonly startMs: Float64Array;
  readonly endMs: Float64Array;
  /** One list per field. */
  readonly fields: readonly Float64Array[];
  readonly hasRequests: boolean;
  readonly isOverfull: boolean;
}

function meanAndPeak(windows: readonly Window[], of: (window: Window) => number): MeanAndPeak {
  let [sum, minutes, peak] = [0, 0, 0];
  for (const window of windows) {
    const length = (window.endMs - window.startMs) / MS_PER_MINUTE;
    sum += of(window);
    minutes += length;
    peak = Math.max(peak, of(window) / length);
  }
  return { mean: sum / minutes, peak };
}

/** Only traces that lie within the export can be held against it. */
function heldShare(
  traced: TracedTotals,
  usage: Omit<TracedTotals, 'firstMs' | 'lastMs' | 'calls'> & {
    readonly startMs: number;
    readonly endMs: number;
    readonly requests: number | null;
  },
): HeldShare | null {
  const { firstMs, lastMs } = traced;
  if (firstMs === null || lastMs === null) return null;
  if (firstMs < usage.startMs || lastMs >= usage.endMs) return null;
  const share = (part: number, whole: number | null): number | null =>
    whole === null || whole === 0 ? null : part / whole;
  return {
    calls: share(traced.calls, usage.requests),
    input: share(traced.input, usage.input),
    output: share(traced.output, usage.output),
  };
}
