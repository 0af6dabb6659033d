import { Heap } from '../core/heap.ts';
import type { Random } from '../core/random.ts';
import { MS_PER_SECOND } from '../core/units.ts';

/** A stream of arrival offsets. */
export interface Arrivals {
  /** The next offset in ms from the run's start, never before the last; undefined at the end. */
  next(): number | undefined;
}

/** Arrivals that bunch: `perSecond` is always the long-run mean rate of single arrivals. */
export type BurstyArrivalSpec =
  /** Agents that each ask every so often, each with its own phase; jitter is a share of the period. */
  | {
      readonly kind: 'polling';
      readonly agents: number;
      readonly everyMs: number;
      readonly jitter?: number | undefined;
    }
  /** Compound Poisson: fan-outs of `size`, spread evenly at random over `spreadMs`. */
  | {
      readonly kind: 'batch';
      readonly perSecond: number;
      readonly size: number;
      readonly spreadMs?: number | undefined;
    }
  /** Poisson whose rate switches between states in turn; each lasts an exponential time. */
  | { readonly kind: 'mmpp'; readonly states: readonly MmppState[] }
  /** Hawkes: each arrival starts `branching` further ones on average, within about `decayMs`. */
  | {
      readonly kind: 'self-exciting';
      readonly perSecond: number;
      /** 0 is Poisson; must be below 1. */
      readonly branching: number;
      readonly decayMs: number;
    }
  /** Poisson whose rate follows `weights` over `periodMs` (24 hours), step by step. */
  | {
      readonly kind: 'diurnal';
      readonly perSecond: number;
      readonly weights: readonly number[];
      readonly periodMs: number;
      /** Where in the period the run starts. Default 0. */
      readonly startMs?: number | undefined;
    };

export interface MmppState {
  readonly perSecond: number;
  readonly meanMs: number;
}

const NONE: Arrivals = { next: () => undefined };

export function polling(
  spec: Extract<BurstyArrivalSpec, { kind: 'polling' }>,
  random: Random,
): Arrivals {
  const { agents, everyMs, jitter = 0 } = spec;
  if (!(agents >= 1) || !(everyMs > 0)) return NONE;
  const due = new Heap<undefined>();
  for (let agent = 0; agent < agents; agent += 1) due.push(random.uniform() * everyMs, undefined);
  const spread = Math.min(1, Math.max(0, jitter));
  return {
    next: () => {
      const atMs = due.peekKey()!;
      due.pop();
      due.push(atMs + everyMs * (1 + spread * (2 * random.uniform() - 1)), undefined);
      return atMs;
    },
  };
}

export function batch(
  spec: Extract<BurstyArrivalSpec, { kind: 'batch' }>,
  random: Random,
): Arrivals {
  const { perSecond, spreadMs = 0 } = spec;
  const size = Math.floor(spec.size);
  if (!(perSecond > 0) || !(size >= 1)) return NONE;
  const meanMs = (size * MS_PER_SECOND) / perSecond;
  if (!(spreadMs > 0)) return instantBatches(size, meanMs, random);
  const pending = new Heap<undefined>();
  let nextBatchMs = random.exponential(meanMs);
  return {
    next: () => {
      // A batch may begin before the last one is over: its calls are merged in order.
      while (pending.size === 0 || nextBatchMs <= pending.peekKey()!) {
        for (let call = 0; call < size; call += 1) {
          pending.push(nextBatchMs + spreadMs * random.uniform(), undefined);
        }
        nextBatchMs += random.exponential(meanMs);
      }
      const atMs = pending.peekKey()!;
      pending.pop();
      return atMs;
    },
  };
}

function instantBatches(size: number, meanMs: number, random: Random): Arrivals {
  let atMs = 0;
  let left = 0;
  return {
    next: () => {
      if (left === 0) {
        atMs += random.exponential(meanMs);
        left = size;
      }
      left -= 1;
      return atMs;
    },
  };
}

/** Starts in a state drawn by how long each lasts, so that the process is stationary from 0. */
export function mmpp(states: readonly MmppState[], random: Random): Arrivals {
  const lasting = states.filter(({ meanMs }) => meanMs > 0);
  if (!lasting.some(({ perSecond }) => perSecond > 0)) return NONE;
  let total = 0;
  for (const { meanMs } of lasting) total += meanMs;
  let pick = random.uniform() * total;
  let index = 0;
  while (index < lasting.length - 1 && pick >= lasting[index]!.meanMs) {
    pick -= lasting[index]!.meanMs;
    index += 1;
  }
  let atMs = 0;
  let stateEndMs = random.exponential(lasting[index]!.meanMs);
  return {
    next: () => {
      for (;;) {
        const { perSecond } = lasting[index]!;
        // Memoryless: a draw that reaches past the state's end is drawn anew in the next state.
        const candidate =
          perSecond > 0 ? atMs + random.exponential(MS_PER_SECOND / perSecond) : stateEndMs;
        if (candidate < stateEndMs) {
          atMs = candidate;
          return atMs;
        }
        atMs = stateEndMs;
        index = (index + 1) % lasting.length;
        stateEndMs += random.exponential(lasting[index]!.meanMs);
      }
    },
  };
}

/**
 * Ogata's thinning (1981) for an exponential kernel: between arrivals the intensity only falls, so
 * its present value bounds it. Base rate = mean × (1 − branching).
 * @throws RangeError when branching is not in [0, 1): the process would explode
 */
export function selfExciting(
  spec: Extract<BurstyArrivalSpec, { kind: 'self-exciting' }>,
  random: Random,
): Arrivals {
  const { perSecond, branching, decayMs } = spec;
  if (!(branching >= 0 && branching < 1) || !(decayMs > 0)) {
    throw new RangeError('self-exciting arrivals: branching in [0, 1) and decayMs above 0');
  }
  if (!(perSecond > 0)) return NONE;
  const base = (perSecond * (1 - branching)) / MS_PER_SECOND;
  const jump = branching / decayMs;
  let atMs = 0;
  // Mean excitation in the steady state, so that the run does not start colder than it goes on.
  let excitation = (perSecond * branching) / MS_PER_SECOND;
  return {
    next: () => {
      for (;;) {
        const bound = base + excitation;
        const gapMs = random.exponential(1 / bound);
        atMs += gapMs;
        excitation *= Math.exp(-gapMs / decayMs);
        if (random.uniform() * bound <= base + excitation) {
          excitation += jump;
          return atMs;
        }
      }
    },
  };
}

/** Non-homogeneous Poisson by thinning (Lewis and Shedler 1979). Weights are relative. */
export function diurnal(
  spec: Extract<BurstyArrivalSpec, { kind: 'diurnal' }>,
  random: Random,
): Arrivals {
  const { perSecond, weights, periodMs, startMs = 0 } = spec;
  let sum = 0;
  let highest = 0;
  for (const weight of weights) {
    sum += weight;
    highest = Math.max(highest, weight);
  }
  if (!(perSecond > 0) || !(sum > 0) || !(periodMs > 0)) return NONE;
  const stepMs = periodMs / weights.length;
  const highestPerMs = ((perSecond / MS_PER_SECOND) * highest * weights.length) / sum;
  let atMs = 0;
  return {
    next: () => {
      for (;;) {
        atMs += random.exponential(1 / highestPerMs);
        const phaseMs = (((startMs + atMs) % periodMs) + periodMs) % periodMs;
        const weight = weights[Math.min(weights.length - 1, Math.floor(phaseMs / stepMs))]!;
        if (random.uniform() * highest < weight) return atMs;
      }
    },
  };
}
