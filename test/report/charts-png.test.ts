import { expect, test } from 'vitest';

import { renderComparisonPng } from '../../src/report/charts-png.ts';
import { compare } from '../../src/report/demo.ts';

const row = compare({
  name: 'Requests',
  definition: 'sent',
  unit: 'perMinute',
  predicted: { value: 100, low: 90, high: 110 },
  measured: 104,
  tolerance: 0.1,
});
const rows = [
  row,
  compare({ ...row, name: 'Turn, p95', unit: 'ms', measured: 260 }),
  compare({
    ...row,
    name: 'Input read from the cache',
    unit: 'share',
    predicted: { value: 0.8, low: 0.75, high: 0.85 },
    measured: 0.81,
  }),
  compare({
    ...row,
    name: 'Refused',
    unit: 'share',
    predicted: { value: 0, low: 0, high: 0 },
    measured: 0,
  }),
];

// The canvas is an optional dependency without a binary for every platform; CI has one.
const png = await renderComparisonPng(rows);
const isMissing = png === undefined && process.env['CI'] !== 'true';
if (isMissing) process.stderr.write('skipped: @napi-rs/canvas or its font is not installed\n');

test.skipIf(isMissing)(
  'a picture of the comparison: PNG, twice the size, the same bytes',
  async () => {
    const bytes = png!;
    expect(String.fromCodePoint(...bytes.slice(1, 4))).toBe('PNG');
    expect(new DataView(bytes.buffer, bytes.byteOffset).getUint32(16)).toBe(2000);
    expect(bytes.length).toBeLessThan(300_000);
    expect(await renderComparisonPng(rows)).toEqual(bytes);
  },
);
