import { describe, expect, it, test } from 'vitest';

import {
  bar,
  barTable,
  downsampleMax,
  heading,
  paint,
  plain,
  sparkline,
  table,
} from '../../src/report/text.ts';
import { visibleWidth, wrap } from '../../src/report/text-width.ts';

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

  describe('on a narrow terminal', () => {
    const rows = [
      ['first', '1,000', '2,000', 'a sentence that says why this is so'],
      ['second', '3', '4', ''],
    ];
    const head = ['name', 'calls', 'peak', 'why'];
    const align = ['left', 'right', 'right', 'left'] as const;

    it('wraps text beside the row while there is room', () => {
      expect(table(rows, { head, align, columns: 52 }).split('\n')).toEqual([
        '  name    calls   peak  why',
        '  first   1,000  2,000  a sentence that says why',
        '                        this is so',
        '  second      3      4',
      ]);
    });

    it('puts text below the row when there is none', () => {
      expect(table(rows, { head, align, columns: 36 }).split('\n')).toEqual([
        '  name    calls   peak',
        '  first   1,000  2,000',
        '      a sentence that says why this',
        '      is so',
        '  second      3      4',
      ]);
    });

    it('brings columns that do not fit in a group of their own, with the labels', () => {
      const numbers = rows.map((row) => row.slice(0, 3));
      expect(table(numbers, { head: head.slice(0, 3), columns: 16 }).split('\n')).toEqual([
        '  name    calls',
        '  first   1,000',
        '  second      3',
        '  name     peak',
        '  first   2,000',
        '  second      4',
      ]);
    });

    test.for([20, 40, 60, 80, 200])('no line of a table is wider than %i columns', (columns) => {
      const wide = Math.max(...table(rows, { head, align, columns }).split('\n').map(visibleWidth));
      // Text is never cut into a strip narrower than 28 columns.
      expect(wide).toBeLessThanOrEqual(Math.max(columns, 6 + 28));
    });

    it('keeps a colour on each line of a wrapped text', () => {
      const text = paint('one two three', 'dim', { colour: true });
      expect(wrap(text, 7)).toEqual(
        ['one two', 'three'].map((line) => paint(line, 'dim', { colour: true })),
      );
    });
  });

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

describe('barTable', () => {
  const rows = (width: number): string[][] => [['a name', bar(1, 1, width), '12']];
  test.for([
    { why: 'no terminal: whole bars', columns: undefined, text: '  a name  ████████  12' },
    { why: 'room to the last column', columns: 22, text: '  a name  ████████  12' },
    { why: 'a narrow one: half', columns: 21, text: '  a name  ████  12' },
    { why: 'a narrower one: none', columns: 17, text: '  a name    12' },
  ])('$why', ({ columns, text }) => {
    const align = ['left', 'left', 'right'] as const;
    expect(barTable(rows, 8, { align }, { colour: false, columns })).toBe(text);
  });
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
