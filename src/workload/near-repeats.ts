import type { AskPrint } from '../core/trace.ts';
import type { AskRepeats } from './repeats.ts';

/** Shares of trigrams in common from which messages count as near duplicates. */
const NEAR = 0.8;
const LOOSE = 0.5;
/** A trigram of more texts than this (a signature, a template) leads to no further candidates. */
const MOST_TEXTS_PER_SHINGLE = 512;

/** One distinct text. */
interface Known {
  readonly shingles: Uint32Array;
  /** What stood before it, each time it was asked. */
  readonly before: Set<number | undefined>;
}

/**
 * Compares each message with all before it. Candidates come from an index over part of each
 * message's trigrams (prefix filter, Bayardo et al. 2007): sets that share half of their members
 * share one of the first half plus one in any common order, so none is missed.
 */
export function nearRepeats(asks: readonly AskPrint[]): AskRepeats {
  const counts = {
    count: asks.length,
    exact: 0,
    near80: 0,
    near50: 0,
    sameState: 0,
    otherState: 0,
    unknownState: 0,
  };
  const byText = new Map<number, Known>();
  const index = new Map<number, Known[]>();
  for (const { text, shingles, before } of asks) {
    const same = byText.get(text);
    const { share, match } =
      same === undefined ? closest(shingles, index) : { share: 1, match: same };
    if (same !== undefined) counts.exact += 1;
    if (share >= LOOSE) counts.near50 += 1;
    if (share >= NEAR) {
      counts.near80 += 1;
      counts[stateOf(before, match!)] += 1;
    }
    if (same !== undefined) {
      same.before.add(before);
      continue;
    }
    const known = { shingles, before: new Set([before]) };
    byText.set(text, known);
    enter(known, index);
  }
  return counts;
}

function stateOf(
  before: number | undefined,
  match: Known,
): 'sameState' | 'otherState' | 'unknownState' {
  if (before === undefined) return 'unknownState';
  if (match.before.has(before)) return 'sameState';
  return match.before.has(undefined) ? 'unknownState' : 'otherState';
}

function closest(
  shingles: Uint32Array,
  index: ReadonlyMap<number, readonly Known[]>,
): { readonly share: number; readonly match: Known | undefined } {
  let share = 0;
  let match: Known | undefined;
  const tried = new Set<Known>();
  for (const hash of indexed(shingles)) {
    for (const known of index.get(hash) ?? []) {
      if (tried.has(known)) continue;
      tried.add(known);
      const own = jaccard(shingles, known.shingles);
      if (own <= share) continue;
      share = own;
      match = known;
    }
  }
  return { share, match };
}

function enter(known: Known, index: Map<number, Known[]>): void {
  for (const hash of indexed(known.shingles)) {
    const list = index.get(hash);
    if (list === undefined) index.set(hash, [known]);
    else if (list.length < MOST_TEXTS_PER_SHINGLE) list.push(known);
  }
}

/** The first of n members that two sets with half in common cannot both lack. */
function indexed(shingles: Uint32Array): Uint32Array {
  return shingles.subarray(0, Math.floor((1 - LOOSE) * shingles.length) + 1);
}

/** Members in common over all members; of ascending bottom-k sketches, over the k smallest of both. */
function jaccard(a: Uint32Array, b: Uint32Array): number {
  const limit = Math.max(a.length, b.length);
  // Sketches cut at k stand for longer sets: beyond the k smallest of both, nothing is known.
  const isCut = limit >= SKETCH_SIZE;
  let [i, j, common, union] = [0, 0, 0, 0];
  while (i < a.length || j < b.length) {
    if (isCut && union === limit) break;
    const [x, y] = [a[i] ?? Number.POSITIVE_INFINITY, b[j] ?? Number.POSITIVE_INFINITY];
    if (x === y) common += 1;
    if (x <= y) i += 1;
    if (y <= x) j += 1;
    union += 1;
  }
  return union === 0 ? 0 : common / union;
}

/** Length of a sketch that may have been cut (traces/ask-print.ts). */
const SKETCH_SIZE = 64;
