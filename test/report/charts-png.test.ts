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

test('a picture of the comparison: PNG, twice the resolution, the same bytes each time', async () => {
  const png = await renderComparisonPng(rows);
  if (png === undefined) {
    // The canvas is an optional dependency without a binary for every platform.
    process.stdout.write('skipped: @napi-rs/canvas or @fontsource/inter is not installed\n');
    return;
  }
  expect([...png.slice(1, 4)].map((byte) => String.fromCodePoint(byte)).join('')).toBe('PNG');
  const width = new DataView(png.buffer, png.byteOffset).getUint32(16);
  expect(width).toBe(2000);
  expect(png.length).toBeLessThan(300_000);
  expect(await renderComparisonPng(rows)).toEqual(png);
});
