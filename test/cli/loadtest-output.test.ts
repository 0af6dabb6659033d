import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';

import { createRunFolder, displayPath, writeReports } from '../../src/cli/loadtest-output.ts';
import type { LoadSummary } from '../../src/loadtest/summary.ts';
import { runVirtual, scenarioOf } from '../loadtest/virtual-run.ts';

let folder = '';
const before = process.cwd();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-output-'));
  process.chdir(folder);
});

afterEach(() => vi.restoreAllMocks());

afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true, force: true });
});

test('runs that start in the same second get folders of their own', async () => {
  const folders = await Promise.all([1, 2, 3].map(() => createRunFolder(undefined, 'same')));
  expect(new Set(folders).size).toBe(3);
  for (const each of folders) expect(displayPath(each)).toMatch(/^reports\/same-[\d-]+$/);
});

test('a named folder is taken as it is, again and again', async () => {
  const out = join(folder, 'deep/run');
  expect(await createRunFolder('deep/run', 'x')).toBe(out);
  expect(await createRunFolder(out, 'x')).toBe(out);
  writeFileSync(join(folder, 'taken'), '');
  await expect(createRunFolder('taken', 'x')).rejects.toMatchObject({ code: 'output.unwritable' });
});

test('a report that cannot be written is printed all the same', async () => {
  const { summary } = await runVirtual(
    scenarioOf('sessions: 2\narrivals: {kind: constant, rate: 1/s}\n'),
    {},
  );
  const printed = captured('stdout');
  // A folder where the file should be: the same failure as a full disk, for any user.
  mkdirSync(join(folder, 'blocked/summary.json'), { recursive: true });
  await expect(
    writeReports(summary as LoadSummary, join(folder, 'blocked'), { format: 'text' }),
  ).rejects.toMatchObject({ code: 'output.unwritable', exitCode: 2 });
  expect(printed()).toContain('MEASURED, no thresholds to judge it by');
});

function captured(stream: 'stdout' | 'stderr'): () => string {
  let text = '';
  vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  return () => text;
}
