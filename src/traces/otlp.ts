import { isObject, listOf, numberOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { readAttributes } from './span-attributes.ts';
import { SpanForest } from './span-forest.ts';
import { timeMs } from './timestamp.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';

/**
 * OTLP/JSON (opentelemetry-proto), as document or JSON lines, also as Tempo returns it
 * (`batches`, `trace.resourceSpans`). Attribute conventions: span-attributes.ts.
 */
export const otlp: JsonReader = {
  kind: 'json',
  title: 'OTLP/JSON spans, also from Grafana Tempo',
  mismatch: (sample: Sample) =>
    needsRecord(
      sample,
      'with resourceSpans, resourceLogs, resourceMetrics or batches',
      (record) => isObject(record) && envelope(record) !== undefined,
    ),
  open: (tally: Tally) => new OtlpFold(tally),
};

class OtlpFold implements JsonFold {
  readonly #tally: Tally;
  readonly #forest: SpanForest;

  constructor(tally: Tally) {
    this.#tally = tally;
    this.#forest = new SpanForest(tally);
  }

  value(value: unknown, place: Place): void {
    const body = isObject(value) ? envelope(value) : undefined;
    if (body === undefined) {
      this.#tally.read();
      this.#tally.skip('record is not OTLP', place);
      return;
    }
    if (body.kind !== 'spans') {
      const records = countRecords(body.resources);
      this.#tally.read(records);
      for (let index = 0; index < records; index += 1)
        this.#tally.skip(`OTLP ${body.kind} carry no spans`, place);
      return;
    }
    for (const resource of body.resources) this.#resource(objectOf(resource), place);
  }

  end(): void {
    this.#forest.end();
  }

  #resource(resource: JsonObject, place: Place): void {
    const service = textOf(
      decodeAttributes(objectOf(resource['resource'])['attributes'])['service.name'],
    );
    const scopes = resource['scopeSpans'] ?? resource['instrumentationLibrarySpans'];
    for (const scope of listOf(scopes)) {
      for (const span of listOf(objectOf(scope)['spans'])) this.#span(span, service, place);
    }
  }

  #span(span: unknown, service: string | undefined, place: Place): void {
    const startMs = isObject(span) ? timeMs(span['startTimeUnixNano'], 'ns') : undefined;
    if (!isObject(span) || startMs === undefined) {
      this.#tally.read();
      this.#tally.skip('span lacks a start time', place);
      return;
    }
    const name = textOf(span['name']) ?? '';
    const attributes = decodeAttributes(span['attributes']);
    const firstChunk = listOf(span['events']).find(
      (event) => objectOf(event)['name'] === 'ai.stream.firstChunk',
    );
    const chunkMs = timeMs(objectOf(firstChunk)['timeUnixNano'], 'ns');
    if (chunkMs !== undefined) attributes['ai.response.msToFirstChunk'] ??= chunkMs - startMs;
    const code = objectOf(span['status'])['code'];
    const failed = code === STATUS_ERROR || code === 'STATUS_CODE_ERROR';
    const endMs = timeMs(span['endTimeUnixNano'], 'ns');
    this.#forest.add(
      {
        ...readAttributes(name, attributes, { failed, estimates: this.#tally.estimates }),
        traceId: hexId(span['traceId']) ?? `unnamed ${place.toString()}`,
        spanId: hexId(span['spanId']) ?? `unnamed ${place.toString()} ${this.#unnamed++}`,
        parentId: hexId(span['parentSpanId']),
        service,
        startMs,
        endMs: endMs === undefined || endMs < startMs ? undefined : endMs,
      },
      place,
    );
  }

  #unnamed = 0;
}

interface Envelope {
  readonly kind: 'spans' | 'logs' | 'metrics';
  readonly resources: readonly unknown[];
}

function envelope(record: JsonObject): Envelope | undefined {
  const tempo = objectOf(record['trace']);
  const spans = record['resourceSpans'] ?? record['batches'] ?? tempo['resourceSpans'];
  if (Array.isArray(spans)) return { kind: 'spans', resources: spans as readonly unknown[] };
  const { resourceLogs, resourceMetrics } = record as {
    readonly resourceLogs?: unknown;
    readonly resourceMetrics?: unknown;
  };
  if (Array.isArray(resourceLogs)) return { kind: 'logs', resources: listOf(resourceLogs) };
  if (Array.isArray(resourceMetrics))
    return { kind: 'metrics', resources: listOf(resourceMetrics) };
  return undefined;
}

function countRecords(resources: readonly unknown[]): number {
  let count = 0;
  for (const resource of resources) {
    const { scopeLogs, scopeMetrics } = objectOf(resource) as {
      readonly scopeLogs?: unknown;
      readonly scopeMetrics?: unknown;
    };
    for (const scope of [...listOf(scopeLogs), ...listOf(scopeMetrics)]) {
      const { logRecords, metrics } = objectOf(scope) as {
        readonly logRecords?: unknown;
        readonly metrics?: unknown;
      };
      count += listOf(logRecords).length + listOf(metrics).length;
    }
  }
  return count;
}

/** `[{key, value: {stringValue | intValue | …}}]` as a plain map. */
function decodeAttributes(attributes: unknown): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  for (const attribute of listOf(attributes)) {
    const { key, value } = objectOf(attribute) as {
      readonly key?: unknown;
      readonly value?: unknown;
    };
    if (typeof key === 'string') map[key] = decodeValue(value, 0);
  }
  return map;
}

function decodeValue(value: unknown, depth: number): unknown {
  if (!isObject(value) || depth > DEEPEST_VALUE) return undefined;
  for (const kind of ['stringValue', 'boolValue', 'doubleValue', 'bytesValue']) {
    if (value[kind] !== undefined) return value[kind];
  }
  if (value['intValue'] !== undefined) return numberOf(value['intValue']);
  const array = value['arrayValue'];
  if (array !== undefined) {
    return listOf(objectOf(array)['values']).map((item) => decodeValue(item, depth + 1));
  }
  const pairs = value['kvlistValue'];
  return pairs === undefined ? undefined : decodeAttributes(objectOf(pairs)['values']);
}

/** Lower-case hex of an id given as hex of any case, `0x…`, or base64 (generic protobuf JSON). */
export function hexId(id: unknown): string | undefined {
  if (typeof id !== 'string' || id === '') return undefined;
  if (BASE64_ID.test(id)) return Buffer.from(id, 'base64').toString('hex');
  const hex = id.toLowerCase().replace(/^0x/, '');
  return /^0+$/.test(hex) ? undefined : hex;
}

/** 16 or 8 bytes in base64: 24 or 12 characters with padding, which hex never has. */
const BASE64_ID = /^(?:[A-Za-z0-9+/]{22}==|[A-Za-z0-9+/]{11}=)$/;
const STATUS_ERROR = 2;
const DEEPEST_VALUE = 16;
