import { cacheWriteTokens } from '../core/tokens.ts';
import type { LlmCall } from '../core/trace.ts';
import type { CallRow } from './call-table.ts';
import { textHash, untimedKey } from './order-key.ts';
import type { OrderKey } from './order-key.ts';

type Writable = { -readonly [Field in keyof CallRow]: CallRow[Field] };

export function emptyRow(): Writable {
  return {
    key: 0,
    durationMs: Number.NaN,
    ttftMs: Number.NaN,
    uncached: Number.NaN,
    cacheRead: Number.NaN,
    cacheWrite: Number.NaN,
    output: Number.NaN,
    reasoning: Number.NaN,
  };
}

/**
 * Writes a call's figures into a row.
 * @param key undefined for a bare call without time: its figures choose its place
 */
export function fillRow(row: Writable, call: LlmCall, key: OrderKey | undefined): void {
  const { tokens, tokensBasis } = call;
  const isKnown = tokensBasis !== 'missing';
  row.durationMs = call.endMs === undefined ? Number.NaN : call.endMs - call.startMs;
  row.ttftMs = call.ttftMs ?? Number.NaN;
  row.uncached = isKnown ? tokens.uncached : Number.NaN;
  row.cacheRead = isKnown ? tokens.cacheRead : Number.NaN;
  row.cacheWrite = isKnown ? cacheWriteTokens(tokens) : Number.NaN;
  row.output = isKnown ? tokens.output : Number.NaN;
  row.reasoning = isKnown ? tokens.reasoning : Number.NaN;
  row.key = key ?? keyOf(row);
}

/** Equal figures give equal keys, and different ones stand in an order that means nothing. */
function keyOf({ key: _none, ...figures }: CallRow): OrderKey {
  return untimedKey(textHash(Object.values(figures).join(' ')), 0);
}
