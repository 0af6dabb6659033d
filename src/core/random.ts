/**
 * Seeded randomness, one named stream per purpose: adding a draw in one place does not shift the
 * draws of another. The generator is sfc32 (Chris Doty-Humphrey, PractRand), seeded from text by
 * the xmur3 hash; both are checked against a second implementation in exact integers in the tests.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;
  #spareNormal: number | undefined;

  constructor(seed: string | number) {
    const hash = xmur3(String(seed));
    this.#a = hash();
    this.#b = hash();
    this.#c = hash();
    this.#counter = 1;
    // The first outputs still show the seed's structure; 15 rounds mix it (PractRand's advice is 12 or more).
    for (let round = 0; round < 15; round += 1) this.uint32();
  }

  /** Uniform integer in [0, 2^32). */
  uint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + sum) | 0;
    return sum >>> 0;
  }

  /** Uniform in [0, 1) with 53 bits. */
  uniform(): number {
    return ((this.uint32() >>> 5) * 67_108_864 + (this.uint32() >>> 6)) / 9_007_199_254_740_992;
  }

  /** Uniform integer in [0, bound). */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** Exponential with the given mean. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.uniform());
  }

  /** Standard normal (Marsaglia's polar method). */
  normal(): number {
    if (this.#spareNormal !== undefined) {
      const spare = this.#spareNormal;
      this.#spareNormal = undefined;
      return spare;
    }
    for (;;) {
      const x = 2 * this.uniform() - 1;
      const y = 2 * this.uniform() - 1;
      const s = x * x + y * y;
      if (s >= 1 || s === 0) continue;
      const factor = Math.sqrt((-2 * Math.log(s)) / s);
      this.#spareNormal = y * factor;
      return x * factor;
    }
  }

  /** Log-normal given the mean and standard deviation of the underlying normal. */
  logNormal(mu: number, sigma: number): number {
    return Math.exp(mu + sigma * this.normal());
  }

  /** Gamma with shape k and scale theta, mean k*theta (Marsaglia and Tsang 2000). */
  gamma(shape: number, scale: number): number {
    // The rejection loop below would never end on these.
    if (!(shape > 0) || shape === Number.POSITIVE_INFINITY) {
      throw new RangeError('Random.gamma: the shape must be positive and finite');
    }
    if (shape < 1) {
      return this.gamma(shape + 1, scale) * (1 - this.uniform()) ** (1 / shape);
    }
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v <= 0) continue;
      const u = 1 - this.uniform();
      if (Math.log(u) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v * scale;
    }
  }

  /** One element, uniformly. The list must not be empty. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('Random.pick: empty list');
    return items[this.integer(items.length)]!;
  }
}

export type RandomStreams = (name: string) => Random;

/** A family of independent streams: the same seed and name always give the same draws. */
export function randomStreams(seed: string | number): RandomStreams {
  return (name) => new Random(`${seed}/${name}`);
}

function xmur3(text: string): () => number {
  let hash = 1_779_033_703 ^ text.length;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 3_432_918_353);
    hash = (hash << 13) | (hash >>> 19);
  }
  return () => {
    hash = Math.imul(hash ^ (hash >>> 16), 2_246_822_507);
    hash = Math.imul(hash ^ (hash >>> 13), 3_266_489_909);
    hash ^= hash >>> 16;
    return hash >>> 0;
  };
}
