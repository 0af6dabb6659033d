import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import type { Sample } from '../../src/loadtest/sample.ts';
import { createSampleWriter, parseSample } from '../../src/loadtest/samples-file.ts';

const sample: Sample = { type: 'end', at: 1, complete: true };

test.skipIf(!existsSync('/dev/full'))('a full disk: told once, thrown when closed', () => {
  let told = 0;
  const writer = createSampleWriter('/dev/full', () => {
    told += 1;
  });
  for (let round = 0; round < 3; round += 1) {
    writer.add(sample);
    writer.flush();
  }
  expect(told).toBe(1);
  expect(() => writer.close()).toThrow('/dev/full: no space left on the disk');
});

test('a folder that is not there is said at once', () => {
  const folder = mkdtempSync(join(tmpdir(), 'agent-infra-samples-'));
  try {
    const file = join(folder, 'none', 'samples.jsonl');
    expect(() => createSampleWriter(file)).toThrow('no such file or folder');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a line that is cut is no sample', () => {
  const line = JSON.stringify(sample);
  expect(parseSample(line)).toEqual(sample);
  expect(parseSample(line.slice(0, -3))).toBeUndefined();
  expect(parseSample('3')).toBeUndefined();
});
