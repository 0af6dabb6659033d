import { tokensOf } from './block-uses.ts';
import { NO_SESSION } from './prefix-log.ts';
import type { PrefixLog } from './prefix-log.ts';

/**
 * Tokens of leading blocks that the same session had sent before: what a cache would serve that
 * other sessions cannot fill. Session by session, so that a mark per block is enough.
 * @returns null when calls belong to no session
 */
export function ownHits(log: PrefixLog): number | null {
  const lastSession = new Float64Array(log.uniqueBlocks).fill(NO_SESSION);
  let tokens = 0;
  for (const call of log.replay('session')) {
    const { blocks, session } = call;
    if (session === NO_SESSION) return null;
    let run = 0;
    while (run < blocks.length && lastSession[blocks[run]!] === session) run += 1;
    tokens += tokensOf(call, run);
    for (const block of blocks) lastSession[block] = session;
  }
  return tokens;
}
