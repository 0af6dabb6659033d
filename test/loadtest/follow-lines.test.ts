import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { followLines } from '../../src/loadtest/follow-lines.ts';

test('whole lines as they are added, characters cut between reads, the rest at the end, nothing after', () => {
  const folder = mkdtempSync(join(tmpdir(), 'agent-infra-follow-'));
  const file = join(folder, 'log.txt');
  const lines: string[] = [];
  const follower = followLines(file, (line) => lines.push(line));
  follower.read(); // not there yet
  const euro = Buffer.from('€');
  appendFileSync(file, Buffer.concat([Buffer.from('one\ntwo '), euro.subarray(0, 1)]));
  follower.read();
  expect(lines).toEqual(['one']);
  appendFileSync(file, Buffer.concat([euro.subarray(1), Buffer.from('\nthr')]));
  follower.read();
  expect(lines).toEqual(['one', 'two €']);
  appendFileSync(file, 'ee');
  follower.close();
  expect(lines).toEqual(['one', 'two €', 'three']);
  appendFileSync(file, '\nfour\n');
  follower.read();
  follower.close();
  expect(lines).toHaveLength(3);
  rmSync(folder, { recursive: true });
});
