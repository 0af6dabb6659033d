import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { HttpClient, exchange } from '../../src/http/client.ts';
import type { WholeResponse } from '../../src/http/client.ts';
import type { Json } from '../../src/http/dialect-json.ts';
import { startRecordingProxy } from '../../src/recorder/recording-proxy.ts';
import type { RunningRecorder } from '../../src/recorder/recording-proxy.ts';
import { realClock } from '../../src/system.ts';
import { dialects, otlpText } from '../fixtures/traces/dialects.ts';
import type { Dialect } from '../fixtures/traces/dialects.ts';
import { allCalls, collect, collectText } from '../traces/collected.ts';
import type { Collected } from '../traces/collected.ts';
import { encodeRecords, encodeTraces, message, tag, varint } from './otlp-encoder.ts';

let folder: string;
let recorder: RunningRecorder;
let client: HttpClient;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-otlp-'));
  await start();
});

afterEach(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(content = false): Promise<void> {
  recorder = await startRecordingProxy({
    listen: { host: '127.0.0.1', port: 0 },
    upstreams: { openai: 'http://127.0.0.1:1/v1', anthropic: 'http://127.0.0.1:1' },
    recording: join(folder, 'run.jsonl'),
    tool: 'test',
    content,
  });
  client = new HttpClient(recorder.url, realClock);
}

async function stop(): Promise<void> {
  await client.destroy();
  await recorder.close();
}

const PROTOBUF = { 'content-type': 'application/x-protobuf' };
const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };
const GZIP = { 'content-encoding': 'gzip' };

function send(
  body: string | Buffer,
  headers: Record<string, string>,
  path = '/v1/traces',
): Promise<WholeResponse> {
  return exchange(client, { method: 'POST', path, headers, body });
}

function written(): string {
  return readFileSync(join(folder, 'run.otlp.jsonl'), 'utf8');
}

/** What a workload is made of, without the ids that the receiver hashes. */
function shape(read: Collected): unknown {
  return {
    calls: allCalls(read).map(({ attempts, prefix: _prefix, ...call }) => ({
      ...call,
      attempts: attempts?.length,
    })),
    sessions: read.sessions.map(({ turns }) =>
      turns.map(({ steps }) =>
        steps.map((step) => {
          const name = step.kind === 'tool' ? step.name : step.kind;
          return `${step.id} ${name} after ${step.after.join(' ')}, ${step.startMs} to ${step.endMs}`;
        }),
      ),
    ),
  };
}

describe('every dialect profiles the same through the receiver as from its file', () => {
  const names = [...(Object.keys(dialects) as Dialect[]), 'claudeCode' as const];
  const forms = ['JSON', 'gzipped JSON', 'protobuf', 'gzipped protobuf'] as const;
  test.for(names.flatMap((dialect) => forms.map((form) => ({ dialect, form }))))(
    '$dialect as $form',
    async ({ dialect, form }) => {
      const text = otlpText(dialect);
      for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
        const isProtobuf = form.endsWith('protobuf');
        const body = isProtobuf ? encodeTraces(JSON.parse(line) as Json) : Buffer.from(line);
        const reply = await send(form.startsWith('gzip') ? gzipSync(body) : body, {
          ...(isProtobuf ? PROTOBUF : JSON_TYPE),
          ...(form.startsWith('gzip') ? GZIP : {}),
        });
        expect(reply.status).toBe(200);
        // An empty ExportTraceServiceResponse, in the form of the request.
        expect(reply.headers['content-type']).toMatch(isProtobuf ? 'x-protobuf' : 'json');
        expect(reply.body.toString()).toBe(isProtobuf ? '' : '{}');
      }
      const direct = await collectText(text, 'otlp');
      expect(allCalls(direct).length).toBeGreaterThan(0);
      const received = await collect([join(folder, 'run.otlp.jsonl')]);
      expect(shape(received)).toEqual(shape(direct));
      expect(received.records.read).toBe(recorder.telemetry.spans);
    },
  );
});

test('spans of several traces, sent by several exporters at once, are put back together', async () => {
  const TRACES = 8;
  const exporters = Array.from({ length: TRACES }, async (_, trace) => {
    // One export per span, children before parents, as exporters do.
    for (let span = 5; span >= 1; span -= 1) {
      const nano = (second: number): string => `${1_790_000_000 + second}000000000`;
      const request = {
        resourceSpans: [
          {
            scopeSpans: [
              {
                spans: [
                  {
                    traceId: `${trace + 1}`.padStart(32, '0'),
                    spanId: `${trace + 1}${span}`.padStart(16, '0'),
                    ...(span === 1 ? {} : { parentSpanId: `${trace + 1}1`.padStart(16, '0') }),
                    name: span === 1 ? 'invoke_agent a' : 'chat m',
                    startTimeUnixNano: nano(span),
                    endTimeUnixNano: nano(span === 1 ? 9 : span + 1),
                    attributes: [
                      {
                        key: 'gen_ai.operation.name',
                        value: { stringValue: span === 1 ? 'invoke_agent' : 'chat' },
                      },
                      ...(span === 1
                        ? []
                        : [
                            {
                              key: 'gen_ai.usage.input_tokens',
                              value: { intValue: String(100 * trace + span) },
                            },
                          ]),
                    ],
                  },
                ],
              },
            ],
          },
        ],
      };
      const reply = await ((trace + span) % 2 === 0
        ? send(gzipSync(encodeTraces(request)), { ...PROTOBUF, ...GZIP })
        : send(JSON.stringify(request), JSON_TYPE));
      expect(reply.status).toBe(200);
    }
  });
  await Promise.all(exporters);
  expect(recorder.telemetry).toEqual({ spans: TRACES * 5, logRecords: 0, metrics: 0 });
  const read = await collect([join(folder, 'run.otlp.jsonl')]);
  expect(read.records).toEqual({ read: 40, used: 40, skipped: 0, duplicates: 0 });
  const inputs = read.sessions.map(({ turns }) =>
    turns.flatMap(({ steps }) =>
      steps.flatMap((step) => (step.kind === 'llm' ? [step.tokens.uncached] : [])),
    ),
  );
  expect(inputs.toSorted((a, b) => a[0]! - b[0]!)).toEqual(
    Array.from({ length: TRACES }, (_, trace) => [2, 3, 4, 5].map((span) => 100 * trace + span)),
  );
});

test('logs and metrics are counted, in both forms, and nothing of them is written', async () => {
  const logs: Json = { resourceLogs: [{ scopeLogs: [{ logRecords: [{}, {}] }] }] };
  const metrics: Json = { resourceMetrics: [{ scopeMetrics: [{ metrics: [{}, {}, {}] }] }] };
  await send(JSON.stringify(logs), JSON_TYPE, '/v1/logs');
  await send(JSON.stringify(metrics), JSON_TYPE, '/v1/metrics');
  const logNames = ['resourceLogs', 'scopeLogs', 'logRecords'] as const;
  await send(gzipSync(encodeRecords(logs, logNames)), { ...PROTOBUF, ...GZIP }, '/v1/logs');
  const metricNames = ['resourceMetrics', 'scopeMetrics', 'metrics'] as const;
  await send(encodeRecords(metrics, metricNames), PROTOBUF, '/v1/metrics');
  expect(recorder.telemetry).toEqual({ spans: 0, logRecords: 4, metrics: 6 });
  expect(readdirSync(folder)).toEqual(['run.jsonl']);
});

/** A google.rpc.Status: code (1) and message (2), each of less than 128. */
function statusOf({ body, headers }: WholeResponse): { code: number; message: string } {
  if (!String(headers['content-type']).endsWith('x-protobuf')) {
    return JSON.parse(body.toString()) as { code: number; message: string };
  }
  const text = body.subarray(4).toString();
  const rebuilt = [tag(1, 0), varint(BigInt(body[1]!)), message(2, Buffer.from(text))];
  if (!Buffer.concat(rebuilt).equals(body)) throw new Error('not a google.rpc.Status');
  return { code: body[1]!, message: text };
}

describe('bodies that are no export requests', () => {
  test.for([
    { why: 'JSON that is none', body: '{', headers: JSON_TYPE, status: 400 },
    { why: 'JSON of another kind', body: '[]', headers: JSON_TYPE, status: 400 },
    {
      why: 'spans that are no list',
      body: '{"resourceSpans":{}}',
      headers: JSON_TYPE,
      status: 400,
    },
    {
      why: 'protobuf that is none',
      body: Buffer.from([0x0a, 0x7f]),
      headers: PROTOBUF,
      status: 400,
    },
    { why: 'gzip that is none', body: 'x', headers: { ...PROTOBUF, ...GZIP }, status: 400 },
    {
      why: 'an encoding that is none',
      body: '{}',
      headers: { ...JSON_TYPE, 'content-encoding': 'constructor' },
      status: 400,
    },
    {
      why: 'a bomb: 80 kB that unpack to 80 MB',
      body: gzipSync(Buffer.alloc(80 * 1024 * 1024)),
      headers: { ...PROTOBUF, ...GZIP },
      status: 400,
    },
    { why: 'gRPC', body: '', headers: { 'content-type': 'application/grpc' }, status: 415 },
    { why: 'no type at all', body: '{}', headers: {}, status: 415 },
  ])('$why is $status and leaves nothing', async ({ body, headers, status }) => {
    const reply = await send(body, headers as Record<string, string>);
    expect(reply.status).toBe(status);
    expect(readdirSync(folder)).toEqual(['run.jsonl']);
    // A google.rpc.Status in the form of the request.
    expect(statusOf(reply)).toMatchObject({
      code: status === 415 ? 12 : 3,
      message: expect.stringMatching(/export request of traces|application\/x-protobuf/),
    });
  });
});

describe('privacy', () => {
  const SECRET = 'sk-canary-c0ffee-0123456789';
  const PROSE = 'the heron nests at midnight in sector seven';

  /** A span with words in every place that takes any. */
  function leaky(words: string): Json {
    const text = { stringValue: words };
    const attribute = (key: string, value: object): object => ({ key, value });
    const everywhere = [
      attribute('gen_ai.input.messages', text),
      attribute('gen_ai.tool.name', text),
      attribute('session.id', text),
      attribute('gen_ai.conversation.id', {
        kvlistValue: { values: [{ key: words, value: text }] },
      }),
      attribute('gen_ai.tool.call.arguments', text),
      attribute('gen_ai.response.finish_reasons', { arrayValue: { values: [text] } }),
      attribute('gen_ai.agent.name', { kvlistValue: { values: [attribute(words, text)] } }),
      attribute('gen_ai.agent.name', {
        arrayValue: { values: [{ arrayValue: { values: [text] } }] },
      }),
      attribute('model', { bytesValue: words }),
      attribute('n', { intValue: words }),
      attribute('d', { doubleValue: words }),
      attribute('b', { boolValue: words }),
      attribute('two', { intValue: 1, stringValue: words }),
      attribute(words, { intValue: 1 }),
    ];
    return {
      [words]: words,
      resourceSpans: [
        {
          resource: { attributes: everywhere, [words]: words },
          schemaUrl: words,
          scopeSpans: [
            {
              scope: { name: words, version: words, attributes: everywhere },
              spans: [
                {
                  traceId: words,
                  spanId: words,
                  parentSpanId: words,
                  traceState: words,
                  name: words,
                  kind: words,
                  startTimeUnixNano: '1790000000000000000',
                  endTimeUnixNano: words,
                  attributes: [
                    attribute('gen_ai.usage.input_tokens', { intValue: '12' }),
                    ...everywhere,
                  ],
                  events: [{ timeUnixNano: words, name: words, attributes: everywhere }],
                  links: [{ traceId: words, attributes: everywhere }],
                  status: { code: words, message: words },
                },
              ],
            },
          ],
        },
      ],
    };
  }

  test.for([
    { words: PROSE, gone: ['heron', 'nests', 'midnight', 'sector'] },
    { words: SECRET, gone: ['canary', 'c0ffee'] },
  ])('no place of a span carries "$words" into the file', async ({ gone, words }) => {
    expect((await send(JSON.stringify(leaky(words)), JSON_TYPE)).status).toBe(200);
    const text = written();
    for (const word of gone) expect(text).not.toContain(word);
    // Positive control: the span itself is there.
    expect(text).toContain('gen_ai.usage.input_tokens');
    expect(await collect([join(folder, 'run.otlp.jsonl')])).toMatchObject({
      records: { read: 1, used: 1 },
    });
  });

  test('ids and arguments are hashed with one key: equal ones stay equal', async () => {
    const span = (id: string, session: string, args: string): Json => ({
      traceId: '1'.repeat(32),
      spanId: id.repeat(16),
      name: 'execute_tool lookup',
      startTimeUnixNano: '1790000000000000000',
      attributes: [
        { key: 'session.id', value: { stringValue: session } },
        { key: 'gen_ai.tool.call.arguments', value: { stringValue: args } },
      ],
    });
    const spans = [
      span('1', 's-a', '{"q":1}'),
      span('2', 's-a', '{"q":1}'),
      span('3', 's-b', '{"q":2}'),
    ];
    await send(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }), JSON_TYPE);
    const read = JSON.parse(written()) as {
      resourceSpans: {
        scopeSpans: { spans: { attributes: { value: { stringValue: string } }[] }[] }[];
      }[];
    };
    const [first, second, third] = read.resourceSpans[0]!.scopeSpans[0]!.spans.map(
      ({ attributes }) => attributes.map(({ value }) => value.stringValue),
    );
    expect(first).toEqual(second);
    expect(first![0]).toMatch(/^[\da-f]{16}$/);
    expect(third!.filter((hash) => first!.includes(hash))).toEqual([]);
  });

  test('--content keeps words, not credentials, and stays JSON whatever the words are', async () => {
    await stop();
    rmSync(join(folder, 'run.jsonl'), { force: true });
    await start(true);
    // Next to each other these two look like a URL with a password, across the JSON between them.
    const attributes = [
      { key: 'a', value: { stringValue: `${PROSE} ${SECRET} https://host` } },
      { key: 'b:c', value: { stringValue: 'd@e' } },
    ];
    const request = { resourceSpans: [{ scopeSpans: [{ spans: [{ attributes }] }] }] };
    expect((await send(encodeTraces(request), PROTOBUF)).status).toBe(200);
    expect(JSON.parse(written())).toMatchObject({
      resourceSpans: [
        {
          scopeSpans: [
            {
              spans: [
                {
                  attributes: [
                    { value: { stringValue: `${PROSE} [redacted:key] https://host` } },
                    { key: 'b:c', value: { stringValue: 'd@e' } },
                  ],
                },
              ],
            },
          ],
        },
      ],
    });
  });
});
