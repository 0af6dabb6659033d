import { digamma, regularisedGamma, trigamma } from '../core/gamma.ts';
import { mean, normalCdf, populationStd } from '../core/statistics.ts';

type ArrivalFamily = 'exponential' | 'gamma' | 'weibull' | 'lognormal';

/** The renewal model (independent gaps) whose distribution of gaps comes closest. */
export interface ArrivalModelFit {
  readonly family: ArrivalFamily;
  /** Kolmogorov-Smirnov distance between the gaps and the fitted distribution; 0 is perfect. */
  readonly ks: number;
  /** good: below 0.05, fair: below 0.1, else poor: replay the trace instead of the model. */
  readonly fit: 'good' | 'fair' | 'poor';
  /** Gamma and Weibull: shape; log-normal: sigma; exponential: 1. */
  readonly shape: number;
  /** Milliseconds. Gamma and Weibull: scale; log-normal: median; exponential: mean. */
  readonly scale: number;
  /** Values there are, and values fitted: fewer when there are more than 20,000; absent in earlier versions. */
  readonly values?: number | undefined;
  readonly fitted?: number | undefined;
  /** Distance of every family tried, best first. */
  readonly tried: readonly { readonly family: ArrivalFamily; readonly ks: number }[];
}

/** Fewer gaps than this fit anything. */
const LEAST_GAPS = 50;
/** Longer traces are thinned evenly: the distance is known to 0.01 with this many. */
const MOST_GAPS = 20_000;
const GOOD_KS = 0.05;
const FAIR_KS = 0.1;

interface Distribution {
  readonly shape: number;
  readonly scale: number;
  readonly cdf: (gapMs: number) => number;
}

/** One fit per family; each is given positive gaps. */
const FAMILIES = {
  exponential: fitExponential,
  gamma: fitGamma,
  weibull: fitWeibull,
  lognormal: fitLogNormal,
} satisfies Record<ArrivalFamily, (gapsMs: Float64Array) => Distribution>;

/**
 * Maximum-likelihood fits of four families to the gaps between arrivals, judged by their KS
 * distance to all gaps; gaps of zero (calls at one instant) count against every family.
 * @returns null when there are too few gaps
 */
export function fitArrivals(gapsMs: Float64Array): ArrivalModelFit | null {
  const every = Math.ceil(gapsMs.length / MOST_GAPS);
  const sample = new Float64Array(Math.ceil(gapsMs.length / Math.max(1, every)));
  for (let index = 0; index < sample.length; index += 1) sample[index] = gapsMs[index * every]!;
  sample.sort();
  const positive = sample.filter((gap) => gap > 0);
  if (positive.length < LEAST_GAPS || positive[0] === positive.at(-1)) return null;
  const fits = (Object.keys(FAMILIES) as ArrivalFamily[])
    .map((family) => {
      const distribution = FAMILIES[family](positive);
      return { family, ...distribution, ks: ksDistance(sample, distribution.cdf) };
    })
    .toSorted((a, b) => a.ks - b.ks);
  const { family, ks, shape, scale } = fits[0]!;
  return {
    family,
    ks,
    fit: ks < GOOD_KS ? 'good' : ks < FAIR_KS ? 'fair' : 'poor',
    shape,
    scale,
    values: gapsMs.length,
    fitted: sample.length,
    tried: fits.map((one) => ({ family: one.family, ks: one.ks })),
  };
}

/** Largest difference between the empirical and the given distribution function. */
export function ksDistance(sorted: Float64Array, cdf: (value: number) => number): number {
  let distance = 0;
  for (let index = 0; index < sorted.length; index += 1) {
    const expected = cdf(sorted[index]!);
    distance = Math.max(
      distance,
      (index + 1) / sorted.length - expected,
      expected - index / sorted.length,
    );
  }
  return distance;
}

function fitExponential(gapsMs: Float64Array): Distribution {
  const scale = mean(gapsMs);
  return { shape: 1, scale, cdf: (gap) => 1 - Math.exp(-gap / scale) };
}

/** Newton's method on the likelihood of the shape (Minka 2002, estimating a gamma distribution). */
function fitGamma(gapsMs: Float64Array): Distribution {
  const average = mean(gapsMs);
  const s = Math.log(average) - mean(gapsMs.map(Math.log));
  let shape = (3 - s + Math.sqrt((s - 3) ** 2 + 24 * s)) / (12 * s);
  for (let step = 0; step < 20; step += 1) {
    const slope = (Math.log(shape) - digamma(shape) - s) / (1 / shape - trigamma(shape));
    const next = 1 / (1 / shape + slope / (shape * shape));
    if (!(next > 0)) break;
    const isDone = Math.abs(next - shape) < 1e-10 * shape;
    shape = next;
    if (isDone) break;
  }
  const scale = average / shape;
  return { shape, scale, cdf: (gap) => regularisedGamma(shape, gap / scale) };
}

/**
 * Newton's method on the likelihood's shape equation, which is monotone: a bracket that shrinks with
 * every step catches steps that go too far.
 */
function fitWeibull(gapsMs: Float64Array): Distribution {
  // Scaled to a mean of 1, powers stay within range.
  const unit = mean(gapsMs);
  const logs = gapsMs.map((gap) => Math.log(gap / unit));
  const meanLog = mean(logs);
  let low = 0.02;
  let high = 50;
  let shape = Math.min(high, Math.max(low, Math.PI / Math.sqrt(6) / populationStd(logs)));
  for (let step = 0; step < 60; step += 1) {
    const { excess, slope } = weibullExcess(logs, meanLog, shape);
    if (excess < 0) low = shape;
    else high = shape;
    const newton = shape - excess / slope;
    const next = newton > low && newton < high ? newton : Math.sqrt(low * high);
    const isDone = Math.abs(next - shape) <= 1e-14 * shape;
    shape = next;
    if (isDone) break;
  }
  let sum = 0;
  for (const log of logs) sum += Math.exp(shape * log);
  const scale = unit * (sum / logs.length) ** (1 / shape);
  return { shape, scale, cdf: (gap) => 1 - Math.exp(-((gap / scale) ** shape)) };
}

/** Sum of x^k log x over sum of x^k, less 1 / k and the mean log: 0 at the likeliest k; and its slope. */
function weibullExcess(
  logs: Float64Array,
  meanLog: number,
  shape: number,
): { readonly excess: number; readonly slope: number } {
  let total = 0;
  let weighted = 0;
  let squared = 0;
  for (let index = 0; index < logs.length; index += 1) {
    const log = logs[index]!;
    const power = Math.exp(shape * log);
    total += power;
    weighted += power * log;
    squared += power * log * log;
  }
  const average = weighted / total;
  return {
    excess: average - 1 / shape - meanLog,
    slope: squared / total - average * average + 1 / (shape * shape),
  };
}

function fitLogNormal(gapsMs: Float64Array): Distribution {
  const logs = gapsMs.map(Math.log);
  const mu = mean(logs);
  const sigma = populationStd(logs);
  return {
    shape: sigma,
    scale: Math.exp(mu),
    cdf: (gap) => (gap <= 0 ? 0 : normalCdf((Math.log(gap) - mu) / sigma)),
  };
}
