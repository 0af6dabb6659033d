import type { LlmCall } from '../core/trace.ts';
import { rowCall } from './azure-llm-csv.ts';
import { amountOf, isObject, type JsonObject } from './json-value.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';

/** Tokens per prefix block of the Mooncake traces (FAST'25, README): the last block is partial. */
const MOONCAKE_BLOCK_TOKENS = 512;

/**
 * Mooncake JSON lines: `{timestamp (ms from the start), input_length, output_length, hash_ids}`.
 * The ids are prefix-chained and hold for the whole file. No sessions, no durations.
 */
export const mooncake: JsonReader = {
  kind: 'json',
  title: 'Mooncake JSON lines',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      'with timestamp, input_length and output_length (and no chat_id)',
      (record) => isObject(record) && isLengthRow(record) && record['chat_id'] === undefined,
    ),
  open: (tally: Tally) => new MooncakeRows(tally),
};

class MooncakeRows implements JsonFold {
  readonly #tally: Tally;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  value(value: unknown, place: Place): void {
    this.#tally.read();
    const call = isObject(value)
      ? lengthRowCall(value, { msPerUnit: 1, blockTokens: MOONCAKE_BLOCK_TOKENS })
      : undefined;
    if (call === undefined) {
      this.#tally.skip('row lacks timestamp, input_length or output_length', place);
      return;
    }
    this.#tally.used();
    this.#tally.call(call);
  }

  end(): void {}
}

/** Whether the row is of the Mooncake family: arrival, lengths, prefix blocks. */
export function isLengthRow(row: JsonObject): boolean {
  return (
    amountOf(row['timestamp']) !== undefined &&
    amountOf(row['input_length']) !== undefined &&
    amountOf(row['output_length']) !== undefined
  );
}

/** A row of the Mooncake family as a call. */
export function lengthRowCall(
  row: JsonObject,
  { msPerUnit, blockTokens }: { readonly msPerUnit: number; readonly blockTokens: number },
): LlmCall | undefined {
  if (!isLengthRow(row)) return undefined;
  const call = rowCall(
    amountOf(row['timestamp'])! * msPerUnit,
    amountOf(row['input_length'])!,
    amountOf(row['output_length'])!,
  );
  const ids = row['hash_ids'];
  if (!Array.isArray(ids)) return call;
  const prefix = { blockTokens, ids: ids as readonly (number | string)[], scope: 'trace' } as const;
  return { ...call, prefix };
}
