import type { Session } from '../core/trace.ts';
import { US_PER_MS } from '../core/units.ts';

/**
 * Where a value stands in the order of its trace, as one number, so that a figure does not depend
 * on the order in which records came or on how they were split over shards.
 * - With a time: whole microseconds since the epoch, from -2^52 (year 1827) up.
 * - Without one (times relative to each session, no time): below -2^52; values of one session
 *   stand together in their own order, sessions in an order drawn from their ids.
 */
export type OrderKey = number;

const FIRST_TIME = -(2 ** 52);
const LAST_TIME = 2 ** 53;
const FIRST_UNTIMED = -(2 ** 53);
/** Values of one untimed session that keep their order; 2^32 sessions times this is 2^52. */
const PLACES = 2 ** 20;

/** @param ms finite, since the epoch. Doubles hold it to a quarter of a microsecond; rounding removes that noise. */
export function timeKey(ms: number): OrderKey {
  return Math.min(LAST_TIME, Math.max(FIRST_TIME, Math.round(ms * US_PER_MS)));
}

/** @param group of the session, in [0, 2^32) */
export function untimedKey(group: number, place: number): OrderKey {
  return FIRST_UNTIMED + group * PLACES + Math.min(place, PLACES - 1);
}

export function isTimed(key: OrderKey): boolean {
  return key >= FIRST_TIME;
}

/** Milliseconds since the epoch; NaN without a time. */
export function keyMs(key: OrderKey): number {
  return isTimed(key) ? key / US_PER_MS : Number.NaN;
}

/** Share in [0, 1) of the way through the untimed keys. */
export function untimedShare(key: OrderKey): number {
  return (key - FIRST_UNTIMED) / -FIRST_TIME;
}

/** Gives the keys of a session's values, which are asked for in the session's own order. */
export function sessionOrder(session: Session): (startMs: number) => OrderKey {
  const hasClock = session.relativeTime !== true;
  const group = textHash(session.id);
  let place = 0;
  return (startMs) =>
    hasClock && Number.isFinite(startMs) ? timeKey(startMs) : untimedKey(group, place++);
}

/** FNV-1a over UTF-16 units with a final mix (murmur3's): spreads names evenly over [0, 2^32). */
export function textHash(text: string): number {
  let hash = 2_166_136_261;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 16_777_619);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 2_246_822_507);
  hash = Math.imul(hash ^ (hash >>> 13), 3_266_489_909);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * The rows in the order of their keys.
 * @param tie compares two rows of one key; rows that it finds equal must be interchangeable
 */
export function inOrder(
  keys: Float64Array,
  tie: (a: number, b: number) => number,
): Uint32Array<ArrayBuffer> {
  const order = new Uint32Array(keys.length);
  for (let index = 0; index < order.length; index += 1) order[index] = index;
  if (!isAscending(keys)) return order.sort((a, b) => keys[a]! - keys[b]! || tie(a, b));
  // Mostly the input is in order: only rows of one instant are left to arrange.
  let start = 0;
  for (let end = 1; end <= keys.length; end += 1) {
    if (end < keys.length && keys[end] === keys[start]) continue;
    if (end - start > 1) order.subarray(start, end).sort(tie);
    start = end;
  }
  return order;
}

function isAscending(keys: Float64Array): boolean {
  for (let index = 1; index < keys.length; index += 1) {
    if (keys[index]! < keys[index - 1]!) return false;
  }
  return true;
}
