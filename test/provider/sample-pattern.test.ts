import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Random } from '../../src/core/random.ts';
import { samplePattern } from '../../src/provider/sample-pattern.ts';

const ANY = { minLength: 0, maxLength: Number.POSITIVE_INFINITY };

describe('a sample matches its pattern', () => {
  test.for([
    String.raw`^[A-Z]{3}-\d{2}$`,
    String.raw`^(?:sk|pk)_(live|test)_[0-9a-zA-Z]{24}$`,
    String.raw`^\+?[1-9]\d{6,14}$`,
    String.raw`^#(?:[0-9a-f]{3}){1,2}$`,
    String.raw`^[^@\s]+@[^@\s]+\.[a-z]{2,}$`,
    String.raw`^\d{4}-(0[1-9]|1[0-2])-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$`,
    String.raw`^(?<owner>[\w.-]+)/(?<name>[\w.-]+)$`,
    String.raw`^[\]\\-]+?$`,
    String.raw`^\u0041\x42\W\D\S$`,
    '^$',
    '.*',
    'abc|def',
  ])('%s', (pattern) => {
    const random = new Random(pattern);
    for (let round = 0; round < 50; round += 1) {
      expect(samplePattern(pattern, random, ANY)).toMatch(new RegExp(pattern, 'u'));
    }
  });

  test('property: any pattern of these pieces, of any least length', () => {
    const piece = fc.constantFrom(
      'a',
      '[b-f]',
      '(?:gh|i)',
      String.raw`\d`,
      '[^a-z]',
      String.raw`\.`,
    );
    const times = fc.constantFrom('', '?', '*', '+', '{2}', '{1,3}', '{2,}');
    const pattern = fc
      .array(fc.tuple(piece, times), { minLength: 1, maxLength: 6 })
      .map((parts) => `^${parts.map((part) => part.join('')).join('')}$`);
    fc.assert(
      fc.property(pattern, fc.nat(12), fc.string(), (text, minLength, seed) => {
        const sample = samplePattern(text, new Random(seed), { ...ANY, minLength });
        if (sample === undefined) return; // cannot be made that long
        expect(sample).toMatch(new RegExp(text, 'u'));
        expect(sample.length).toBeGreaterThanOrEqual(minLength);
      }),
    );
  });
});

test('length bounds are kept, or there is no sample', () => {
  const random = new Random('lengths');
  expect(samplePattern('^[a-z]+$', random, { minLength: 40, maxLength: 40 })).toHaveLength(40);
  expect(samplePattern('^[a-z]{5}$', random, { minLength: 6, maxLength: 9 })).toBeUndefined();
  expect(samplePattern('^[a-z]{5}$', random, { minLength: 0, maxLength: 4 })).toBeUndefined();
});

test.for([
  { why: 'look-ahead', pattern: '(?=a)b' },
  { why: 'look-behind', pattern: '(?<=a)b' },
  { why: 'back reference', pattern: String.raw`(a)\1` },
  { why: 'word boundary', pattern: String.raw`\ba` },
  { why: 'not closed', pattern: '(a' },
  { why: 'a class without members', pattern: '[]' },
  { why: 'nothing to repeat', pattern: '*a' },
  { why: 'nested a thousand times', pattern: `${'('.repeat(1000)}a${')'.repeat(1000)}` },
  { why: 'longer than any text', pattern: '((a{9999}){9999}){9999}' },
])('not read: $why', ({ pattern }) => {
  expect(samplePattern(pattern, new Random('x'), ANY)).toBeUndefined();
});
