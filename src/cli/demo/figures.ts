import { quantileSorted } from '../../core/statistics.ts';
import { MS_PER_MINUTE } from '../../core/units.ts';
import type { Sample } from '../../loadtest/sample.ts';

/**
 * The figures that the demo predicts and then measures. One function computes them from samples,
 * whether the samples come from a forecast in virtual time or from the run itself: what is
 * compared cannot differ in its definition.
 */
export interface Figures {
  readonly requestsPerMinute: number;
  /** Busiest ten seconds, as a rate per minute. */
  readonly peakRequestsPerMinute: number;
  readonly inputTokensPerMinute: number;
  readonly outputTokensPerMinute: number;
  readonly ttftP50Ms: number | null;
  readonly ttftP95Ms: number | null;
  readonly turnP50Ms: number | null;
  readonly turnP95Ms: number | null;
  /** Attempts answered 429 over attempts. */
  readonly refusedShare: number | null;
  /** Input tokens read from the provider's cache over input tokens. */
  readonly cachedShare: number | null;
}

export type FigureName = keyof Figures;

/** Part of the run that counts: after the ramp, before arrivals end. ms from the start. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

const PEAK_WINDOW_MS = 10_000;
const PEAK_STEP_MS = 500;

/** Computes the figures from the samples of one run. Unknown is null, never 0. */
export function figuresOf(samples: Iterable<Sample>, window: Window): Figures {
  const sentAt: number[] = [];
  const ttft: number[] = [];
  const turns: number[] = [];
  let refused = 0;
  const tokens = { input: 0, cached: 0, output: 0 };
  const counts = (atMs: number): boolean => atMs >= window.fromMs && atMs < window.toMs;
  for (const sample of samples) {
    if (sample.type === 'turn') {
      if (sample.outcome === 'ok' && counts(sample.intended))
        turns.push(sample.end - sample.intended);
      continue;
    }
    if (sample.type !== 'attempt' || sample.sent === undefined) continue;
    if (counts(sample.sent)) {
      sentAt.push(sample.sent);
      if (sample.status === 429) refused += 1;
    }
    if (sample.outcome === 'ok' && counts(sample.end)) {
      tokens.input += sample.input ?? 0;
      tokens.cached += sample.cacheRead ?? 0;
      tokens.output += sample.output ?? 0;
    }
    if (sample.outcome === 'ok' && sample.firstToken !== undefined && counts(sample.intended)) {
      ttft.push(sample.firstToken - sample.intended);
    }
  }
  const minutes = (window.toMs - window.fromMs) / MS_PER_MINUTE;
  return {
    requestsPerMinute: sentAt.length / minutes,
    peakRequestsPerMinute: peakRate(sentAt, window),
    inputTokensPerMinute: tokens.input / minutes,
    outputTokensPerMinute: tokens.output / minutes,
    ttftP50Ms: quantile(ttft, 0.5),
    ttftP95Ms: quantile(ttft, 0.95),
    turnP50Ms: quantile(turns, 0.5),
    turnP95Ms: quantile(turns, 0.95),
    refusedShare: sentAt.length === 0 ? null : refused / sentAt.length,
    cachedShare: tokens.input === 0 ? null : tokens.cached / tokens.input,
  };
}

function peakRate(sentAt: readonly number[], { fromMs, toMs }: Window): number {
  let most = 0;
  for (let start = fromMs; start + PEAK_WINDOW_MS <= toMs; start += PEAK_STEP_MS) {
    let count = 0;
    for (const at of sentAt) if (at >= start && at < start + PEAK_WINDOW_MS) count += 1;
    most = Math.max(most, count);
  }
  return (most * MS_PER_MINUTE) / PEAK_WINDOW_MS;
}

function quantile(values: number[], q: number): number | null {
  if (values.length === 0) return null;
  return quantileSorted(
    values.toSorted((a, b) => a - b),
    q,
  );
}
