import {
  amountOf,
  isObject,
  listOf,
  objectOf,
  textOf,
  unpackJson,
  type JsonObject,
} from './json-value.ts';
import { recordedCost } from './recorded-cost.ts';
import { loggedCall } from './request-log.ts';
import { timeMs } from './timestamp.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';
import { inclusiveUsage } from './usage.ts';

/**
 * Helicone exports (`@helicone/export`, JSON and JSON lines). Counting follows the provider; cached
 * tokens above the prompt's count say that it excludes them. `request_id` is the key.
 */
export const helicone: JsonReader = {
  kind: 'json',
  title: 'Helicone export',
  mismatch: (sample: Sample) =>
    needsRecord(sample, 'with request_id and request_created_at', isRow),
  open: (tally: Tally) => new HeliconeFold(tally),
};

class HeliconeFold implements JsonFold {
  readonly #tally: Tally;
  readonly #seen = new Set<string>();

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  value(row: unknown, place: Place): void {
    this.#tally.read();
    const startMs = isRow(row) ? timeMs(row['request_created_at']) : undefined;
    if (!isRow(row) || startMs === undefined) {
      this.#tally.skip('row lacks request_id or request_created_at', place);
      return;
    }
    const id = textOf(row['request_id'])!;
    if (this.#seen.has(id)) {
      this.#tally.duplicate('request_id was already counted');
      return;
    }
    this.#seen.add(id);
    this.#tally.claim('request', id);
    if (row['_type'] === 'tool' || objectOf(unpackJson(row['request_body']))['_type'] === 'tool') {
      this.#tally.skip('tool log, not an LLM call', place);
      return;
    }
    if (textOf(row['cache_reference_id']) !== undefined && row['cache_reference_id'] !== NO_CACHE) {
      this.#tally.skip("answered from the gateway's cache, no provider call", place);
      return;
    }
    this.#tally.used();
    const status = amountOf(row['response_status']);
    const delayMs = amountOf(row['delay_ms']);
    this.#tally.call(
      loggedCall({
        startMs,
        endMs: delayMs === undefined ? timeMs(row['response_created_at']) : startMs + delayMs,
        model: textOf(row['model']),
        provider: textOf(row['provider']),
        tokens: usageOf(row),
        ttftMs: amountOf(row['time_to_first_token']),
        status,
        error: status !== undefined && (status < 200 || status >= 400) ? String(status) : undefined,
        finishReason: finishReason(row),
        details: {
          client: textOf(row['request_user_id']),
          costUsd: recordedCost(row['costUSD'], row['cost']),
        },
      }),
    );
  }

  end(): void {}
}

function usageOf(row: JsonObject): ReturnType<typeof inclusiveUsage> | undefined {
  const input = amountOf(row['prompt_tokens']);
  const output = amountOf(row['completion_tokens']);
  if ((input ?? 0) + (output ?? 0) === 0) return undefined;
  return inclusiveUsage({
    input,
    cacheRead: amountOf(row['prompt_cache_read_tokens']),
    cacheWrite5m: amountOf(row['prompt_cache_write_tokens']),
    output,
    total: amountOf(row['total_tokens']),
  });
}

function finishReason(row: JsonObject): string | undefined {
  const body = objectOf(unpackJson(row['response_body']));
  return (
    textOf(objectOf(listOf(body['choices'])[0])['finish_reason']) ?? textOf(body['stop_reason'])
  );
}

function isRow(row: unknown): row is JsonObject {
  return (
    isObject(row) &&
    textOf(row['request_id']) !== undefined &&
    row['request_created_at'] !== undefined
  );
}

/** Helicone's cache_reference_id of a request that missed its cache. */
const NO_CACHE = '00000000-0000-0000-0000-000000000000';
