/** Fewer values than this are sorted by comparing. */
const WORTH_COUNTING = 2048;
/** Bits per pass: the counts of a pass fit into the processor's first cache. */
const BITS = 11;
const BUCKETS = 2 ** BITS;

/**
 * The values in ascending order, as `toSorted` gives them. What stands in order is copied. Whole numbers below 2^31 (counts of
 * tokens, milliseconds: most of what is measured) are sorted by their digits, several times faster
 * than by comparing.
 * @param values without NaN
 */
export function sortedNumbers(values: Float64Array): Float64Array {
  if (values.length < WORTH_COUNTING) return values.toSorted();
  if (isAscending(values)) return values.slice();
  const whole = new Int32Array(values.length);
  let largest = 0;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index]!;
    const number = value | 0;
    if (number !== value || number < 0 || Object.is(value, -0)) return values.toSorted();
    whole[index] = number;
    if (number > largest) largest = number;
  }
  return new Float64Array(byDigits(whole, largest));
}

/** Zeros of both signs are equal here but not in order: then false. */
function isAscending(values: Float64Array): boolean {
  for (let index = 1; index < values.length; index += 1) {
    const before = values[index - 1]!;
    const value = values[index]!;
    if (value < before || (value === 0 && Object.is(value, -0) && Object.is(before, 0)))
      return false;
  }
  return true;
}

/** Radix sort from the lowest digit; stable, so that each pass keeps the order of the one before. */
function byDigits(values: Int32Array, largest: number): Int32Array {
  let from = values;
  let to: Int32Array = new Int32Array(values.length);
  const starts = new Int32Array(BUCKETS);
  for (let shift = 0; shift < 31 && largest >>> shift > 0; shift += BITS) {
    starts.fill(0);
    for (let index = 0; index < from.length; index += 1) {
      starts[(from[index]! >>> shift) & (BUCKETS - 1)]! += 1;
    }
    let start = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      const count = starts[bucket]!;
      starts[bucket] = start;
      start += count;
    }
    for (let index = 0; index < from.length; index += 1) {
      const value = from[index]!;
      const bucket = (value >>> shift) & (BUCKETS - 1);
      to[starts[bucket]!] = value;
      starts[bucket]! += 1;
    }
    [from, to] = [to, from];
  }
  return from;
}
