import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Json } from '../../src/http/dialect-json.ts';
import {
  countRecordsOfProtobuf,
  traceRequestOfProtobuf,
} from '../../src/recorder/otlp-protobuf.ts';
import { ProtobufError, protobufFields } from '../../src/recorder/protobuf-fields.ts';
import { missingSharedData, sharedData } from '../support/requirements.ts';
import { encodeRecords, encodeTraces, message, tag, varint } from './otlp-encoder.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('fields', () => {
  test('the examples of the encoding guide', () => {
    // protobuf.dev/programming-guides/encoding: field 1 = 150, field 2 = "testing".
    expect([...protobufFields(hex('08 96 01  12 07 74 65 73 74 69 6e 67'))]).toEqual([
      { number: 1, kind: 'varint', value: 150n },
      { number: 2, kind: 'bytes', value: Buffer.from('testing') },
    ]);
  });

  test.for([
    { why: 'the largest number', bytes: '08 ffffffffffffffffff01', value: 0xffff_ffff_ffff_ffffn },
    { why: 'bits beyond 64 are dropped', bytes: '08 ffffffffffffffffff7f', value: 2n ** 64n - 1n },
    { why: 'a number in more bytes than it needs', bytes: '08 8180808000', value: 1n },
    { why: 'the 29th bit', bytes: '08 8080808001', value: 1n << 28n },
    { why: 'fixed 64, low byte first', bytes: '09 0100000000000080', value: (1n << 63n) + 1n },
    { why: 'fixed 32', bytes: '0d 010000ff', value: 0xff00_0001 },
  ])('reads $why', ({ bytes, value }) => {
    expect([...protobufFields(hex(bytes))]).toMatchObject([{ number: 1, value }]);
  });

  test.for([
    { why: 'an endless number', bytes: '08 ffffffffffffffffffffff' },
    { why: 'a number cut off', bytes: '08 80' },
    { why: 'a tag cut off', bytes: '88' },
    { why: 'a length beyond the end', bytes: '0a 05 00' },
    { why: 'a length of 2^63', bytes: '0a 80808080808080808001' },
    { why: 'a length of 2^64 - 1, minus one if signed', bytes: '0a ffffffffffffffffff01' },
    { why: 'a fixed 64 of seven bytes', bytes: '09 00000000000000' },
    { why: 'a fixed 32 of three bytes', bytes: '0d 000000' },
    { why: 'field number 0', bytes: '00 00' },
    { why: 'a field number above 2^29 - 1', bytes: '8080808010 00' },
    { why: 'a group', bytes: '0b 0c' },
    { why: 'wire type 6', bytes: '0e' },
    { why: 'wire type 7', bytes: '0f' },
  ])('refuses $why', ({ bytes }) => {
    expect(() => [...protobufFields(hex(bytes))]).toThrow(ProtobufError);
  });
});

/** Every kind of value, times beyond a double, and text beyond ASCII. */
const request: Json = {
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'agent' } }] },
      scopeSpans: [
        {
          scope: { name: 'gen_ai', version: '1.0' },
          spans: [
            {
              traceId: '5b8efff798038103d269b633813fc60c',
              spanId: 'eee19b7ec3c1b174',
              parentSpanId: 'eee19b7ec3c1b173',
              name: 'chat grüße 🚀',
              kind: 3,
              startTimeUnixNano: '1790000000200000001',
              endTimeUnixNano: '1790000002200000003',
              attributes: [
                { key: 'text', value: { stringValue: 'a' } },
                { key: 'empty', value: { stringValue: '' } },
                { key: 'yes', value: { boolValue: true } },
                { key: 'no', value: { boolValue: false } },
                { key: 'large', value: { intValue: '9223372036854775807' } },
                { key: 'negative', value: { intValue: '-7' } },
                { key: 'double', value: { doubleValue: 0.7 } },
                { key: 'bytes', value: { bytesValue: 'AAEC' } },
                {
                  key: 'list',
                  value: { arrayValue: { values: [{ stringValue: 'stop' }, { intValue: '1' }] } },
                },
                {
                  key: 'map',
                  value: { kvlistValue: { values: [{ key: 'k', value: { doubleValue: -1.5 } }] } },
                },
                { key: 'nothing', value: {} },
              ],
              events: [
                {
                  timeUnixNano: '1790000000900000000',
                  name: 'ai.stream.firstChunk',
                  attributes: [{ key: 'n', value: { intValue: '1' } }],
                },
              ],
              status: { message: 'failed', code: 2 },
            },
          ],
        },
        { scope: {}, spans: [] },
      ],
    },
  ],
};

describe('trace requests', () => {
  test('what was encoded is read back; unknown fields are passed over', () => {
    const read = traceRequestOfProtobuf(encodeTraces(request));
    // An empty list is not written at all.
    const expected = structuredClone(request) as {
      resourceSpans: { scopeSpans: { spans?: unknown[] }[] }[];
    };
    delete expected.resourceSpans[0]!.scopeSpans[1]!.spans;
    expect(read).toEqual(expected);
  });

  test('an empty body is a request without spans', () => {
    expect(traceRequestOfProtobuf(Buffer.alloc(0))).toEqual({});
  });

  test('of a value written twice the last one counts', () => {
    const value = Buffer.concat([message(1, Buffer.from('text')), tag(3, 0), varint(5n)]);
    const attribute = Buffer.concat([message(1, Buffer.from('k')), message(2, value)]);
    expect(traceRequestOfProtobuf(message(1, message(1, message(1, attribute))))).toEqual({
      resourceSpans: [{ resource: { attributes: [{ key: 'k', value: { intValue: '5' } }] } }],
    });
  });

  test('a known field with the wrong wire type is an unknown field', () => {
    const span = Buffer.concat([tag(1, 0), varint(5n), message(7, Buffer.from('soon'))]);
    expect(traceRequestOfProtobuf(message(1, message(2, message(2, span))))).toEqual({
      resourceSpans: [{ scopeSpans: [{ spans: [{}] }] }],
    });
  });

  test.for([
    {
      why: 'values nested a thousand deep',
      body: () => {
        let value: Buffer = message(1, Buffer.from('x'));
        for (let depth = 0; depth < 1000; depth += 1) value = message(5, message(1, value));
        return message(1, message(1, message(1, message(2, value))));
      },
    },
    {
      why: 'millions of empty spans in a small body',
      body: () => message(1, message(2, Buffer.alloc(2_200_000, message(2, Buffer.alloc(0))))),
    },
    { why: 'a JSON body', body: () => Buffer.from(JSON.stringify(request)) },
    { why: 'a body cut off', body: () => encodeTraces(request).subarray(0, -3) },
  ])('refuses $why', ({ body }) => {
    expect(() => traceRequestOfProtobuf(body())).toThrow(ProtobufError);
  });

  test('any bytes are read or refused, never anything else', () => {
    const whole = encodeTraces(request);
    const damaged = fc
      .tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(whole.length))
      .map(([at, byte, end]) => {
        const copy = Buffer.from(whole);
        copy[at] = byte;
        return copy.subarray(0, end);
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), damaged), (bytes) => {
        for (const read of [traceRequestOfProtobuf, countRecordsOfProtobuf]) {
          try {
            read(bytes);
          } catch (thrown) {
            if (!(thrown instanceof ProtobufError)) throw thrown;
          }
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe.skipIf(missingSharedData('traces/otlp-proto-examples'))('canonical examples', () => {
  const example = (name: string): Json =>
    JSON.parse(
      readFileSync(join(sharedData, 'traces/otlp-proto-examples', `${name}.json`), 'utf8'),
    ) as Json;

  test('trace.json comes back as it was, ids in lower case', () => {
    const text = JSON.stringify(example('trace'));
    const expected: unknown = JSON.parse(
      text.replaceAll(/"([\dA-F]{16}|[\dA-F]{32})"/g, (id) => id.toLowerCase()),
    );
    expect(traceRequestOfProtobuf(encodeTraces(example('trace')))).toEqual(expected);
  });

  test.for([
    { name: 'logs', names: ['resourceLogs', 'scopeLogs', 'logRecords'], count: 1 },
    { name: 'events', names: ['resourceLogs', 'scopeLogs', 'logRecords'], count: 1 },
    { name: 'metrics', names: ['resourceMetrics', 'scopeMetrics', 'metrics'], count: 4 },
  ] as const)('$name.json has $count', ({ count, name, names }) => {
    expect(countRecordsOfProtobuf(encodeRecords(example(name), names))).toBe(count);
  });
});
