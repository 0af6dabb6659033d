import { describe, expect, test } from 'vitest';

import { quantileSorted } from '../../src/core/statistics.ts';
import { collect, collectText, noTraces, sharedTrace } from './collected.ts';

const HEADER = 'TIMESTAMP,ContextTokens,GeneratedTokens';

test('seven decimals are cut to microseconds, no zone is UTC, CRLF is fine', async () => {
  const { calls, format, records } = await collectText(
    `${HEADER}\r\n2023-11-16 18:17:03.9799609,4808,10\r\n2023-11-16 18:17:04.0319600,3180,8\r\n`,
  );
  expect(format).toBe('azure-llm-csv');
  expect(records).toEqual({ read: 2, used: 2, skipped: 0, duplicates: 0 });
  expect(calls[0]!.startMs).toBeCloseTo(Date.UTC(2023, 10, 16, 18, 17, 3) + 979.96, 3);
  expect(calls.map(({ tokens }) => [tokens.uncached, tokens.output])).toEqual([
    [4808, 10],
    [3180, 8],
  ]);
  expect(calls[0]!.endMs).toBeUndefined();
});

describe('a damaged row is skipped with its line', () => {
  test.for([
    {
      why: 'missing column',
      row: '2023-11-16 18:17:03.9,4808',
      reason: 'row has not three columns',
    },
    {
      why: 'no number',
      row: '2023-11-16 18:17:03.9,48x8,1',
      reason: 'token count is not a whole number',
    },
    {
      why: 'negative',
      row: '2023-11-16 18:17:03.9,-1,1',
      reason: 'token count is not a whole number',
    },
    { why: 'month 13', row: '2023-13-16 18:17:03.9,1,1', reason: 'timestamp not understood' },
    { why: 'second 61', row: '2023-11-16 18:17:61.9,1,1', reason: 'timestamp not understood' },
    { why: 'text', row: 'yesterday,1,1', reason: 'timestamp not understood' },
    { why: 'cut off', row: '2023-11-16 18:1', reason: 'row has not three columns' },
  ])('$why', async ({ row, reason }) => {
    const good = '2023-11-16 18:17:03.9799600,1,2';
    const { skips, calls, records } = await collectText(`${HEADER}\n${good}\n${row}`);
    expect(skips).toEqual([[reason, 'stdin:3']]);
    expect(calls).toHaveLength(1);
    expect(records).toEqual({ read: 2, used: 1, skipped: 1, duplicates: 0 });
  });
});

test('the fast path and the slow path agree on every number of decimals', async () => {
  const rows = ['', '.1', '.12', '.123', '.1234', '.12345', '.123456', '.1234567'].map(
    (fraction) => `2023-11-16 18:17:03${fraction},1,2`,
  );
  const fast = await collectText(`${HEADER}\n2023-11-16 18:17:00.0,1,2\n${rows.join('\n')}\n`);
  for (const [index, row] of rows.entries()) {
    const slow = await collectText(`${HEADER}\n${row}\n`);
    expect(fast.calls[index + 1]!.startMs).toBe(slow.calls[0]!.startMs);
  }
});

describe('figures of the published traces', () => {
  const at = (values: readonly number[], q: number): number =>
    quantileSorted(
      values.toSorted((a, b) => a - b),
      q,
    );

  for (const { file, n, input, output, seconds } of [
    {
      file: 'code',
      n: 8819,
      input: [2047.848, 1469, 5187.6, 7303.3, 7436],
      output: [27.883, 13, 55, 90, 251.46],
      seconds: 3435.948,
    },
    {
      file: 'conv',
      n: 19_366,
      input: [1154.697, 1020, 2734.5, 4083, 4142],
      output: [211.126, 129, 424, 451, 601],
      seconds: 3501.722,
    },
  ]) {
    test.skipIf(noTraces)(`Azure ${file}`, async () => {
      const { calls } = await collect([
        sharedTrace(`azure-llm-2023/AzureLLMInferenceTrace_${file}.csv`),
      ]);
      expect(calls).toHaveLength(n);
      for (const [values, expected] of [
        [calls.map(({ tokens }) => tokens.uncached), input],
        [calls.map(({ tokens }) => tokens.output), output],
      ] as const) {
        const mean = values.reduce((sum, value) => sum + value, 0) / n;
        expect(mean).toBeCloseTo(expected[0]!, 3);
        for (const [index, q] of [0.5, 0.9, 0.95, 0.99].entries()) {
          expect(at(values, q)).toBeCloseTo(expected[index + 1]!, 6);
        }
      }
      expect((calls.at(-1)!.startMs - calls[0]!.startMs) / 1000).toBeCloseTo(seconds, 3);
      const gaps = calls.slice(1).map((call, index) => call.startMs - calls[index]!.startMs);
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0);
    });
  }
});
