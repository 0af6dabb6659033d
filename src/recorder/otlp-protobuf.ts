import type { Json } from '../http/dialect-json.ts';
import { ProtobufError, protobufFields } from './protobuf-fields.ts';
import type { ProtobufField } from './protobuf-fields.ts';

/**
 * OTLP protobuf bodies as OTLP/JSON objects (opentelemetry-proto v1: trace, common, resource;
 * field numbers are frozen there). Only what spans are profiled by is read; the rest is skipped.
 */

/** An exporter's batch has 512 spans by default; this many messages in one body are an attack. */
const MOST_MESSAGES = 1_000_000;

/** Attribute values nest; no exporter nests deeper than this. */
const DEEPEST_VALUE = 16;

/**
 * An ExportTraceServiceRequest as `{resourceSpans: […]}`.
 * @throws ProtobufError when it is not one
 */
export function traceRequestOfProtobuf(body: Uint8Array): Json {
  const budget = { left: MOST_MESSAGES };
  const decode = messageDecoder(budget);
  return decode('request', body);
}

/**
 * How many log records or metrics an ExportLogs- or ExportMetricsServiceRequest has: both nest
 * resource (1) > scope (2) > record (2).
 * @throws ProtobufError when it is neither
 */
export function countRecordsOfProtobuf(body: Uint8Array): number {
  let count = 0;
  for (const resource of messagesOf(body, 1)) {
    for (const scope of messagesOf(resource, 2)) {
      for (const _record of messagesOf(scope, 2)) count += 1;
    }
  }
  return count;
}

function* messagesOf(bytes: Uint8Array, number: number): Generator<Uint8Array> {
  for (const field of protobufFields(bytes)) {
    if (field.number === number && field.kind === 'bytes') yield field.value;
  }
}

/** How one field becomes JSON: its name, and what stands in it. */
interface FieldRule {
  readonly name: string;
  readonly type: Scalar | MessageName;
  readonly isRepeated?: boolean;
}

type Scalar = 'text' | 'hex' | 'base64' | 'time' | 'enum' | 'bool' | 'int64' | 'double';
type MessageName =
  | 'request'
  | 'resourceSpans'
  | 'resource'
  | 'scopeSpans'
  | 'scope'
  | 'span'
  | 'event'
  | 'status'
  | 'keyValue'
  | 'anyValue'
  | 'valueList'
  | 'keyValueList';

const one = (name: string, type: FieldRule['type']): FieldRule => ({ name, type });
const many = (name: string, type: FieldRule['type']): FieldRule => ({
  name,
  type,
  isRepeated: true,
});

const MESSAGES: Readonly<Record<MessageName, Readonly<Record<number, FieldRule>>>> = {
  request: { 1: many('resourceSpans', 'resourceSpans') },
  resourceSpans: { 1: one('resource', 'resource'), 2: many('scopeSpans', 'scopeSpans') },
  resource: { 1: many('attributes', 'keyValue') },
  scopeSpans: { 1: one('scope', 'scope'), 2: many('spans', 'span') },
  scope: {
    1: one('name', 'text'),
    2: one('version', 'text'),
    3: many('attributes', 'keyValue'),
  },
  span: {
    1: one('traceId', 'hex'),
    2: one('spanId', 'hex'),
    4: one('parentSpanId', 'hex'),
    5: one('name', 'text'),
    6: one('kind', 'enum'),
    7: one('startTimeUnixNano', 'time'),
    8: one('endTimeUnixNano', 'time'),
    9: many('attributes', 'keyValue'),
    11: many('events', 'event'),
    15: one('status', 'status'),
  },
  event: {
    1: one('timeUnixNano', 'time'),
    2: one('name', 'text'),
    3: many('attributes', 'keyValue'),
  },
  status: { 2: one('message', 'text'), 3: one('code', 'enum') },
  keyValue: { 1: one('key', 'text'), 2: one('value', 'anyValue') },
  anyValue: {
    1: one('stringValue', 'text'),
    2: one('boolValue', 'bool'),
    3: one('intValue', 'int64'),
    4: one('doubleValue', 'double'),
    5: one('arrayValue', 'valueList'),
    6: one('kvlistValue', 'keyValueList'),
    7: one('bytesValue', 'base64'),
  },
  valueList: { 1: many('values', 'anyValue') },
  keyValueList: { 1: many('values', 'keyValue') },
};

type DecodeMessage = (name: MessageName, bytes: Uint8Array, depth?: number) => Json;

function messageDecoder(budget: { left: number }): DecodeMessage {
  const decode: DecodeMessage = (name, bytes, depth = 0) => {
    budget.left -= 1;
    if (budget.left < 0) throw new ProtobufError('too many messages');
    if (depth > DEEPEST_VALUE) throw new ProtobufError('values nest too deeply');
    let message: Record<string, unknown> = {};
    const rules = MESSAGES[name];
    for (const field of protobufFields(bytes)) {
      const rule = rules[field.number];
      const value = rule === undefined ? undefined : valueOf(field, rule, depth);
      if (rule === undefined || value === undefined) continue;
      // A value is one of its kinds; the last one written counts.
      if (name === 'anyValue') message = { [rule.name]: value };
      else if (rule.isRepeated !== true) message[rule.name] = value;
      else ((message[rule.name] ??= []) as unknown[]).push(value);
    }
    return message;
  };
  const valueOf = (field: ProtobufField, { type }: FieldRule, depth: number): unknown => {
    if (!isScalar(type)) {
      if (field.kind !== 'bytes') return undefined;
      return decode(type, field.value, type === 'anyValue' ? depth + 1 : depth);
    }
    return scalarOf(field, type);
  };
  return decode;
}

function isScalar(type: Scalar | MessageName): type is Scalar {
  return !Object.hasOwn(MESSAGES, type);
}

/** A scalar in OTLP/JSON's form; undefined when the wire type is not the field's (then it is unknown). */
function scalarOf(field: ProtobufField, type: Scalar): unknown {
  switch (type) {
    case 'text':
      return field.kind === 'bytes' ? bufferOf(field.value).toString('utf8') : undefined;
    case 'hex':
      return field.kind === 'bytes' ? bufferOf(field.value).toString('hex') : undefined;
    case 'base64':
      return field.kind === 'bytes' ? bufferOf(field.value).toString('base64') : undefined;
    case 'time':
      return field.kind === 'fixed64' ? String(field.value) : undefined;
    case 'enum':
      return field.kind === 'varint' ? Number(BigInt.asIntN(32, field.value)) : undefined;
    case 'bool':
      return field.kind === 'varint' ? field.value !== 0n : undefined;
    case 'int64':
      return field.kind === 'varint' ? String(BigInt.asIntN(64, field.value)) : undefined;
    case 'double':
      return field.kind === 'fixed64' ? finite(doubleOf(field.value)) : undefined;
  }
}

/** The same bytes as a Buffer, without a copy. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const scratch = new DataView(new ArrayBuffer(8));

function doubleOf(bits: bigint): number {
  scratch.setBigUint64(0, bits);
  return scratch.getFloat64(0);
}

/** JSON has no NaN and no infinities. */
function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}
