/** Renewal model that fits the gaps between arrivals best. */
export interface ArrivalModelFit {
  readonly family: 'exponential' | 'gamma' | 'weibull' | 'lognormal';
  /** Kolmogorov-Smirnov distance between the gaps and the fitted distribution. */
  readonly ks: number;
  readonly shape: number;
  /** Milliseconds. */
  readonly scale: number;
}
