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

/** Mean ranks from 1: sorting numbers and searching them is much faster than sorting indexes. */
function ranks(values: Float64Array): Float64Array {
  const sorted = values.toSorted();
  const result = new Float64Array(values.length);
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index]!;
    result[index] = (countBelow(sorted, value, false) + countBelow(sorted, value, true) + 1) / 2;
  }
  return result;
}

/** Sorted values below `value`, or up to and including it. */
function countBelow(sorted: Float64Array, value: number, isInclusive: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const isBelow = isInclusive ? sorted[middle]! <= value : sorted[middle]! < value;
    if (isBelow) low = middle + 1;
    else high = middle;
  }
  return low;
}
