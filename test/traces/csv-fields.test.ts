import fc from 'fast-check';
import { expect, test } from 'vitest';

import { csvFields, isOpenRecord } from '../../src/traces/csv-fields.ts';
import { samples } from '../fixtures/traces/samples.ts';
import { allCalls, collectText } from './collected.ts';

const quoted = (field: string): string =>
  /[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;

test('property: fields come back as they were written', () => {
  const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '{', ' ') });
  fc.assert(
    fc.property(fc.array(field, { minLength: 1 }), (fields) => {
      const record = fields.map(quoted).join(',');
      expect(csvFields(record)).toEqual(fields);
      // Cut at any line end the record is open, or the cut is between quotes that balance.
      expect(isOpenRecord(record)).toBe(false);
    }),
  );
});

test.for([
  { why: 'a quote never closed', record: 'a,"b,c', fields: ['a', 'b,c'] },
  { why: 'text after a closing quote', record: '"a"b,c', fields: ['ab', 'c'] },
  { why: 'nothing', record: '', fields: [''] },
  { why: 'a comma at the end', record: 'a,', fields: ['a', ''] },
])('damaged records are read as far as they go: $why', ({ record, fields }) => {
  expect(csvFields(record)).toEqual(fields);
});

test('an export as CSV gives what the same rows give as JSON', async () => {
  const [header, ...rows] = [
    ['id', 'traceId', 'type', 'startTime', 'endTime', 'model', 'usageDetails', 'sessionId'],
    [
      'o1',
      't',
      'GENERATION',
      '2026-01-01 00:00:00.100',
      '2026-01-01 00:00:01.000',
      'm',
      '{"input":6,"output":2}',
      's',
    ],
    ['o2', 't', 'TOOL', '2026-01-01 00:00:01.000', '2026-01-01 00:00:02.000', '', '', 's'],
    ['o3', 't', 'GENERATION', '2026-01-01 00:00:02.000', '', 'm', '{"input":9,"output":3}', 's'],
  ] as const;
  const csv = [header!, ...rows].map((row) => row.map(quoted).join(',')).join('\r\n');
  const json = rows.map((row) =>
    JSON.stringify(
      Object.fromEntries(row.flatMap((cell, at) => (cell === '' ? [] : [[header![at], cell]]))),
    ),
  );
  const [fromCsv, fromJson] = [await collectText(csv), await collectText(json.join('\n'))];
  expect([fromCsv.format, fromJson.format]).toEqual(['langfuse-csv', 'langfuse']);
  expect(fromCsv.sessions).toEqual(fromJson.sessions);
  expect(allCalls(fromCsv)).toHaveLength(2);
});

test('claude-code-proxy: times and tokens of whole and streamed answers', async () => {
  const found = await collectText(samples['claude-code-proxy'].text);
  expect(
    found.calls.map(({ startMs, endMs, ttftMs, streamed, model }) => ({
      seconds: (endMs! - startMs) / 1000,
      ttftMs,
      streamed,
      model,
    })),
  ).toEqual([
    { seconds: 1.5, ttftMs: 400, streamed: true, model: 'claude-opus-5' },
    { seconds: 0.5, ttftMs: undefined, streamed: false, model: 'm' },
  ]);
  expect(found.skips.map(([reason]) => reason)).toEqual(['not a request to a model']);
});
