import type { Random } from '../core/random.ts';
import { MS_PER_SECOND } from '../core/units.ts';
import { batch, diurnal, mmpp, polling, selfExciting } from './bursty-arrivals.ts';
import type { Arrivals, BurstyArrivalSpec } from './bursty-arrivals.ts';

/** How sessions (never calls) arrive. Rates are sessions per second; cv is sigma over mean. */
export type ArrivalSpec =
  | { readonly kind: 'constant'; readonly perSecond: number }
  | { readonly kind: 'poisson'; readonly perSecond: number }
  | { readonly kind: 'gamma'; readonly perSecond: number; readonly cv: number }
  | {
      readonly kind: 'ramp';
      readonly fromPerSecond: number;
      readonly toPerSecond: number;
      readonly durationMs: number;
    }
  | { readonly kind: 'burst'; readonly size: number; readonly everyMs: number }
  | { readonly kind: 'replay'; readonly atMs: readonly number[] }
  | BurstyArrivalSpec;

/**
 * A stream of arrival offsets. Only `random` makes it differ: the same stream gives the same
 * arrivals. A rate of 0 gives no arrivals.
 */
export function createArrivals(spec: ArrivalSpec, random: Random): Arrivals {
  switch (spec.kind) {
    case 'constant':
      return constant(spec.perSecond);
    case 'poisson':
      return renewal(spec.perSecond, (meanMs) => random.exponential(meanMs));
    case 'gamma':
      return gamma(spec.perSecond, spec.cv, random);
    case 'ramp':
      return ramp(spec.fromPerSecond, spec.toPerSecond, spec.durationMs);
    case 'burst':
      return burst(spec.size, spec.everyMs);
    case 'replay':
      return replay(spec.atMs);
    case 'polling':
      return polling(spec, random);
    case 'batch':
      return batch(spec, random);
    case 'mmpp':
      return mmpp(spec.states, random);
    case 'self-exciting':
      return selfExciting(spec, random);
    case 'diurnal':
      return diurnal(spec, random);
  }
}

const NONE: Arrivals = { next: () => undefined };

/** The first at 0, so that exactly rate × duration arrivals fall into [0, duration). */
function constant(perSecond: number): Arrivals {
  if (!(perSecond > 0)) return NONE;
  let count = 0;
  return { next: () => (count++ * MS_PER_SECOND) / perSecond };
}

function renewal(perSecond: number, gapMs: (meanMs: number) => number): Arrivals {
  if (!(perSecond > 0)) return NONE;
  const meanMs = MS_PER_SECOND / perSecond;
  let atMs = 0;
  return { next: () => (atMs += gapMs(meanMs)) };
}

/** Shape 1/cv², mean 1/rate: cv 1 is Poisson, below 1 smoother, above 1 burstier (vLLM, AIPerf). */
function gamma(perSecond: number, cv: number, random: Random): Arrivals {
  const shape = 1 / (cv * cv);
  if (!(cv > 0) || shape > STEADY_SHAPE) return constant(perSecond);
  return renewal(perSecond, (meanMs) => random.gamma(shape, meanMs / shape));
}

/** Above this shape gaps vary by less than 0.0001 %, and the gamma sampler loses its precision. */
const STEADY_SHAPE = 1e12;

/**
 * Evenly spaced arrivals under a rate that moves linearly, then stays: the n-th falls where the
 * integral of the rate, a·t + s·t²/2, reaches n (vegeta's LinearPacer).
 */
function ramp(fromPerSecond: number, toPerSecond: number, durationMs: number): Arrivals {
  const from = Math.max(0, fromPerSecond) / MS_PER_SECOND;
  const to = Math.max(0, toPerSecond) / MS_PER_SECOND;
  if (!(durationMs > 0)) return constant(toPerSecond);
  const slope = (to - from) / durationMs;
  const duringRamp = ((from + to) / 2) * durationMs;
  let count = 0;
  return {
    next: () => {
      const target = count;
      count += 1;
      if (target < duringRamp) return rampTime(from, slope, target);
      return to > 0 ? durationMs + (target - duringRamp) / to : undefined;
    },
  };
}

/** Solves a·t + s·t²/2 = n in the form that stays exact for a small slope. */
function rampTime(perMs: number, slope: number, target: number): number {
  if (target === 0) return 0;
  const root = Math.sqrt(Math.max(0, perMs * perMs + 2 * slope * target));
  return (2 * target) / (perMs + root);
}

function burst(size: number, everyMs: number): Arrivals {
  if (!(size >= 1)) return NONE;
  const whole = Math.floor(size);
  let count = 0;
  return { next: () => Math.floor(count++ / whole) * everyMs };
}

/** Recorded offsets; sorted, because a replay that goes back in time would stall a scheduler. */
function replay(atMs: readonly number[]): Arrivals {
  const ordered = atMs.toSorted((a, b) => a - b);
  let index = 0;
  return { next: () => ordered[index++] };
}
