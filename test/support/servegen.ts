import type { ArrivalSpec } from '../../src/mechanisms/arrivals.ts';
import { amountOf, objectOf, parseJson } from '../../src/traces/json-value.ts';

/**
 * ServeGen client pools (NSDI'26): no requests but, per client and window, how requests arrive and
 * how long they are. So this is no trace reader: it gives arrival models and the pool's figures.
 */
export interface ServegenClient {
  readonly windows: readonly ServegenWindow[];
  /** Mean of each length field by window of the dataset, which is longer than those of the rates. */
  readonly lengths: readonly LengthWindow[];
}

export interface ServegenWindow {
  readonly startSeconds: number;
  readonly perSecond: number;
  /** Coefficient of variation of the gaps between requests. */
  readonly cv: number;
  /** Gamma or Weibull; empty without requests. */
  readonly family: string;
}

interface LengthWindow {
  readonly startSeconds: number;
  readonly means: ReadonlyMap<string, number>;
}

export interface PoolFigures {
  readonly clients: number;
  /** Of the rate summed over clients: mean over windows, and largest window over mean. */
  readonly perSecond: number;
  readonly peakToMean: number;
  /** Share of the requests that the busiest 1, 5 and 10 clients send. */
  readonly topShares: readonly [number, number, number];
  /** Clients that send 90 % of the requests, the busiest first. */
  readonly clientsOf90: number;
  /** Over clients and windows, weighted by rate. */
  readonly cv: { readonly mean: number; readonly p50: number };
  /** Share of the requests in windows of each family. */
  readonly families: Readonly<Record<string, number>>;
  /** Mean of each length field, weighted by rate. */
  readonly means: Readonly<Record<string, number>>;
}

/**
 * @param trace text of `chunk-N-trace.csv`: window start s, rate/s, CV, family, two parameters
 * @param dataset text of `chunk-N-dataset.json`, whose inner values are Python dictionaries as text
 */
export function servegenClient(trace: string, dataset?: string): ServegenClient {
  const windows: ServegenWindow[] = [];
  for (const row of trace.split('\n')) {
    const [start, rate, cv, family = ''] = row.trim().split(',');
    const [startSeconds, perSecond] = [amountOf(start), amountOf(rate)];
    if (startSeconds === undefined || perSecond === undefined) continue;
    windows.push({ startSeconds, perSecond, cv: amountOf(cv) ?? 0, family });
  }
  const lengths = Object.entries(objectOf(parseJson(dataset ?? ''))).map(([start, fields]) => ({
    startSeconds: Number(start),
    means: meansOf(objectOf(fields)),
  }));
  return { windows, lengths: lengths.toSorted((a, b) => a.startSeconds - b.startSeconds) };
}

/**
 * How requests of a window arrive; undefined when none do. A Weibull window becomes a gamma one of
 * the same rate and CV.
 */
export function servegenArrivals({ perSecond, cv }: ServegenWindow): ArrivalSpec | undefined {
  if (perSecond === 0) return undefined;
  return cv > 0 ? { kind: 'gamma', perSecond, cv } : { kind: 'constant', perSecond };
}

/** Figures of a pool. Clients may have different windows; what a client lacks is a rate of 0. */
export function servegenPool(clients: readonly ServegenClient[]): PoolFigures {
  const rates = new Map<number, number>();
  const families: Record<string, number> = {};
  const weighted: { readonly value: number; readonly weight: number }[] = [];
  for (const { windows } of clients) {
    for (const { startSeconds, perSecond, cv, family } of windows) {
      rates.set(startSeconds, (rates.get(startSeconds) ?? 0) + perSecond);
      if (perSecond === 0) continue;
      families[family] = (families[family] ?? 0) + perSecond;
      weighted.push({ value: cv, weight: perSecond });
    }
  }
  const total = sum([...rates.values()]);
  const byClient = clients
    .map(({ windows }) => sum(windows.map(({ perSecond }) => perSecond)))
    .toSorted((a, b) => b - a);
  const share = (count: number): number => sum(byClient.slice(0, count)) / total;
  const perSecond = total / rates.size;
  return {
    clients: clients.length,
    perSecond,
    peakToMean: Math.max(...rates.values()) / perSecond,
    topShares: [share(1), share(5), share(10)],
    clientsOf90: byClient.findIndex((_, index) => share(index + 1) >= 0.9) + 1,
    cv: weightedFigures(weighted),
    families: Object.fromEntries(
      Object.entries(families).map(([family, rate]) => [family, rate / total]),
    ),
    means: lengthMeans(clients),
  };
}

/** Each dataset window counts for the requests that arrive in it. */
function lengthMeans(clients: readonly ServegenClient[]): Record<string, number> {
  const sums = new Map<string, { total: number; weight: number }>();
  for (const { windows, lengths } of clients) {
    for (const [index, { startSeconds, means }] of lengths.entries()) {
      const end = lengths[index + 1]?.startSeconds ?? Number.POSITIVE_INFINITY;
      const inside = windows.filter(
        (at) => at.startSeconds >= startSeconds && at.startSeconds < end,
      );
      const weight = sum(inside.map(({ perSecond }) => perSecond));
      for (const [field, mean] of means) {
        const known = sums.get(field) ?? { total: 0, weight: 0 };
        sums.set(field, { total: known.total + weight * mean, weight: known.weight + weight });
      }
    }
  }
  const known = [...sums].filter(([, { weight }]) => weight > 0);
  return Object.fromEntries(known.map(([field, { total, weight }]) => [field, total / weight]));
}

function meansOf(fields: Readonly<Record<string, unknown>>): Map<string, number> {
  const means = new Map<string, number>();
  for (const [field, bins] of Object.entries(fields)) {
    if (typeof bins !== 'string') continue;
    let total = 0;
    let weight = 0;
    for (const [, bin, probability] of bins.matchAll(PYTHON_BIN)) {
      total += Number(bin) * Number(probability);
      weight += Number(probability);
    }
    if (weight > 0) means.set(field, total / weight);
  }
  return means;
}

function weightedFigures(
  values: readonly { readonly value: number; readonly weight: number }[],
): PoolFigures['cv'] {
  const all = sum(values.map(({ weight }) => weight));
  let below = 0;
  let p50 = Number.NaN;
  for (const { value, weight } of values.toSorted((a, b) => a.value - b.value)) {
    below += weight;
    p50 = value;
    if (below >= all / 2) break;
  }
  return { mean: sum(values.map(({ value, weight }) => value * weight)) / all, p50 };
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** `{39: 0.00036, 40.5: 1e-05}`: numeric keys, so no JSON. */
const PYTHON_BIN = /([\d.eE+-]+)\s*:\s*([\d.eE+-]+)/g;
