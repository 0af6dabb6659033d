import { describe, expect, it, test } from 'vitest';

import {
  bar,
  downsampleMax,
  heading,
  paint,
  plain,
  sparkline,
  table,
  visibleWidth,
} from '../../src/report/text.ts';

describe('table', () => {
  it('aligns names left and numbers right, by visible width', () => {
    const text = table(
      [
        ['calls', '8,819'],
        [paint('wide 表', 'red', { colour: true }), '7'],
      ],
      { head: ['what', 'n'] },
    );
    expect(text.replaceAll('\u001B', 'ESC').split('\n')).toEqual([
      '  what         n',
      '  calls    8,819',
      '  ESC[31mwide 表ESC[39m      7',
    ]);
  });

  it('prints nothing for no rows', () => expect(table([], { head: ['a'] })).toBe(''));

  it('fills short rows', () => expect(table([['a', 'b'], ['c']])).toBe('  a  b\n  c'));
});

describe('bar', () => {
  test.for([
    { why: 'zero draws nothing', value: 0, max: 10, text: '' },
    { why: 'the maximum fills the width', value: 10, max: 10, text: '████' },
    { why: 'half', value: 5, max: 10, text: '██' },
    { why: 'a trace of something is still visible', value: 1e-9, max: 10, text: '▏' },
    { why: 'more than the maximum does not overflow', value: 99, max: 10, text: '████' },
    { why: 'unknown maximum draws nothing', value: 1, max: 0, text: '' },
    { why: 'NaN draws nothing', value: Number.NaN, max: 1, text: '' },
  ])('$why', ({ value, max, text }) => expect(bar(value, max, 4)).toBe(text));
});

describe('sparkline', () => {
  test.for([
    { why: 'empty', values: [], text: '' },
    { why: 'all zero is flat', values: [0, 0], text: '▁▁' },
    { why: 'scales to the largest', values: [0, 4, 8], text: '▁▄█' },
    { why: 'unknown is a gap, not zero', values: [8, null, 0], text: '█ ▁' },
  ])('$why', ({ values, text }) => expect(sparkline(values)).toBe(text));
});

it('keeps peaks when it has fewer cells than values', () => {
  expect(downsampleMax([1, 9, 1, 1, 1, 3], 3)).toEqual([9, 1, 3]);
  expect(downsampleMax([1, 2], 3)).toEqual([1, 2]);
});

it('colours only when asked', () => {
  expect(heading('A')).toBe('\nA');
  expect(heading('A', { colour: true })).toBe('\n\u001B[1mA\u001B[22m');
});

it('lets no control character of foreign text through', () => {
  expect(plain('a\u001B[2Jb\nc')).toBe('a�[2Jb�c');
  expect(plain('x'.repeat(60), 5)).toBe('xxxx…');
});

it('counts columns as a terminal does', () => {
  expect(visibleWidth('\u001B[1mab\u001B[22m')).toBe(2);
  expect(visibleWidth('e\u0301')).toBe(1);
  expect(visibleWidth('表')).toBe(2);
});
