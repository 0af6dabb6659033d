import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { END, JsonCursor, NOT_JSON } from '../../src/traces/json-cursor.ts';
import { NO_WORD, WordTable } from '../../src/traces/word-table.ts';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Reads the whole text, which stands between other bytes. */
function isAccepted(text: string, take: (cursor: JsonCursor) => void): boolean {
  const bytes = Buffer.from(`"]}${text}"]}`);
  const cursor = new JsonCursor();
  try {
    cursor.open(bytes, 3, bytes.length - 3);
    take(cursor);
    cursor.close();
    return true;
  } catch (thrown) {
    if (thrown === NOT_JSON) return false;
    throw thrown;
  }
}

const KEYS = new WordTable(['a', 'key', 'long_key_of_words']);

/** Takes every value by the method that suits it, members and elements too. */
function takeAll(cursor: JsonCursor): void {
  if (cursor.object()) {
    for (let key = cursor.key(KEYS, NO_WORD); key !== END; key = cursor.key(KEYS, key)) {
      takeAll(cursor);
    }
  } else if (cursor.array()) while (cursor.element()) takeAll(cursor);
  else if (cursor.isString()) cursor.string();
  else cursor.scalar();
}

// Without backslashes: what stands inside strings that are passed over is not judged.
const plainText = fc.oneof(
  fc.constantFrom('a', 'key', 'long_key_of_words', '', 'é', '你好', '}', '[1,'),
  fc
    .string({ unit: 'grapheme', maxLength: 12 })
    .map((text) => text.replaceAll(/["\\\p{Cc}]/gu, '')),
);
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false, 0, -0.5, 12, 1e21, 1.5e-7, 2 ** 60),
    plainText,
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(plainText, tie('json'), { maxKeys: 4 }),
  ),
}));
const jsonText = fc
  .tuple(json, fc.boolean())
  .map(([value, isSpaced]) =>
    JSON.stringify(value, null, isSpaced ? 1 : 0).replaceAll('\n', ' \t'),
  );
const tornText = fc
  .tuple(
    jsonText,
    fc.nat(),
    fc.nat(3),
    fc.constantFrom(...'{ } [ ] , : " 0 . e E + - t f n'.split(' '), ' ', ''),
  )
  .map(([text, at, gone, instead]) => {
    const place = at % (text.length + 1);
    return text.slice(0, place) + instead + text.slice(place + gone);
  });

describe('accepts what JSON.parse accepts, where strings hold nothing unusual', () => {
  test.for([
    { why: 'passed over', take: (cursor: JsonCursor) => cursor.skip() },
    { why: 'walked through', take: takeAll },
  ])('$why', ({ take }) => {
    fc.assert(
      fc.property(fc.oneof(jsonText, tornText), (text) => {
        expect(isAccepted(text, take)).toBe(isJson(text));
      }),
      { numRuns: 400 },
    );
  });

  test.for([
    { text: '[1,]', why: 'a comma promises an element' },
    { text: '{"a":1,}', why: 'a comma promises a member' },
    { text: '[01]', why: 'no leading zeros' },
    { text: '[1.]', why: 'a point promises digits' },
    { text: '[-]', why: 'a sign promises digits' },
    { text: '{"a" 1}', why: 'a key needs its colon' },
    { text: '"\\"', why: 'the quote is escaped, the string goes on' },
    { text: '"\\\\"', why: 'the backslash is escaped, the quote closes' },
    { text: `${'['.repeat(5000)}${']'.repeat(5000)}`, why: 'depth costs no stack' },
    { text: `${'['.repeat(5000)}${']'.repeat(4999)}`, why: 'the last bracket is missing' },
    { text: 'tru', why: 'a word is cut off' },
    { text: '1 2', why: 'two values' },
    { text: '', why: 'nothing' },
  ])('$why', ({ text }) => {
    expect(isAccepted(text, (cursor) => cursor.skip())).toBe(isJson(text));
  });
});

test('texts and numbers are what JSON.parse makes of them', () => {
  const scalar = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.maxSafeInteger(),
  );
  fc.assert(
    fc.property(scalar, fc.boolean(), (value, isEscaped) => {
      const plain = JSON.stringify(value);
      const text = isEscaped && typeof value === 'string' ? escaped(value) : plain;
      const bytes = Buffer.from(text);
      const cursor = new JsonCursor();
      cursor.open(bytes, 0, bytes.length);
      expect(cursor.scalar()).toBe(JSON.parse(bytes.toString()));
      cursor.close();
    }),
  );
});

/** JSON of a text, every unit as its escape. */
function escaped(text: string): string {
  const units = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`;
}

test('keys are found in any order, escaped or not, and the order of last time does not matter', () => {
  const table = new WordTable(['type', 'id', 'input_tokens', 'x']);
  const cursor = new JsonCursor();
  const keysOf = (text: string): number[] => {
    const bytes = Buffer.from(text);
    cursor.open(bytes, 0, bytes.length);
    const found: number[] = [];
    expect(cursor.object()).toBe(true);
    for (let key = cursor.key(table, NO_WORD); key !== END; key = cursor.key(table, key)) {
      found.push(table.has(key) ? key : NO_WORD);
      cursor.skip();
    }
    cursor.close();
    return found;
  };
  const key = fc.constantFrom('type', 'id', 'input_tokens', 'x', 'y', 'other', 'typ', '', 'é');
  fc.assert(
    fc.property(fc.array(fc.array(fc.tuple(key, fc.boolean()))), (objects) => {
      for (const object of objects) {
        const members = object.map(([name, isEscaped]) =>
          isEscaped ? `${escaped(name)} : 1` : `${JSON.stringify(name)}:"v"`,
        );
        const expected = object.map(([name]) => (table.words as readonly string[]).indexOf(name));
        expect(keysOf(`{${members.join(',')}}`)).toEqual(expected);
      }
    }),
  );
});

test('more keys than a table can learn', () => {
  const table = new WordTable(['last']);
  const names = Array.from({ length: 300 }, (_, index) => `key-${index}-${'x'.repeat(index)}`);
  const bytes = Buffer.from(
    JSON.stringify(Object.fromEntries([...names, 'last'].map((n) => [n, 0]))),
  );
  const cursor = new JsonCursor();
  for (let round = 0; round < 2; round += 1) {
    cursor.open(bytes, 0, bytes.length);
    cursor.object();
    let hits = 0;
    for (let key = cursor.key(table, NO_WORD); key !== END; key = cursor.key(table, key)) {
      hits += table.has(key) ? 1 : 0;
      cursor.skip();
    }
    expect(hits).toBe(1);
  }
});
