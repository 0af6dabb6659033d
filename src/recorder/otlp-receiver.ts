import type { IncomingMessage, ServerResponse } from 'node:http';

import { isRecord, listOf, parseJson, recordsOf, stringOf } from '../http/dialect-json.ts';
import type { Json } from '../http/dialect-json.ts';
import { readBody, sendJson } from '../http/server.ts';
import { decodedBody } from './decoded-body.ts';
import { redact } from './redact.ts';
import type { RecordingFile } from './recording-file.ts';

/** Text attributes that name things; any other text may be a prompt, an argument or an answer. */
const NAMING_ATTRIBUTES = new RegExp(
  `^(?:${[
    'service\\.(?:name|version)',
    'gen_ai\\.(?:system|provider\\.name|operation\\.name|output\\.type|token\\.type)',
    'gen_ai\\.(?:request|response)\\.(?:model|id|finish_reasons)',
    'gen_ai\\.(?:conversation|agent|workflow|data_source)\\.(?:id|name|version)',
    'gen_ai\\.tool\\.(?:name|type|call\\.id)',
    'openinference\\.span\\.kind',
    'llm\\.(?:model_name|provider|system|request\\.type)',
    'session\\.id',
    'tool\\.name',
    'traceloop\\.(?:span\\.kind|entity\\.name|entity\\.path|workflow\\.name)',
    'ai\\.(?:operationId|model\\.(?:id|provider)|toolCall\\.(?:name|id)|response\\.(?:model|id|finishReason))',
    'db\\.(?:system|system\\.name|operation|operation\\.name)',
    'error\\.type',
    'span\\.type',
    'model|tool_name|query_source',
  ].join('|')})$`,
);

/** Characters; longer text is prose, whatever it is called. */
const LONGEST_NAME = 256;

/**
 * `POST /v1/traces` of OTLP/HTTP in JSON: spans without content, one export request per line.
 * Metrics and logs are accepted and dropped, so that exporters do not retry for ever.
 */
export async function receiveOtlp(
  request: IncomingMessage,
  response: ServerResponse,
  file: () => RecordingFile,
  content: boolean,
): Promise<void> {
  const raw = await readBody(request);
  if (request.url !== '/v1/traces') {
    sendJson(response, 200, {});
    return;
  }
  if (!String(request.headers['content-type'] ?? '').startsWith('application/json')) {
    sendJson(response, 415, {
      code: 12,
      message: 'only OTLP/HTTP JSON is received: set OTEL_EXPORTER_OTLP_PROTOCOL=http/json',
    });
    return;
  }
  const text = decodedBody(raw, request.headers['content-encoding']);
  const body = parseJson(text ?? '');
  if (!isRecord(body) || !Array.isArray(body['resourceSpans'])) {
    sendJson(response, 400, { code: 3, message: 'not an OTLP JSON export request' });
    return;
  }
  file().append(content ? (JSON.parse(redact(JSON.stringify(body))) as object) : contentFree(body));
  sendJson(response, 200, { partialSuccess: {} });
}

/** Whether a path belongs to the OTLP receiver. */
export function isOtlpPath(path: string | undefined): boolean {
  return path === '/v1/traces' || path === '/v1/metrics' || path === '/v1/logs';
}

/** An export request with the shape and numbers of its spans and no text but names. */
function contentFree(body: Json): Json {
  return {
    resourceSpans: recordsOf(body['resourceSpans']).map((resource) => ({
      resource: { attributes: safeAttributes(recordOf(resource['resource'])['attributes']) },
      scopeSpans: recordsOf(resource['scopeSpans']).map((scope) => ({
        scope: { name: stringOf(recordOf(scope['scope'])['name']) ?? '' },
        spans: recordsOf(scope['spans']).map(safeSpan),
      })),
    })),
  };
}

function safeSpan(span: Json): Json {
  const { endTimeUnixNano, kind, parentSpanId, spanId, startTimeUnixNano, traceId } = span;
  return {
    traceId,
    spanId,
    parentSpanId,
    name: stringOf(span['name'])?.slice(0, LONGEST_NAME),
    kind,
    startTimeUnixNano,
    endTimeUnixNano,
    attributes: safeAttributes(span['attributes']),
    events: recordsOf(span['events']).map((event) => ({
      timeUnixNano: event['timeUnixNano'],
      name: event['name'],
      attributes: safeAttributes(event['attributes']),
    })),
    status: { code: recordOf(span['status'])['code'] },
  };
}

/** Numbers and booleans say nothing private by themselves; text passes only under a naming key. */
function safeAttributes(attributes: unknown): Json[] {
  return recordsOf(attributes).filter(({ key, value }) => {
    if (typeof key !== 'string' || !isRecord(value)) return false;
    if (NAMING_ATTRIBUTES.test(key)) return isShortText(value);
    return 'intValue' in value || 'doubleValue' in value || 'boolValue' in value;
  });
}

/** A name or a list of names; prose under a naming key is dropped. */
function isShortText(value: Json): boolean {
  const list = recordOf(value['arrayValue'])['values'];
  const texts = list === undefined ? [value] : listOf(list).filter(isRecord);
  return texts.every((entry) => {
    const text = stringOf(entry['stringValue']);
    return text === undefined || text.length <= LONGEST_NAME;
  });
}

function recordOf(value: unknown): Json {
  return isRecord(value) ? value : {};
}
