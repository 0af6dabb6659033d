import type { UsageBucket } from '../core/trace.ts';
import { anthropicUsage } from './claude-session.ts';
import { amountOf, isObject, listOf, textOf, type JsonObject } from './json-value.ts';
import { timeMs } from './timestamp.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';
import { cacheWrites, exclusiveUsage, inclusiveUsage } from './usage.ts';

/**
 * Usage exports of the providers themselves: OpenAI `/v1/organization/usage/completions`
 * (input includes cached) and Anthropic `/v1/organizations/usage_report/messages` (parts disjoint,
 * requests not counted). Totals per window: they give peaks and reconciliation, never single calls.
 */
export const providerUsage: JsonReader = {
  kind: 'json',
  title: 'OpenAI or Anthropic usage export',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      'with data of buckets that have results',
      (record) => isObject(record) && bucketsIn(record).some(isBucket),
    ),
  open: (tally: Tally) => new UsageFold(tally),
};

class UsageFold implements JsonFold {
  readonly #tally: Tally;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  value(value: unknown, place: Place): void {
    for (const bucket of isObject(value) ? bucketsIn(value) : [value]) {
      if (isObject(bucket) && isBucket(bucket)) this.#bucket(bucket, place);
      else {
        this.#tally.read();
        this.#tally.skip('record is not a usage bucket', place);
      }
    }
  }

  end(): void {}

  #bucket(bucket: JsonObject, place: Place): void {
    const startMs = timeMs(bucket['start_time'] ?? bucket['starting_at'], 's');
    const endMs = timeMs(bucket['end_time'] ?? bucket['ending_at'], 's');
    for (const result of listOf(bucket['results'])) {
      this.#tally.read();
      const tokens = isObject(result) ? tokensOf(result) : undefined;
      if (
        !isObject(result) ||
        tokens === undefined ||
        startMs === undefined ||
        endMs === undefined
      ) {
        this.#tally.skip('result has no token counts or no window', place);
        continue;
      }
      const requests = amountOf(result['num_model_requests']);
      this.#tally.bucket(
        {
          startMs,
          endMs,
          model: textOf(result['model']),
          client: clientOf(result),
          tokens,
          requests,
        },
        place,
      );
    }
  }
}

function clientOf(result: JsonObject): string | undefined {
  return (
    textOf(result['api_key_id']) ?? textOf(result['project_id']) ?? textOf(result['workspace_id'])
  );
}

function tokensOf(result: JsonObject): UsageBucket['tokens'] | undefined {
  if (result['uncached_input_tokens'] !== undefined) {
    const split = isObject(result['cache_creation']) ? result['cache_creation'] : result;
    return exclusiveUsage({
      input: amountOf(result['uncached_input_tokens']),
      cacheRead: amountOf(result['cache_read_input_tokens']),
      ...cacheWrites(undefined, {
        fiveMinutes: amountOf(split['ephemeral_5m_input_tokens'] ?? split['cache_creation_5m']),
        oneHour: amountOf(split['ephemeral_1h_input_tokens'] ?? split['cache_creation_1h']),
      }),
      output: amountOf(result['output_tokens']),
    });
  }
  if (result['input_tokens'] === undefined) return undefined;
  if (result['num_model_requests'] === undefined) return anthropicUsage(result);
  return inclusiveUsage({
    input: amountOf(result['input_tokens']),
    cacheRead: amountOf(result['input_cached_tokens']),
    output: amountOf(result['output_tokens']),
  });
}

function bucketsIn(record: JsonObject): readonly unknown[] {
  return Array.isArray(record['data']) ? listOf(record['data']) : [record];
}

function isBucket(bucket: unknown): boolean {
  return (
    isObject(bucket) &&
    Array.isArray(bucket['results']) &&
    (bucket['start_time'] !== undefined || bucket['starting_at'] !== undefined)
  );
}
