import { sortedNumbers } from '../core/sorted-numbers.ts';

/** Spearman's rank correlation with mean ranks for ties; null below three pairs or without variation. */
export function spearman(a: Float64Array, b: Float64Array): number | null {
  if (a.length < 3) return null;
  const ranksA = ranks(a);
  const ranksB = ranks(b);
  const centre = (a.length + 1) / 2;
  let product = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (let index = 0; index < a.length; index += 1) {
    const deltaA = ranksA[index]! - centre;
    const deltaB = ranksB[index]! - centre;
    product += deltaA * deltaB;
    squaresA += deltaA * deltaA;
    squaresB += deltaB * deltaB;
  }
  return squaresA === 0 || squaresB === 0 ? null : product / Math.sqrt(squaresA * squaresB);
}

/**
 * Mean ranks from 1. Sorting numbers and looking each one up is much faster than sorting indexes;
 * looked up are only the distinct values, whose ranks are known once they stand in order.
 */
function ranks(values: Float64Array): Float64Array {
  const sorted = sortedNumbers(values);
  const distinct = new Float64Array(values.length);
  const rankOf = new Float64Array(values.length);
  let count = 0;
  for (let from = 0; from < sorted.length;) {
    let end = from + 1;
    while (end < sorted.length && sorted[end] === sorted[from]) end += 1;
    distinct[count] = sorted[from]!;
    rankOf[count] = (from + end + 1) / 2;
    count += 1;
    from = end;
  }
  const result = new Float64Array(values.length);
  for (let index = 0; index < values.length; index += 1) {
    result[index] = rankOf[placeOf(distinct, count, values[index]!)]!;
  }
  return result;
}

/** Place of a value among the first `count` ascending ones. */
function placeOf(sorted: Float64Array, count: number, value: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
