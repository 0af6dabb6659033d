/** Statistics shared by profiler, planner and load test. Sources: shared formulas named per function. */

export interface Interval {
  readonly low: number;
  /** Infinity when the data cannot bound it ("run too short"). */
  readonly high: number;
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) sum += values[index]!;
  return sum / values.length;
}

/** Population standard deviation (divides by n). */
export function populationStd(values: ArrayLike<number>): number {
  return Math.sqrt(sumOfSquares(values) / values.length);
}

/** Sample standard deviation (divides by n - 1). */
export function sampleStd(values: ArrayLike<number>): number {
  return Math.sqrt(sumOfSquares(values) / (values.length - 1));
}

/**
 * Linear-interpolated quantile, Hyndman and Fan type 7 (numpy's and Excel's default).
 * @param sorted ascending, not empty
 * @param q in [0, 1]
 */
export function quantileSorted(sorted: ArrayLike<number>, q: number): number {
  const position = (sorted.length - 1) * q;
  const below = Math.floor(position);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (position - below);
}

/** Inverse of the standard normal distribution function (Acklam's approximation, one Newton step; |error| < 1e-9). */
export function normalQuantile(p: number): number {
  if (p <= 0) return Number.NEGATIVE_INFINITY;
  if (p >= 1) return Number.POSITIVE_INFINITY;
  const x = acklam(p);
  const error = normalCdf(x) - p;
  const step = error * Math.sqrt(2 * Math.PI) * Math.exp((x * x) / 2);
  return x - step / (1 + (x * step) / 2);
}

/** Standard normal distribution function through erfc (W. J. Cody's rational fit as in Numerical Recipes, refined). */
export function normalCdf(x: number): number {
  return 0.5 * erfc(-x / Math.SQRT2);
}

/**
 * Inverse of Student's t distribution function by bisection on the exact tail
 * (regularised incomplete beta, continued fraction after Lentz). Absolute error < 1e-9.
 */
export function tQuantile(p: number, degreesOfFreedom: number): number {
  if (p === 0.5) return 0;
  if (p < 0.5) return -tQuantile(1 - p, degreesOfFreedom);
  let low = 0;
  let high = 1;
  while (tCdf(high, degreesOfFreedom) < p && high < 1e12) high *= 2;
  for (let step = 0; step < 200 && high - low > 1e-12 * high; step += 1) {
    const middle = (low + high) / 2;
    if (tCdf(middle, degreesOfFreedom) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Student's t distribution function, by the regularised incomplete beta function. */
export function tCdf(t: number, degreesOfFreedom: number): number {
  const df = degreesOfFreedom;
  const tail = 0.5 * regularisedBeta(df / (df + t * t), df / 2, 0.5);
  return t > 0 ? 1 - tail : tail;
}

/** Regularised incomplete beta function I_x(a, b). */
export function regularisedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x),
  );
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(x, a, b)) / a
    : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/** Logarithm of the gamma function (Lanczos, g = 7, n = 9; relative error below 1e-14). */
export function logGamma(z: number): number {
  if (z < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * z)) - logGamma(1 - z);
  const x = z - 1;
  let sum = LANCZOS[0]!;
  for (let index = 1; index < LANCZOS.length; index += 1) sum += LANCZOS[index]! / (x + index);
  const t = x + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (x + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Wilson score interval for a share of `successes` in `trials` (Wilson 1927). */
export function wilsonInterval(successes: number, trials: number, confidence = 0.95): Interval {
  if (trials === 0) return { low: 0, high: 1 };
  const z = normalQuantile(1 - (1 - confidence) / 2);
  const share = successes / trials;
  const denominator = 1 + (z * z) / trials;
  const centre = (share + (z * z) / (2 * trials)) / denominator;
  const half =
    (z * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials))) / denominator;
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/** t-interval for the mean of independent values (replications, batch means). Needs two or more. */
export function meanInterval(values: ArrayLike<number>, confidence = 0.95): Interval {
  const count = values.length;
  if (count < 2) return { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const centre = mean(values);
  const half =
    (tQuantile(1 - (1 - confidence) / 2, count - 1) * sampleStd(values)) / Math.sqrt(count);
  return { low: centre - half, high: centre + half };
}

/** Batches per run for intervals: more cover worse on autocorrelated data (shared measurements, 10 against 15 and 20). */
export const BATCHES = 10;

/** Interval for the mean of an autocorrelated series by non-overlapping batch means, in observation order. */
export function batchMeansInterval(
  ordered: ArrayLike<number>,
  confidence = 0.95,
): Interval | undefined {
  const size = Math.floor(ordered.length / BATCHES);
  if (size < 1) return undefined;
  const means: number[] = [];
  for (let batch = 0; batch < BATCHES; batch += 1) {
    // The last batch takes the remainder, so that no observation is dropped.
    const end = batch === BATCHES - 1 ? ordered.length : (batch + 1) * size;
    let sum = 0;
    for (let index = batch * size; index < end; index += 1) sum += ordered[index]!;
    means.push(sum / (end - batch * size));
  }
  const centre = mean(ordered);
  const half =
    (tQuantile(1 - (1 - confidence) / 2, BATCHES - 1) * sampleStd(means)) / Math.sqrt(BATCHES);
  return { low: centre - half, high: centre + half };
}

/**
 * Interval for a quantile of one autocorrelated run by indicator batch means: the share of values
 * at or below the sample quantile is averaged per batch in observation order, and its t-interval
 * is read back on the ordered values. `high` is Infinity when the run is too short to bound it.
 * @param sorted the same values ascending, when the caller has them
 */
export function quantileInterval(
  ordered: ArrayLike<number>,
  q: number,
  confidence = 0.95,
  sorted: ArrayLike<number> = Float64Array.from(ordered).toSorted(),
): Interval | undefined {
  const count = ordered.length;
  const size = Math.floor(count / BATCHES);
  if (size < 1) return undefined;
  const value = sorted[Math.max(0, Math.ceil(q * count) - 1)]!;
  let squares = 0;
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const end = batch === BATCHES - 1 ? count : (batch + 1) * size;
    let below = 0;
    for (let index = batch * size; index < end; index += 1)
      if (ordered[index]! <= value) below += 1;
    squares += (below / (end - batch * size) - q) ** 2;
  }
  const error = Math.sqrt(squares / (BATCHES - 1) / BATCHES);
  const half = tQuantile(1 - (1 - confidence) / 2, BATCHES - 1) * error;
  const low = sorted[Math.max(0, Math.ceil(count * (q - half)) - 1)]!;
  // Even independent values bound a quantile only from this many on (59 for a p95 at 95 %).
  const bounded = 1 - q ** count - (1 - q) ** count >= confidence;
  if (!bounded || q + half >= 1) return { low, high: Number.POSITIVE_INFINITY };
  return { low, high: sorted[Math.min(count - 1, Math.ceil(count * (q + half)) - 1)]! };
}

/** Index of dispersion: variance over mean of counts (1 for Poisson). */
export function indexOfDispersion(counts: ArrayLike<number>): number {
  const centre = mean(counts);
  return centre === 0 ? Number.NaN : sumOfSquares(counts) / counts.length / centre;
}

/** Erlang C: probability that an arrival waits, k servers offered `load` erlangs (load < k). */
export function erlangC(servers: number, load: number): number {
  const blocking = erlangB(servers, load);
  return blocking / (1 - (load / servers) * (1 - blocking));
}

/** Erlang B: blocking probability of k servers without queue, by the stable recursion. */
export function erlangB(servers: number, load: number): number {
  let blocking = 1;
  for (let server = 1; server <= servers; server += 1) {
    blocking = (load * blocking) / (server + load * blocking);
  }
  return blocking;
}

function sumOfSquares(values: ArrayLike<number>): number {
  const centre = mean(values);
  let sum = 0;
  for (let index = 0; index < values.length; index += 1) sum += (values[index]! - centre) ** 2;
  return sum;
}

const LANCZOS = [
  0.999_999_999_999_809_93, 676.520_368_121_885_1, -1259.139_216_722_402_8, 771.323_428_777_653_13,
  -176.615_029_162_140_6, 12.507_343_278_686_905, -0.138_571_095_265_720_12,
  9.984_369_578_019_572e-6, 1.505_632_735_149_311_6e-7,
];

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 - ((a + b) * x) / (a + 1);
  d = 1 / (Math.abs(d) < tiny ? tiny : d);
  let result = d;
  for (let m = 1; m <= 500; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    for (const term of [even, odd]) {
      d = 1 + term * d;
      c = 1 + term / c;
      d = 1 / (Math.abs(d) < tiny ? tiny : d);
      if (Math.abs(c) < tiny) c = tiny;
      result *= d * c;
    }
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return result;
}

/** Complementary error function: series for small arguments, continued fraction for large (both to machine precision). */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n += 1) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n -= 1) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

function acklam(p: number): number {
  const a = [
    -39.696_830_286_653_76, 220.946_098_424_520_5, -275.928_510_446_968_7, 138.357_751_867_269,
    -30.664_798_066_147_16, 2.506_628_277_459_239,
  ];
  const b = [
    -54.476_098_798_224_06, 161.585_836_858_040_9, -155.698_979_859_886_6, 66.801_311_887_719_72,
    -13.280_681_552_885_72,
  ];
  const c = [
    -0.007_784_894_002_430_293, -0.322_396_458_041_136_5, -2.400_758_277_161_838,
    -2.549_732_539_343_734, 4.374_664_141_464_968, 2.938_163_982_698_783,
  ];
  const d = [
    0.007_784_695_709_041_462, 0.322_467_129_070_039_8, 2.445_134_137_142_996,
    3.754_408_661_907_416,
  ];
  const edge = 0.024_25;
  if (p < edge || p > 1 - edge) {
    const q = Math.sqrt(-2 * Math.log(p < edge ? p : 1 - p));
    const x = horner(c, q) / (horner(d, q) * q + 1);
    return p < edge ? x : -x;
  }
  const q = p - 0.5;
  const r = q * q;
  return (horner(a, r) * q) / (horner(b, r) * r + 1);
}

function horner(coefficients: readonly number[], x: number): number {
  let result = 0;
  for (const coefficient of coefficients) result = result * x + coefficient;
  return result;
}
