import type { Random, RandomStreams } from '../core/random.ts';

/** A named stream that is seeded at its first draw: most requests draw from few of theirs. */
export type LazyRandom = () => Random;

/** The stream of that name; the same one at each call. */
export function lazyRandom(streams: RandomStreams, name: string): LazyRandom {
  let random: Random | undefined;
  return () => (random ??= streams(name));
}
