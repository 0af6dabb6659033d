/** Positions and tick marks of chart axes. */

export interface Scale {
  /** Value → position in user units. */
  (value: number): number;
}

/** Linear from [low, high] to [from, to]; a flat domain is widened so that nothing divides by 0. */
export function linearScale(
  [low, high]: readonly [number, number],
  [from, to]: readonly [number, number],
): Scale {
  const span = high === low ? 1 : high - low;
  return (value) => from + ((value - low) / span) * (to - from);
}

/** Logarithmic; values at or below 0 sit at the low end. */
export function logScale(
  [low, high]: readonly [number, number],
  range: readonly [number, number],
): Scale {
  const linear = linearScale([Math.log10(low), Math.log10(high)], range);
  return (value) => linear(Math.log10(Math.max(value, low)));
}

const NICE_STEPS = [1, 2, 2.5, 5, 10] as const;

/** About `count` round values from 0 or `low` to at least `high`, with the step's own rounding. */
export function niceTicks(low: number, high: number, count = 5): number[] {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const raw = span / count;
  const decade = 10 ** Math.floor(Math.log10(raw));
  const step = NICE_STEPS.map((nice) => nice * decade).find((nice) => nice >= raw * 0.999)!;
  const first = Math.floor(low / step + 1e-9) * step;
  const ticks: number[] = [];
  for (let index = 0; first + (index - 1) * step < high - step * 1e-9; index += 1) {
    ticks.push(Number((first + index * step).toPrecision(12)));
  }
  return ticks;
}

/** 1, 2 and 5 of each decade inside [low, high]: neighbours never collide. */
export function logTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (
    let decade = Math.floor(Math.log10(low));
    decade <= Math.ceil(Math.log10(high));
    decade += 1
  ) {
    for (const mantissa of [1, 2, 5]) {
      const tick = Number((mantissa * 10 ** decade).toPrecision(12));
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

/**
 * At most 2 · `cells` points of a series in order of x: the lowest and highest of each cell, so
 * that peaks survive.
 */
export function thin(points: readonly Point[], cells: number): readonly Point[] {
  if (points.length <= cells * 2) return points;
  const kept: Point[] = [];
  for (let cell = 0; cell < cells; cell += 1) {
    const part = points.slice(
      Math.floor((cell * points.length) / cells),
      Math.floor(((cell + 1) * points.length) / cells),
    );
    let low = part[0]!;
    let high = low;
    for (const point of part) {
      if (point.y < low.y) low = point;
      if (point.y > high.y) high = point;
    }
    kept.push(...(low.x <= high.x ? [low, high] : [high, low]));
  }
  return kept;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}
