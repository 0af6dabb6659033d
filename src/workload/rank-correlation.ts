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

function ranks(values: Float64Array): Float64Array {
  const order = Uint32Array.from(values.keys()).sort((x, y) => values[x]! - values[y]!);
  const result = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end += 1;
    for (let index = start; index < end; index += 1) result[order[index]!] = (start + 1 + end) / 2;
    start = end;
  }
  return result;
}
