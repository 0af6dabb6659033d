import type { TokenRecord } from '../core/tokens.ts';
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
import type { SpanRecord, SpanRole } from './span-record.ts';
import { spanRole } from './span-role.ts';
import { spanCsvReader } from './span-csv.ts';
import { spanListReader, type SpanList } from './span-list.ts';
import { timeMs } from './timestamp.ts';
import type { CsvReader, JsonReader } from './trace-reader.ts';
import { inclusiveUsage } from './usage.ts';

/**
 * Langfuse: the UI's trace download `{trace, observations}`, pages of the public API (`data`), and
 * observation rows of exports in camelCase or snake_case. Only GENERATION and EMBEDDING carry
 * countable usage. Durations are endTime - startTime: `latency` is ms or s by age of the export.
 */
const list: SpanList = {
  title: 'Langfuse export',
  what: 'with Langfuse observations (type GENERATION, SPAN, …, traceId, startTime)',
  recordsIn: observationsIn,
  isRecord: isObservation,
  skip: 'record is not an observation with a start time',
  add: (row, { document, forest, place }) =>
    forest.add(spanOf(row, objectOf(document['trace'])), place),
};

export const langfuse: JsonReader = spanListReader(list);

/** The same rows from a batch or blob-storage export, as CSV. */
export const langfuseCsv: CsvReader = spanCsvReader(list, [
  ['traceId', 'trace_id'],
  ['type'],
  ['startTime', 'start_time'],
]);

function spanOf(row: JsonObject, trace: JsonObject): SpanRecord {
  const field = (camel: string): unknown => row[camel] ?? row[snakeCase(camel)];
  const startMs = timeMs(field('startTime'))!;
  const endMs = timeMs(field('endTime'));
  const firstMs = timeMs(field('completionStartTime'));
  const name = textOf(row['name']) ?? '';
  const type = textOf(row['type']);
  const role = roleOf(type, name, row);
  const tokens = role === 'tool' ? undefined : usageOf(row);
  const costUsd = recordedCost(
    objectOf(unpackJson(field('costDetails')))['total'],
    field('totalCost'),
    field('calculatedTotalCost'),
  );
  return {
    traceId: textOf(field('traceId')) ?? textOf(trace['id']) ?? '',
    spanId: textOf(row['id']) ?? '',
    parentId: textOf(field('parentObservationId')),
    name,
    role,
    startMs,
    endMs: endMs === undefined || endMs < startMs ? undefined : endMs,
    session: textOf(field('sessionId')) ?? textOf(trace['sessionId']),
    user: textOf(field('userId')) ?? textOf(trace['userId']),
    isAgent: type === 'AGENT' || undefined,
    agent: type === 'AGENT' ? name : undefined,
    error: row['level'] === 'ERROR' ? 'error' : undefined,
    tool: role === 'tool' ? name.replace(/^(?:tool\.|execute_tool )/, '') : undefined,
    llm:
      role === 'group' && tokens === undefined
        ? undefined
        : {
            model: textOf(field('model')) ?? textOf(field('providedModelName')),
            tokens,
            details: costUsd === undefined ? undefined : { costUsd },
            ttftMs: firstMs === undefined || firstMs < startMs ? undefined : firstMs - startMs,
            streamed: firstMs === undefined ? undefined : true,
            aggregateOnly: role === 'group' || undefined,
          },
  };
}

function roleOf(type: string | undefined, name: string, row: JsonObject): SpanRole {
  const known = TYPE_ROLES[type ?? ''];
  if (known !== undefined) return known;
  if (/^(?:tool\.|execute_tool )/.test(name)) return 'tool';
  // Observations ingested from OTel keep their span attributes.
  const attributes = objectOf(objectOf(unpackJson(row['metadata']))['attributes']);
  const role = spanRole(name, attributes);
  return role === 'tool' || role === 'read' || role === 'write' ? role : 'group';
}

/**
 * `usageDetails`: on newer rows the buckets are disjoint (all `input*` add up), on older ones
 * `input` and `output` are inclusive; the total decides. Without it inputUsage and outputUsage.
 */
function usageOf(row: JsonObject): TokenRecord | undefined {
  const details = objectOf(unpackJson(row['usageDetails'] ?? row['usage_details']));
  const pick = (names: readonly string[]): number | undefined =>
    names.map((name) => amountOf(details[name])).find((value) => value !== undefined);
  const cacheRead = pick(CACHE_READ);
  const cacheWrite5m = pick(CACHE_WRITE);
  const reasoning = pick(REASONING);
  const inputs = sumOf(details, 'input');
  const outputs = sumOf(details, 'output');
  const input = amountOf(details['input']);
  const output = amountOf(details['output']);
  const total = amountOf(details['total']);
  if (input !== undefined || output !== undefined) {
    if ((input ?? 0) + (output ?? 0) + inputs + outputs === 0) return undefined;
    // Disjoint buckets: their sum is the inclusive count. `prompt_details.*` stand inside `input`.
    const areDisjoint = total === undefined || inputs + outputs === total;
    const inclusive = areDisjoint ? { input: inputs, output: outputs } : { input, output };
    return inclusiveUsage({ ...inclusive, cacheRead, cacheWrite5m, reasoning });
  }
  const plain = objectOf(row['usage']);
  const fallback = {
    input: amountOf(
      row['inputUsage'] ?? row['input_usage'] ?? plain['input'] ?? row['promptTokens'],
    ),
    output: amountOf(
      row['outputUsage'] ?? row['output_usage'] ?? plain['output'] ?? row['completionTokens'],
    ),
  };
  return (fallback.input ?? 0) + (fallback.output ?? 0) === 0
    ? undefined
    : inclusiveUsage(fallback);
}

function sumOf(details: JsonObject, prefix: string): number {
  let sum = 0;
  for (const [key, value] of Object.entries(details)) {
    if (key === prefix || key.startsWith(`${prefix}_`)) sum += amountOf(value) ?? 0;
  }
  return sum;
}

function observationsIn(record: JsonObject): readonly unknown[] {
  if (Array.isArray(record['observations'])) return listOf(record['observations']);
  return Array.isArray(record['data']) ? listOf(record['data']) : [record];
}

function isObservation(row: unknown): row is JsonObject {
  return (
    isObject(row) &&
    OBSERVATION_TYPES.has(row['type'] as string) &&
    timeMs(row['startTime'] ?? row['start_time']) !== undefined
  );
}

function snakeCase(camel: string): string {
  return camel.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const TYPE_ROLES: Readonly<Record<string, SpanRole>> = {
  GENERATION: 'llm',
  EMBEDDING: 'embedding',
  TOOL: 'tool',
  RETRIEVER: 'read',
  AGENT: 'group',
  EVENT: 'none',
};
const OBSERVATION_TYPES = new Set([
  ...Object.keys(TYPE_ROLES),
  'SPAN',
  'CHAIN',
  'EVALUATOR',
  'GUARDRAIL',
]);
const CACHE_READ = [
  'input_cache_read',
  'input_cached_tokens',
  'input_cache_read_input_tokens',
  'cache_read_input_tokens',
  'prompt_details.cache_read',
  'prompt_details.cached_tokens',
];
const CACHE_WRITE = [
  'input_cache_creation',
  'input_cache_write',
  'input_cache_creation_input_tokens',
  'cache_creation_input_tokens',
];
const REASONING = [
  'output_reasoning',
  'output_reasoning_tokens',
  'completion_details.reasoning',
  'completion_details.reasoning_tokens',
];
