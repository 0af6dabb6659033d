import { isObject, listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { hexId } from './otlp-value.ts';
import { isGenAi, readAttributes } from './span-attributes.ts';
import { spanListReader, type SpanListContext } from './span-list.ts';
import { secondsAndNanosMs, timeMs } from './timestamp.ts';
import type { JsonReader } from './trace-reader.ts';

/**
 * Spans with plain attribute maps, as tools dump them: `{trace_id, spans: [...]}` (Exgentic, read
 * by inference-perf), the console exporters of JavaScript (`spanContext`, `[seconds, nanos]`) and
 * Python (`context`, `0x` ids), and bare attribute maps of one call. Times without zone are UTC.
 */
export const spanDump: JsonReader = spanListReader({
  title: 'spans with plain attribute maps (flat dumps, console exporters)',
  what: 'with spans that have an attributes object',
  recordsIn: spansIn,
  isRecord: isSpan,
  skip: 'record is not a span',
  add: addSpan,
});

function addSpan(span: JsonObject, { document, forest, place, tally }: SpanListContext): void {
  const attributes = isObject(span['attributes']) ? span['attributes'] : span;
  const context = objectOf(span['spanContext'] ?? span['context']);
  const startMs = spanTime(span['start_time'] ?? span['startTime']);
  const endMs = spanTime(span['end_time'] ?? span['endTime']);
  const status = objectOf(span['status']);
  const failed = status['code'] === STATUS_ERROR || status['status_code'] === 'ERROR';
  const resource = objectOf(
    span['resource_attributes'] ?? objectOf(span['resource'])['attributes'],
  );
  const name = textOf(span['name']) ?? '';
  // Unnamed spans are told apart by their number in the forest.
  const unnamed = `unnamed ${forest.size + 1}`;
  const facts = readAttributes(name, attributes, { failed, estimates: tally.estimates });
  forest.add(
    {
      ...facts,
      session: facts.session ?? textOf(resource['exgentic.session.id']),
      agent: facts.agent ?? textOf(resource['agent.name']),
      traceId:
        idOf(
          span['trace_id'] ?? context['trace_id'] ?? context['traceId'] ?? document['trace_id'],
        ) ?? unnamed,
      spanId: idOf(span['span_id'] ?? context['span_id'] ?? context['spanId']) ?? unnamed,
      parentId: idOf(
        span['parent_span_id'] ??
          span['parent_id'] ??
          span['parentSpanId'] ??
          objectOf(span['parentSpanContext'])['spanId'],
      ),
      service: textOf(resource['service.name']),
      // A bare attribute map has no times; its call counts, its arrival is unknown.
      startMs: startMs ?? Number.NaN,
      endMs:
        endMs !== undefined && endMs >= (startMs ?? Number.POSITIVE_INFINITY) ? endMs : undefined,
    },
    place,
  );
}

function spansIn(record: JsonObject): readonly unknown[] {
  return Array.isArray(record['spans']) ? listOf(record['spans']) : [record];
}

function isSpan(span: unknown): span is JsonObject {
  if (!isObject(span)) return false;
  if (isObject(span['attributes'])) {
    return (
      span['span_id'] !== undefined ||
      span['spanContext'] !== undefined ||
      span['context'] !== undefined
    );
  }
  return isGenAi(span);
}

function spanTime(value: unknown): number | undefined {
  return secondsAndNanosMs(value) ?? timeMs(value, 'ns');
}

/** Ids in dumps are free text; hex ones are normalised as elsewhere. */
function idOf(id: unknown): string | undefined {
  return typeof id === 'string' && !/^[\da-fx]+$/i.test(id) ? textOf(id) : hexId(id);
}

const STATUS_ERROR = 2;
