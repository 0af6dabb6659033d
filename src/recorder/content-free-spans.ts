import { listOf, recordOf, recordsOf, stringOf } from '../http/dialect-json.ts';
import type { Json } from '../http/dialect-json.ts';
import type { KeyedHash } from './keyed-hash.ts';
import { nameOf, redact } from './redact.ts';

/** Text attributes that name things; any other text may be a prompt, an argument or an answer. */
const NAMING_ATTRIBUTES = wholeKey([
  'service\\.(?:name|version)',
  'gen_ai\\.(?:system|provider\\.name|operation\\.name|output\\.type|token\\.type)',
  'gen_ai\\.(?:request|response)\\.(?:model|finish_reasons?)',
  'gen_ai\\.(?:agent|workflow|data_source)\\.(?:name|version)',
  'gen_ai\\.tool\\.(?:name|type)',
  'openinference\\.span\\.kind',
  'llm\\.(?:(?:request\\.|response\\.)?model_name|provider|system|request\\.type)',
  'llm\\.(?:response\\.)?finish_reason',
  'agent\\.name',
  'tool\\.name',
  'mcp\\.method\\.name',
  'traceloop\\.(?:span\\.kind|entity\\.name|entity\\.path|workflow\\.name)',
  'ai\\.(?:operationId|model\\.(?:id|provider)|toolCall\\.name|response\\.(?:model|finishReason))',
  'db\\.(?:system|system\\.name|operation|operation\\.name)',
  'error\\.type',
  'span\\.type',
  // Claude Code writes these without a prefix.
  'model|tool_name|query_source|stop_reason|decision|source',
]);

/**
 * Ids of sessions, calls and people, and arguments of tools: kept as keyed hashes, which still meet
 * each other, and tell a tool that is called with the same arguments again.
 */
const HASHED_ATTRIBUTES = wholeKey([
  'gen_ai\\.(?:conversation|agent|data_source|memory\\.store|tool\\.call|response)\\.id',
  'gen_ai\\.request\\.previous_response\\.id',
  '(?:langfuse\\.|exgentic\\.)?session\\.id',
  '(?:langfuse\\.)?user\\.id',
  'traceloop\\.association\\.properties\\.session_id',
  'ai\\.telemetry\\.metadata\\.sessionId',
  'ai\\.(?:toolCall|response)\\.id',
  'tool\\.id',
  'gen_ai\\.tool\\.call\\.arguments',
  'ai\\.toolCall\\.args',
  'thread_id|agent_id|parent_agent_id|request_id|tool_use_id',
]);

/** Attribute keys are identifiers. */
const KEY = /^[\w.\-/:]{1,128}$/;

/**
 * An export request with the shape, times and numbers of its spans and no text but names. Built
 * anew field by field: what is not known here is not copied.
 */
export function contentFreeSpans(body: Json, hash: KeyedHash): Json {
  return {
    resourceSpans: recordsOf(body['resourceSpans']).map((resource) => ({
      resource: {
        attributes: safeAttributes(recordOf(resource['resource'])?.['attributes'], hash),
      },
      scopeSpans: recordsOf(resource['scopeSpans']).map((scope) => ({
        scope: { name: nameOf(stringOf(recordOf(scope['scope'])?.['name'])) ?? '' },
        spans: recordsOf(scope['spans']).map((span) => safeSpan(span, hash)),
      })),
    })),
  };
}

/** Spans of an export request. */
export function countSpans(body: Json): number {
  let count = 0;
  for (const resource of recordsOf(body['resourceSpans'])) {
    for (const scope of recordsOf(resource['scopeSpans'])) count += listOf(scope['spans']).length;
  }
  return count;
}

/** Deeper values are cut off: no exporter nests like that, and recursion has an end. */
const DEEPEST_JSON = 100;

/** Every text of a JSON value with known secrets taken out. */
export function redactedJson(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redact(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEEPEST_JSON) return null;
  if (Array.isArray(value)) return listOf(value).map((inner) => redactedJson(inner, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [redact(key), redactedJson(inner, depth + 1)]),
  );
}

function safeSpan(span: Json, hash: KeyedHash): Json {
  return {
    traceId: spanId(span['traceId'], hash),
    spanId: spanId(span['spanId'], hash),
    parentSpanId: spanId(span['parentSpanId'], hash),
    name: spanName(span['name']),
    kind: codeOf(span['kind']),
    startTimeUnixNano: integerOf(span['startTimeUnixNano']),
    endTimeUnixNano: integerOf(span['endTimeUnixNano']),
    attributes: safeAttributes(span['attributes'], hash),
    events: recordsOf(span['events']).map((event) => ({
      timeUnixNano: integerOf(event['timeUnixNano']),
      name: nameOf(stringOf(event['name'])),
      attributes: safeAttributes(event['attributes'], hash),
    })),
    status: { code: codeOf(recordOf(span['status'])?.['code']) },
  };
}

/** Numbers and booleans say nothing private by themselves; text passes only under a known key. */
function safeAttributes(attributes: unknown, hash: KeyedHash): Json[] {
  const safe: Json[] = [];
  for (const { key, value } of recordsOf(attributes)) {
    if (typeof key !== 'string' || !KEY.test(key) || redact(key) !== key) continue;
    const kept = safeValue(key, recordOf(value) ?? {}, hash);
    if (kept !== undefined) safe.push({ key, value: kept });
  }
  return safe;
}

function safeValue(key: string, value: Json, hash: KeyedHash): Json | undefined {
  if (HASHED_ATTRIBUTES.test(key)) return { stringValue: hash.of(hashable(value)) };
  const { boolValue, doubleValue, stringValue } = value;
  const intValue = integerOf(value['intValue']);
  if (intValue !== undefined) return { intValue };
  if (typeof doubleValue === 'number') return { doubleValue };
  if (typeof boolValue === 'boolean') return { boolValue };
  if (typeof stringValue === 'string') {
    const name = NAMING_ATTRIBUTES.test(key) ? nameOf(stringValue) : undefined;
    return name === undefined ? undefined : { stringValue: name };
  }
  if (!NAMING_ATTRIBUTES.test(key)) return undefined;
  // Finish reasons come as lists.
  const names = recordsOf(recordOf(value['arrayValue'])?.['values']).map((item) =>
    nameOf(stringOf(item['stringValue'])),
  );
  if (names.length === 0 || names.includes(undefined)) return undefined;
  return { arrayValue: { values: names.map((name) => ({ stringValue: name })) } };
}

/** A text as it is, so that its hash is that of the same id in a call; any other value as JSON. */
function hashable(value: Json): string {
  return stringOf(value['stringValue']) ?? JSON.stringify(value);
}

/** A span's name; of one that is prose (a statement, a prompt) the word that says what it does. */
function spanName(value: unknown): string {
  const text = stringOf(value);
  return nameOf(text) ?? nameOf(/^\S{1,128}(?=\s)/.exec(text ?? '')?.[0]) ?? '';
}

/** Hex, or base64 of 16 or 8 bytes; any other id only as a hash. */
const SPAN_ID = /^(?:[\dA-Fa-f]{1,32}|[A-Za-z0-9+/]{22}==|[A-Za-z0-9+/]{11}=)$/;

function spanId(value: unknown, hash: KeyedHash): string | undefined {
  const text = stringOf(value);
  if (text === undefined || text === '') return undefined;
  return SPAN_ID.test(text) ? text : hash.of(text);
}

/** 64-bit integers are texts of digits, or numbers. */
function integerOf(value: unknown): string | number | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? value : undefined;
}

/** Kinds and status codes: numbers, or their names in capitals. */
function codeOf(value: unknown): string | number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^(?:SPAN_KIND|STATUS_CODE)_[A-Z]{1,16}$/.test(value)
    ? value
    : undefined;
}

function wholeKey(patterns: readonly string[]): RegExp {
  return new RegExp(`^(?:${patterns.join('|')})$`);
}
