import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { writeWhole } from '../../src/cli/loadtest-output.ts';

test('a file is replaced as a whole, and stays when it cannot be', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'agent-infra-output-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'capacity.json');
  await writeWhole(file, 'first');
  await writeWhole(file, 'second');
  expect(readdirSync(folder)).toEqual(['capacity.json']);
  // What is written first cannot be opened.
  mkdirSync(`${file}.partial`);
  await expect(writeWhole(file, 'third')).rejects.toMatchObject({ code: 'output.unwritable' });
  expect(readFileSync(file, 'utf8')).toBe('second');
});
