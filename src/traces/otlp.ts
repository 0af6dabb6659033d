import { isObject, listOf, objectOf, textOf, type JsonObject } from './json-value.ts';
import { LogEvents } from './otlp-logs.ts';
import { decodeAttributes, hexId } from './otlp-value.ts';
import { readAttributes } from './span-attributes.ts';
import { SpanForest } from './span-forest.ts';
import { timeMs } from './timestamp.ts';
import { needsRecord, type JsonFold, type JsonReader, type Sample } from './trace-reader.ts';
import type { Place, Tally } from './tally.ts';

/**
 * OTLP/JSON (opentelemetry-proto), as document or JSON lines, also as Tempo returns it
 * (`batches`, `trace.resourceSpans`). Attribute conventions: span-attributes.ts. Log records: the
 * events of Claude Code, Codex and Gemini CLI (agent-log-event.ts), which are counted where no span
 * of the same request is given. Metrics are sums over calls: counted and left out.
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
  readonly #logs: LogEvents;

  constructor(tally: Tally) {
    this.#tally = tally;
    this.#forest = new SpanForest(tally);
    this.#logs = new LogEvents(tally);
  }

  value(value: unknown, place: Place): void {
    const body = isObject(value) ? envelope(value) : undefined;
    if (body === undefined) {
      this.#tally.read();
      this.#tally.skip('record is not OTLP', place);
      return;
    }
    if (body.kind === 'metrics') {
      const records = countMetrics(body.resources);
      this.#tally.read(records);
      for (let index = 0; index < records; index += 1)
        this.#tally.skip('OTLP metrics are sums over calls, not calls', place);
      return;
    }
    const isLogs = body.kind === 'logs';
    for (const resource of body.resources) {
      if (isLogs) this.#logs.resource(objectOf(resource), place);
      else this.#resource(objectOf(resource), place);
    }
  }

  end(): void {
    // Before the spans are let go of: a request that has a span is not counted again.
    this.#logs.end(this.#forest.known);
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

function countMetrics(resources: readonly unknown[]): number {
  let count = 0;
  for (const resource of resources) {
    for (const scope of listOf(objectOf(resource)['scopeMetrics']))
      count += listOf(objectOf(scope)['metrics']).length;
  }
  return count;
}

const STATUS_ERROR = 2;
