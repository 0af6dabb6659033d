import { lstat, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { wholeFile } from '../../src/cli/whole-file.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'whole-file-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('the file changes only when all is kept, and folders on the way are made', async () => {
  const file = join(folder, 'a/b/profile.yaml');
  const first = await wholeFile(file);
  await writeFile(first.path, 'first');
  await first.keep();
  const second = await wholeFile(file);
  await writeFile(second.path, 'half');
  expect(await readFile(file, 'utf8')).toBe('first');
  await second.drop();
  expect(await readdir(join(folder, 'a/b'))).toEqual(['profile.yaml']);
  expect(await readFile(file, 'utf8')).toBe('first');
});

test('a link stays a link, and the file it names is replaced', async () => {
  await mkdir(join(folder, 'real'));
  await writeFile(join(folder, 'real/profile.yaml'), 'old');
  await symlink('real/profile.yaml', join(folder, 'latest.yaml'));
  const whole = await wholeFile(join(folder, 'latest.yaml'));
  await writeFile(whole.path, 'new');
  await whole.keep();
  expect(await readFile(join(folder, 'real/profile.yaml'), 'utf8')).toBe('new');
  expect((await lstat(join(folder, 'latest.yaml'))).isSymbolicLink()).toBe(true);
});

test('a link to a file that is not there yet stays a link as well', async () => {
  await mkdir(join(folder, 'runs'));
  await symlink('runs/first.yaml', join(folder, 'latest.yaml'));
  const whole = await wholeFile(join(folder, 'latest.yaml'));
  await writeFile(whole.path, 'new');
  await whole.keep();
  expect(await readFile(join(folder, 'runs/first.yaml'), 'utf8')).toBe('new');
  expect((await lstat(join(folder, 'latest.yaml'))).isSymbolicLink()).toBe(true);
});

test.skipIf(process.platform === 'win32')(
  'a device is written to as it is, not replaced by a file',
  async () => {
    const before = await lstat('/dev/null');
    const whole = await wholeFile('/dev/null');
    expect(whole.path).toBe('/dev/null');
    await writeFile(whole.path, 'text');
    await whole.keep();
    await whole.drop();
    const after = await lstat('/dev/null');
    expect(after.isCharacterDevice()).toBe(true);
    expect(after.rdev).toBe(before.rdev);
  },
);

test('a folder in the place of the file fails when it is opened', async () => {
  const whole = await wholeFile(folder);
  await expect(writeFile(whole.path, 'text')).rejects.toThrow('EISDIR');
  await whole.drop();
  expect((await lstat(folder)).isDirectory()).toBe(true);
});
