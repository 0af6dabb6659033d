/** How agents are set off: by a clock, by something that starts many at once, or one by one by events. */
export interface ArrivalPattern {
  readonly kind: 'periodic' | 'batch' | 'event-driven';
  /** Starts looked at: of turns where the trace has them, else of LLM calls. */
  readonly basis: 'turns' | 'calls';
  /** Time between bursts (single starts are bursts of one) when they keep a beat, else null. */
  readonly periodMs: number | null;
  readonly bursts: number;
  readonly burstSize: { readonly mean: number; readonly p95: number; readonly max: number };
}

/** Fewer starts, or fewer beats, show no pattern. */
const LEAST_STARTS = 20;
const LEAST_BEATS = 5;
/** The first beats show whether there is one. */
const MOST_BEATS = 100_000;
/** Gaps below this share of the mean gap join a burst; 9.5 % of a Poisson stream's gaps are shorter. */
const JOIN_SHARE = 0.1;
/** Mean size from which starts come in batches; a Poisson stream has 1.1. */
const BATCH_SIZE = 3;
/** A beat: this share of the gaps between bursts lies within the jitter of a multiple of their median. */
const BEAT_SHARE = 0.85;
const BEAT_JITTER = 0.1;

/**
 * Classifies starts. A heuristic on one stream: several independent clocks added together look
 * event-driven.
 * @param startMs ascending
 * @returns null with too few starts, or when all come at one instant
 */
export function arrivalPattern(
  startMs: Float64Array,
  basis: ArrivalPattern['basis'],
): ArrivalPattern | null {
  const span = startMs.length === 0 ? 0 : startMs.at(-1)! - startMs[0]!;
  if (startMs.length < LEAST_STARTS || span === 0) return null;
  const { starts, sizes } = bursts(startMs, (JOIN_SHARE * span) / (startMs.length - 1));
  const periodMs = beat(starts);
  const mean = startMs.length / sizes.length;
  const sorted = new Float64Array(sizes).sort();
  return {
    kind: mean >= BATCH_SIZE ? 'batch' : periodMs === null ? 'event-driven' : 'periodic',
    basis,
    periodMs,
    bursts: sizes.length,
    burstSize: {
      mean,
      p95: sorted[Math.ceil(0.95 * sorted.length) - 1]!,
      max: sorted.at(-1)!,
    },
  };
}

function bursts(
  startMs: Float64Array,
  joinMs: number,
): { readonly starts: readonly number[]; readonly sizes: readonly number[] } {
  const starts: number[] = [];
  const sizes: number[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const start of startMs) {
    if (start - last <= joinMs) sizes[sizes.length - 1]! += 1;
    else {
      starts.push(start);
      sizes.push(1);
    }
    last = start;
  }
  return { starts, sizes };
}

function beat(starts: readonly number[]): number | null {
  if (starts.length <= LEAST_BEATS) return null;
  const gaps = new Float64Array(Math.min(MOST_BEATS, starts.length - 1));
  for (let index = 0; index < gaps.length; index += 1) {
    gaps[index] = starts[index + 1]! - starts[index]!;
  }
  const period = gaps.toSorted()[Math.floor(gaps.length / 2)]!;
  const inTime = gaps.filter((gap) => {
    const beats = gap / period;
    return beats > 0.5 && Math.abs(beats - Math.round(beats)) <= BEAT_JITTER;
  });
  return inTime.length >= BEAT_SHARE * gaps.length ? period : null;
}
