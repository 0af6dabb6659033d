import { randomBytes } from 'node:crypto';

/**
 * Seeds of this process, never stored: equal calls of one run get equal hashes, and a hash says
 * nothing in another run. The hash finds repeats; it is written to no file, so speed decides
 * (an HMAC per tool call costs the transcript reader a tenth of its time).
 */
const random = randomBytes(8);
export const argumentsSeeds = [random.readInt32LE(0), random.readInt32LE(4)] as const;

/** Seeded 64-bit hash (two lanes of MurmurHash3's multipliers) of a tool's name and arguments. */
export function argumentsHash(name: string, args: unknown): string | undefined {
  if (args === undefined || args === null) return undefined;
  const text = typeof args === 'string' ? args : JSON.stringify(args);
  let low = argumentsSeeds[0] ^ name.length;
  let high = argumentsSeeds[1] ^ text.length;
  for (const part of [name, text]) {
    for (let index = 0; index < part.length; index += 1) {
      const code = part.charCodeAt(index);
      low = Math.imul(low ^ code, 0x85ebca6b);
      low ^= low >>> 13;
      high = Math.imul(high ^ code, 0xc2b2ae35);
      high ^= high >>> 15;
    }
  }
  return (low >>> 0).toString(36) + (high >>> 0).toString(36);
}
