import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test, vi } from 'vitest';

import { profilePart } from '../../src/cli/profile-part.ts';
import { rehearsePart } from '../../src/cli/rehearse-part.ts';
import type { PartFile } from '../../src/traces/split-inputs.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';
import type { ProfileState } from '../../src/workload/profile-state.ts';

const folder = mkdtempSync(join(tmpdir(), 'rehearse-'));
afterAll(() => rmSync(folder, { recursive: true }));

const CSV = `TIMESTAMP,ContextTokens,GeneratedTokens\r\n${Array.from(
  { length: 200 },
  (_, index) => `2024-05-01 10:00:${String(index % 60).padStart(2, '0')}.5000000,1000,${index}`,
).join('\r\n')}\r\n`;
const setup = { format: 'auto', fold: {} };

function part(name: string, content: string | Buffer): readonly PartFile[] {
  const path = join(folder, name);
  writeFileSync(path, content);
  return [{ path, named: true, bytes: content.length, isCopy: false }];
}

describe('a rehearsal', () => {
  test.each([
    { why: 'of no part', part: [] },
    { why: 'of a file that is gone', part: [{ ...part('gone', '')[0]!, path: '/nowhere' }] },
    { why: 'of an empty file', part: part('empty.jsonl', '') },
    { why: 'of a document without a line end', part: part('one-line.json', '{"a": [1, 2') },
    {
      why: 'of a compressed file, cut in its middle',
      part: part('cut.gz', gzipSync(CSV).subarray(0, 90)),
    },
    { why: 'of rows', part: part('rows.csv', CSV) },
  ])('$why says nothing', async ({ part: files }) => {
    await expect(rehearsePart(files, setup, true)).resolves.toBeUndefined();
  });

  test.each([
    {
      why: 'twice with figures where the profile is computed',
      figures: true,
      folded: 2,
      computed: 2,
    },
    { why: 'without them elsewhere', figures: false, folded: 2, computed: 0 },
  ])('reads the rows $why', async ({ computed, figures, folded }) => {
    const state = vi.spyOn(ProfileFold.prototype, 'state');
    const profile = vi.spyOn(ProfileFold.prototype, 'profile');
    try {
      await rehearsePart(part('twice.csv', CSV), setup, figures);
      expect(state).toHaveBeenCalledTimes(folded);
      expect(state.mock.results.map(({ value }) => (value as ProfileState).counts.calls)).toEqual([
        200, 200,
      ]);
      expect(profile).toHaveBeenCalledTimes(computed);
    } finally {
      state.mockRestore();
      profile.mockRestore();
    }
  });

  test('leaves what is read afterwards as it is', async () => {
    const files = part('again.csv', CSV);
    const options = { onProgress: (): void => {} };
    const before = await profilePart(files, setup, options);
    await rehearsePart(files, setup, true);
    const after = await profilePart(files, setup, options);
    expect(after).toEqual(before);
    expect(after.read.counts.calls).toBe(200);
  });
});
