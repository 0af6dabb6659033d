import { isRecord, recordsOf } from '../../src/http/dialect-json.ts';
import type { Json } from '../../src/http/dialect-json.ts';

/**
 * OTLP/JSON export requests as protobuf, written from opentelemetry-proto's field numbers and not
 * from our decoder: only so can one hold the other.
 */
export function encodeTraces(request: Json): Buffer {
  return repeated(request['resourceSpans'], 1, (resource) => [
    message(1, repeated(object(resource['resource'])['attributes'], 1, keyValue)),
    repeated(resource['scopeSpans'], 2, (scope) => [
      message(1, scopeOf(scope['scope'])),
      repeated(scope['spans'], 2, (span) => [
        bytes(1, hex(span['traceId'])),
        bytes(2, hex(span['spanId'])),
        text(3, span['traceState']),
        bytes(4, hex(span['parentSpanId'])),
        text(5, span['name']),
        integer(6, span['kind']),
        fixed64(7, span['startTimeUnixNano']),
        fixed64(8, span['endTimeUnixNano']),
        repeated(span['attributes'], 9, keyValue),
        integer(10, span['droppedAttributesCount']),
        repeated(span['events'], 11, (event) => [
          fixed64(1, event['timeUnixNano']),
          text(2, event['name']),
          repeated(event['attributes'], 3, keyValue),
        ]),
        status(span['status']),
        // Fields that we do not read, of every wire type: links, flags, and two of the future.
        message(13, bytes(1, Buffer.alloc(16, 7))),
        tag(16, 5),
        Buffer.from([1, 0, 0, 0]),
        tag(500, 1),
        Buffer.alloc(8, 9),
        integer(501, '9007199254740993'),
      ]),
      text(3, 'https://example.test/schema'),
    ]),
  ]);
}

/** Logs and metrics have one nesting: resource > scope > record; what is inside does not count. */
export function encodeRecords(request: Json, names: readonly [string, string, string]): Buffer {
  const [resources, scopes, records] = names;
  return repeated(request[resources], 1, (resource) => [
    message(1, repeated(object(resource['resource'])['attributes'], 1, keyValue)),
    repeated(resource[scopes], 2, (scope) => [
      message(1, scopeOf(scope['scope'])),
      repeated(scope[records], 2, (record) => text(1, record['name'] ?? 'x')),
    ]),
  ]);
}

type Part = Buffer | readonly Part[];

function join(part: Part): Buffer {
  return Buffer.isBuffer(part) ? part : Buffer.concat((part as readonly Part[]).map(join));
}

export function tag(number: number, wireType: number): Buffer {
  return varint(BigInt(number) * 8n + BigInt(wireType));
}

export function varint(value: bigint): Buffer {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    const low = Number(rest % 128n);
    rest /= 128n;
    out.push(rest > 0n ? low + 128 : low);
  } while (rest > 0n);
  return Buffer.from(out);
}

export function message(number: number, part: Part): Buffer {
  const body = join(part);
  return Buffer.concat([tag(number, 2), varint(BigInt(body.length)), body]);
}

const NOTHING = Buffer.alloc(0);

function repeated(list: unknown, number: number, encode: (item: Json) => Part): Buffer {
  return Buffer.concat(recordsOf(list).map((item) => message(number, encode(item))));
}

function bytes(number: number, value: Buffer | undefined): Buffer {
  return value === undefined ? NOTHING : message(number, value);
}

function text(number: number, value: unknown): Buffer {
  return typeof value === 'string' ? message(number, Buffer.from(value)) : NOTHING;
}

function integer(number: number, value: unknown): Buffer {
  return value === undefined
    ? NOTHING
    : Buffer.concat([tag(number, 0), varint(BigInt(value as string | number))]);
}

function fixed64(number: number, value: unknown): Buffer {
  if (value === undefined) return NOTHING;
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value as string | number));
  return Buffer.concat([tag(number, 1), out]);
}

function double(number: number, value: unknown): Buffer {
  const out = Buffer.alloc(8);
  out.writeDoubleLE(value as number);
  return Buffer.concat([tag(number, 1), out]);
}

function status(value: unknown): Buffer {
  if (!isRecord(value)) return NOTHING;
  return message(15, [text(2, value['message']), integer(3, value['code'])]);
}

function scopeOf(value: unknown): Part {
  const scope = object(value);
  return [
    text(1, scope['name']),
    text(2, scope['version']),
    repeated(scope['attributes'], 3, keyValue),
  ];
}

function keyValue({ key, value }: Json): Part {
  return [text(1, key), message(2, anyValue(object(value)))];
}

function anyValue(value: Json): Part {
  if ('stringValue' in value) return text(1, value['stringValue']);
  if ('boolValue' in value) return integer(2, value['boolValue'] === true ? 1 : 0);
  if ('intValue' in value) return integer(3, value['intValue']);
  if ('doubleValue' in value) return double(4, value['doubleValue']);
  if ('arrayValue' in value) {
    return message(
      5,
      repeated(object(value['arrayValue'])['values'], 1, (item) => anyValue(item)),
    );
  }
  if ('kvlistValue' in value) {
    return message(6, repeated(object(value['kvlistValue'])['values'], 1, keyValue));
  }
  if ('bytesValue' in value) return bytes(7, Buffer.from(value['bytesValue'] as string, 'base64'));
  return NOTHING;
}

function hex(id: unknown): Buffer | undefined {
  return typeof id === 'string' && id !== '' ? Buffer.from(id, 'hex') : undefined;
}

function object(value: unknown): Json {
  return isRecord(value) ? value : {};
}
