import type { TokenRecord } from '../core/tokens.ts';
import { amountOf, isObject, objectOf, textOf, unpackJson, type JsonObject } from './json-value.ts';
import { recordedCost } from './recorded-cost.ts';
import { firstTokenMs, loggedCall } from './request-log.ts';
import { responseUsage } from './response-usage.ts';
import { timeMs } from './timestamp.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';
import { inclusiveUsage } from './usage.ts';

/**
 * LiteLLM SpendLogs rows (also `{data: [...]}` pages) and standard logging payloads (unix seconds).
 * `prompt_tokens` includes cache reads and writes; retries and fallbacks are rows of their own;
 * `request_id` is the key. A row answered from LiteLLM's own cache never reached a provider.
 */
export const litellm: JsonReader = {
  kind: 'json',
  title: 'LiteLLM spend logs',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      'with call_type, prompt_tokens and startTime',
      (record) => isObject(record) && rowsIn(record).some(isRow),
    ),
  open: (tally: Tally) => new LitellmFold(tally),
};

class LitellmFold implements JsonFold {
  readonly #tally: Tally;
  readonly #seen = new Set<string>();

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  value(value: unknown, place: Place): void {
    for (const row of isObject(value) ? rowsIn(value) : [value]) this.#row(row, place);
  }

  end(): void {}

  #row(row: unknown, place: Place): void {
    this.#tally.read();
    const startMs = isRow(row) ? timeMs(row['startTime'], 's') : undefined;
    if (!isRow(row) || startMs === undefined) {
      this.#tally.skip('row lacks call_type or startTime', place);
      return;
    }
    const id = textOf(row['request_id']) ?? textOf(row['id']);
    const callType = textOf(row['call_type'])!;
    if (id !== undefined && this.#seen.has(id)) {
      this.#tally.duplicate('request_id was already counted');
    } else if (String(row['cache_hit']).toLowerCase() === 'true') {
      this.#tally.skip("answered from the gateway's cache, no provider call", place);
    } else if (/mcp|image|speech|transcription|rerank/.test(callType)) {
      this.#tally.skip(`${callType} is not an LLM call`, place);
    } else {
      this.#tally.used();
      this.#tally.call(
        loggedCall({
          startMs,
          endMs: timeMs(row['endTime'], 's'),
          model: textOf(row['model']) ?? textOf(row['model_group']),
          provider: textOf(row['custom_llm_provider']),
          operation: callType.includes('embedding') ? 'embedding' : 'chat',
          tokens: usageOf(row),
          ttftMs: timeToFirst(row, startMs),
          error: row['status'] === 'failure' ? 'failure' : undefined,
          agent: textOf(row['agent_id']),
          details: {
            client:
              textOf(row['end_user']) || textOf(row['user']) || textOf(row['api_key']) || undefined,
            route: textOf(row['model_id']),
            costUsd: recordedCost(row['spend'], row['response_cost']),
          },
        }),
      );
    }
    if (id === undefined) return;
    this.#seen.add(id);
    this.#tally.claim('request', id);
  }
}

function usageOf(row: JsonObject): TokenRecord | undefined {
  const usage = responseUsage(objectOf(unpackJson(row['metadata']))['usage_object']);
  if (usage !== undefined) return usage;
  const input = amountOf(row['prompt_tokens']);
  const output = amountOf(row['completion_tokens']);
  return (input ?? 0) + (output ?? 0) === 0 ? undefined : inclusiveUsage({ input, output });
}

/** LiteLLM writes completionStartTime = endTime for calls that were not streamed. */
function timeToFirst(row: JsonObject, startMs: number): number | undefined {
  const firstMs = timeMs(row['completionStartTime'], 's');
  return firstMs === timeMs(row['endTime'], 's') ? undefined : firstTokenMs(startMs, firstMs);
}

function rowsIn(record: JsonObject): readonly unknown[] {
  return Array.isArray(record['data']) ? (record['data'] as readonly unknown[]) : [record];
}

function isRow(row: unknown): row is JsonObject {
  return isObject(row) && textOf(row['call_type']) !== undefined && row['startTime'] !== undefined;
}
