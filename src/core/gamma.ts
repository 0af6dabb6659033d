import { logGamma } from './statistics.ts';

/** Functions of the gamma family that fitting and testing gamma distributions needs. */

/** Regularised lower incomplete gamma function P(a, x): series below a + 1, continued fraction above (both to 1e-14). */
export function regularisedGamma(a: number, x: number): number {
  if (x <= 0) return 0;
  if (x === Number.POSITIVE_INFINITY) return 1;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  return x < a + 1 ? front * series(a, x) : 1 - front * fraction(a, x);
}

/** Derivative of logGamma: recurrence up to 10, then the asymptotic series (error below 1e-12). */
export function digamma(x: number): number {
  let value = 0;
  let z = x;
  for (; z < 10; z += 1) value -= 1 / z;
  const q = 1 / (z * z);
  return (
    value +
    Math.log(z) -
    0.5 / z -
    q * (1 / 12 - q * (1 / 120 - q * (1 / 252 - q * (1 / 240 - q / 132))))
  );
}

/** Derivative of digamma, the same way. */
export function trigamma(x: number): number {
  let value = 0;
  let z = x;
  for (; z < 10; z += 1) value += 1 / (z * z);
  const q = 1 / (z * z);
  return (
    value +
    1 / z +
    q / 2 +
    (q / z) * (1 / 6 - q * (1 / 30 - q * (1 / 42 - q * (1 / 30 - (q * 5) / 66))))
  );
}

const MOST_TERMS = 10_000;

function series(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < MOST_TERMS && term > sum * 1e-16; n += 1) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

/** Lentz's method for the upper tail. */
function fraction(a: number, x: number): number {
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let result = d;
  for (let n = 1; n < MOST_TERMS; n += 1) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / (Math.abs(an * d + b) < tiny ? tiny : an * d + b);
    c = b + an / c;
    if (Math.abs(c) < tiny) c = tiny;
    const step = d * c;
    result *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return result;
}
