import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { BLOCK_KINDS, ClaudeLine, LINE_KINDS } from '../../src/traces/claude-line.ts';
import { jsonArgumentsHash } from '../../src/traces/json-arguments.ts';
import { amountOf, isObject, listOf, objectOf, textOf } from '../../src/traces/json-value.ts';
import { isoMs } from '../../src/traces/timestamp.ts';
import { cacheWrites } from '../../src/traces/usage.ts';

/** What ClaudeLine is to hold, said again on top of JSON.parse. */
function expected(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) return { isObject: false };
  const message = objectOf(value['message']);
  const usage = objectOf(message['usage']);
  const parts = objectOf(usage['cache_creation']);
  const outcome = objectOf(value['toolUseResult']);
  const seconds = amountOf(outcome['durationSeconds']);
  const kind = textOf(value['type']) ?? textOf(message['role']) ?? '';
  const { content } = message;
  return {
    isObject: true,
    kind: (LINE_KINDS.words as readonly string[]).indexOf(kind),
    timeMs: isoMs(textOf(value['timestamp']) ?? '') ?? Number.NaN,
    texts: [
      ...['sessionId', 'requestId', 'uuid', 'parentUuid', 'agentId', 'subtype'].map(
        (key) => value[key],
      ),
      ...['id', 'model', 'stop_reason'].map((key) => message[key]),
    ].map(textOf),
    flags: ['isSidechain', 'isMeta', 'isCompactSummary'].map((key) => value[key] === true),
    durationMs: amountOf(value['durationMs']),
    outcomeMs:
      amountOf(outcome['durationMs']) ??
      (seconds === undefined ? undefined : seconds * 1000) ??
      amountOf(outcome['totalDurationMs']),
    hasMessage: isObject(value['message']),
    isText: typeof content === 'string',
    missReason: textOf(objectOf(objectOf(message['diagnostics'])['cache_miss_reason'])['type']),
    content: content ?? null,
    usage: isObject(message['usage']) && {
      uncached: amountOf(usage['input_tokens']) ?? 0,
      cacheRead: amountOf(usage['cache_read_input_tokens']) ?? 0,
      output: amountOf(usage['output_tokens']) ?? 0,
      ...cacheWrites(amountOf(usage['cache_creation_input_tokens']), {
        fiveMinutes: amountOf(parts['ephemeral_5m_input_tokens']),
        oneHour: amountOf(parts['ephemeral_1h_input_tokens']),
      }),
    },
    blocks: listOf(content)
      .filter(isObject)
      .map((block) => ({
        type: (BLOCK_KINDS.words as readonly string[]).indexOf(textOf(block['type']) ?? ''),
        texts: ['id', 'name', 'tool_use_id'].map((key) => textOf(block[key])),
        isError: block['is_error'] === true,
        agentType: textOf(objectOf(block['input'])['subagent_type']),
        arguments: block['input'] === undefined || block['input'] === null ? null : block['input'],
      })),
  };
}

function found(line: ClaudeLine): unknown {
  if (!line.isObject) return { isObject: false };
  const { message } = line;
  return {
    isObject: true,
    kind: line.kind,
    timeMs: line.timestamp.timeMs(),
    texts: [
      line.sessionId,
      line.requestId,
      line.uuid,
      line.parentUuid,
      line.agentId,
      line.subtype,
      message.id,
      message.model,
      message.stopReason,
    ].map((field) => field.text()),
    flags: [line.isSidechain, line.isMeta, line.isCompactSummary],
    durationMs: line.durationMs,
    outcomeMs: line.outcomeMs,
    hasMessage: line.hasMessage,
    isText: message.isText,
    missReason: message.missReason.text(),
    content: JSON.parse(
      line.bytes.toString('utf8', message.contentStart, message.contentEnd) || 'null',
    ) as unknown,
    usage: message.hasUsage && { ...message.usage },
    blocks: message.blocks.slice(0, message.blockCount).map((block) => ({
      type: block.type.word(BLOCK_KINDS),
      texts: [block.id, block.name, block.toolUseId].map((field) => field.text()),
      isError: block.isError,
      agentType: block.agentType.text(),
      arguments: JSON.parse(
        line.bytes.toString('utf8', block.inputStart, block.inputEnd) || 'null',
      ) as unknown,
    })),
  };
}

const text = fc.oneof(
  fc.constantFrom('assistant', 'user', 'system', 'summary', 'tool_use', 'tool_result', 'x', ''),
  fc.constantFrom('2026-01-01T00:01:05.000Z', '2026-01-01T00:01:59.999Z', '2026-01-01T00:02:00Z'),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const number = fc.oneof(
  fc.nat(),
  fc.double(),
  fc.nat().map(String),
  fc.constantFrom(-1, '1e400', 0.5),
);
const anything = fc.oneof(
  text,
  number,
  fc.boolean(),
  fc.constant(null),
  fc.jsonValue({ maxDepth: 2 }),
);
const usually = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: anything });

/** JSON text of an object with these keys in any order, some twice, some missing, others between. */
function objectText(members: Readonly<Record<string, fc.Arbitrary<string>>>): fc.Arbitrary<string> {
  const known = Object.entries(members).map(([key, value]) => fc.tuple(fc.constant(key), value));
  const other = fc.tuple(fc.string({ unit: 'binary', maxLength: 8 }), jsonOf(anything));
  return fc
    .tuple(
      fc.shuffledSubarray([...known, ...known.slice(0, 2), other]),
      fc.constantFrom('', ' ', '\t\r'),
    )
    .chain(([parts, space]) =>
      fc.tuple(...parts).map((pairs) => {
        const inner = pairs.map(
          ([key, value]) => `${JSON.stringify(key)}${space}:${space}${value}`,
        );
        return `{${space}${inner.join(`,${space}`)}${space}}`;
      }),
    );
}

function jsonOf(value: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  return fc.tuple(usually(value), fc.boolean()).map(([one, isEscaped]) => {
    const json = JSON.stringify(one) ?? 'null';
    if (!isEscaped || typeof one !== 'string') return json;
    const units = Array.from({ length: one.length }, (_, at) => one.charCodeAt(at));
    return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`;
  });
}

const texts = (...keys: readonly string[]): Record<string, fc.Arbitrary<string>> =>
  Object.fromEntries(keys.map((key) => [key, jsonOf(text)]));
const numbers = (...keys: readonly string[]): Record<string, fc.Arbitrary<string>> =>
  Object.fromEntries(keys.map((key) => [key, jsonOf(number)]));
const sometimes = (value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof({ weight: 5, arbitrary: value }, { weight: 1, arbitrary: jsonOf(anything) });

const block = objectText({
  ...texts('type', 'id', 'name', 'tool_use_id'),
  is_error: jsonOf(fc.boolean()),
  input: sometimes(objectText({ ...texts('subagent_type', 'file_path') })),
});
const lineText = objectText({
  ...texts(
    'type',
    'timestamp',
    'sessionId',
    'requestId',
    'uuid',
    'parentUuid',
    'agentId',
    'subtype',
  ),
  ...numbers('durationMs'),
  isSidechain: jsonOf(fc.boolean()),
  isMeta: jsonOf(fc.boolean()),
  isCompactSummary: jsonOf(fc.boolean()),
  toolUseResult: sometimes(objectText(numbers('durationMs', 'durationSeconds', 'totalDurationMs'))),
  message: sometimes(
    objectText({
      ...texts('role', 'id', 'model', 'stop_reason'),
      content: fc.oneof(
        jsonOf(text),
        fc.array(sometimes(block), { maxLength: 3 }).map((blocks) => `[${blocks.join(',')}]`),
      ),
      diagnostics: sometimes(
        objectText({ cache_miss_reason: sometimes(objectText(texts('type', 'id'))) }),
      ),
      usage: sometimes(
        objectText({
          ...numbers('input_tokens', 'output_tokens', 'cache_read_input_tokens'),
          ...numbers('cache_creation_input_tokens'),
          cache_creation: sometimes(
            objectText(numbers('ephemeral_5m_input_tokens', 'ephemeral_1h_input_tokens')),
          ),
        }),
      ),
    }),
  ),
});

test('a line read from its bytes says what JSON.parse says', () => {
  const line = new ClaudeLine();
  fc.assert(
    fc.property(
      fc.array(fc.oneof(lineText, jsonOf(anything)), { minLength: 1, maxLength: 4 }),
      (lines) => {
        // One after another, because what is remembered of a line speeds up the next.
        const bytes = Buffer.from(`${lines.join('\n')}\n`);
        let start = 0;
        for (const one of lines) {
          const end = start + Buffer.byteLength(one);
          expect(line.read(bytes, start, end)).toBe(true);
          expect(found(line)).toEqual(expected(bytes.toString('utf8', start, end)));
          start = end + 1;
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('times are what isoMs makes of them, plain ones of one day and others', () => {
  const two = (most: number): fc.Arbitrary<string> =>
    fc.oneof(
      fc.integer({ min: 0, max: most }).map((value) => String(value).padStart(2, '0')),
      fc.constantFrom('60', '24', '0x', '-1', ' 1'),
    );
  const time = fc
    .tuple(
      fc.constantFrom('2026-01-01', '2026-02-29', '2024-02-29', '1969-12-31'),
      two(23),
      two(59),
      two(59),
    )
    .chain(([date, hour, minute, second]) =>
      fc
        .constantFrom('.000Z', '.123Z', '.12Z', 'Z', '.1234Z', '.123+02:00', '.12xZ', '')
        .map((end) => `${date}T${hour}:${minute}:${second}${end}`),
    );
  const line = new ClaudeLine();
  fc.assert(
    fc.property(fc.array(time, { minLength: 1 }), (times) => {
      for (const one of times) {
        const bytes = Buffer.from(JSON.stringify({ timestamp: one }));
        line.read(bytes, 0, bytes.length);
        expect([one, line.timestamp.timeMs()]).toEqual([one, isoMs(one) ?? Number.NaN]);
      }
    }),
    { numRuns: 300 },
  );
});

test('a line that is cut off anywhere is refused, and the next one is read', () => {
  const line = new ClaudeLine();
  const whole =
    '{"type":"user","message":{"content":[{"type":"tool_result","content":"a\\"b"}]},"n":-1.5e3}';
  const next = `\n${whole}\n`;
  for (let length = 0; length < whole.length; length += 1) {
    const bytes = Buffer.from(whole.slice(0, length) + next);
    expect(line.read(bytes, 0, length)).toBe(false);
    expect(line.read(bytes, length + 1, bytes.length - 1)).toBe(true);
    expect(line.message.blockCount).toBe(1);
  }
});

const hashOf = (json: string, name = 'Bash'): number => {
  const bytes = Buffer.from(json);
  return jsonArgumentsHash(name, bytes, 0, bytes.length);
};

test.for([
  { why: 'white space', a: '{"a": [1, 2]}', b: '{"a":[1,2]}' },
  { why: 'escapes', a: '{"a":"\\u00e9\\/\\u0041"}', b: '{"a":"é/A"}' },
  { why: 'numbers', a: '[1.0,1e2,-0]', b: '[1,100,0]' },
  { why: 'digits beyond a double', a: '[12345678901234567890]', b: '[12345678901234567000]' },
  { why: 'keys that are whole numbers', a: '{"b":1,"1":2}', b: '{"1":2,"b":1}' },
])('equal arguments have equal hashes however written: $why', ({ a, b }) => {
  expect(hashOf(a)).toBe(hashOf(b));
});

test('hashes are equal exactly for equal arguments of one tool', () => {
  const value = fc.jsonValue().filter((one) => one !== null);
  fc.assert(
    fc.property(value, value, (a, b) => {
      const [x, y] = [JSON.stringify(a), JSON.stringify(b)];
      expect(hashOf(x)).toBe(hashOf(JSON.stringify(a, null, 2)));
      expect(hashOf(x) === hashOf(y)).toBe(x === y);
      expect(hashOf(x, 'Read')).not.toBe(hashOf(x));
    }),
  );
  expect(hashOf('null')).toBeNaN();
  expect(hashOf('')).toBeNaN();
});
