import { createHmac, randomBytes } from 'node:crypto';

/**
 * A key per process, never stored: equal calls of one run get equal hashes, and nobody can guess
 * short arguments from a hash afterwards.
 */
const key = randomBytes(32);

/** 64-bit keyed hash of a tool's name and arguments. */
export function argumentsHash(name: string, args: unknown): string | undefined {
  if (args === undefined || args === null) return undefined;
  const text = typeof args === 'string' ? args : JSON.stringify(args);
  return createHmac('sha256', key).update(`${name}\0${text}`).digest('hex').slice(0, 16);
}
