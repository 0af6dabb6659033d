import {
  amountOf,
  isObject,
  listOf,
  objectOf,
  textOf,
  unpackJson,
  type JsonObject,
} from './json-value.ts';
import { hexId } from './otlp-value.ts';
import { readAttributes } from './span-attributes.ts';
import { spanListReader, type SpanListContext } from './span-list.ts';
import { timeMs } from './timestamp.ts';
import type { JsonReader } from './trace-reader.ts';

/**
 * Jaeger's JSON (`/api/traces`, UI download): `{data: [{traceID, spans, processes}]}` or single
 * traces. Times are microseconds, lists stand as JSON text, parents are CHILD_OF references.
 */
export const jaeger: JsonReader = spanListReader({
  title: 'Jaeger JSON',
  what: 'with Jaeger spans (traceID and operationName)',
  recordsIn: tracesIn,
  isRecord: isTrace,
  skip: 'record is not a Jaeger trace',
  add: addTrace,
});

function addTrace(trace: JsonObject, { forest, place, tally }: SpanListContext): void {
  const processes = objectOf(trace['processes']);
  for (const span of listOf(trace['spans'])) {
    const startMs = isObject(span) ? timeMs(span['startTime'], 'us') : undefined;
    const spanId = isObject(span) ? hexId(span['spanID']) : undefined;
    if (!isObject(span) || startMs === undefined || spanId === undefined) {
      tally.read();
      tally.skip('span lacks an id or a start time', place);
      continue;
    }
    const name = textOf(span['operationName']) ?? '';
    const attributes = tagsOf(span['tags']);
    const failed =
      attributes['error'] === true ||
      attributes['error'] === 'true' ||
      attributes['otel.status_code'] === 'ERROR';
    const durationUs = amountOf(span['duration']);
    const process = objectOf(processes[textOf(span['processID']) ?? '']);
    forest.add(
      {
        ...readAttributes(name, attributes, { failed, estimates: tally.estimates }),
        traceId: hexId(span['traceID']) ?? hexId(trace['traceID']) ?? '',
        spanId,
        parentId: parentOf(span),
        service: textOf(process['serviceName']),
        startMs,
        endMs: durationUs === undefined ? undefined : startMs + durationUs / 1000,
      },
      place,
    );
  }
}

function tracesIn(record: JsonObject): readonly unknown[] {
  return Array.isArray(record['data']) ? listOf(record['data']) : [record];
}

function isTrace(trace: unknown): trace is JsonObject {
  if (!isObject(trace) || !Array.isArray(trace['spans'])) return false;
  const [first] = trace['spans'] as readonly unknown[];
  return isObject(first) && first['operationName'] !== undefined && first['traceID'] !== undefined;
}

function tagsOf(tags: unknown): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  for (const tag of listOf(tags)) {
    const { key, value } = objectOf(tag) as { readonly key?: unknown; readonly value?: unknown };
    if (typeof key !== 'string') continue;
    const isList = typeof value === 'string' && value.startsWith('[');
    map[key] = isList ? (unpackJson(value) ?? value) : value;
  }
  return map;
}

function parentOf(span: JsonObject): string | undefined {
  const references = listOf(span['references']).map(objectOf);
  const parent =
    references.find(({ refType }) => refType === 'CHILD_OF') ??
    references.find(({ refType }) => refType === 'FOLLOWS_FROM');
  return hexId(parent?.['spanID']) ?? hexId(span['parentSpanID']);
}
