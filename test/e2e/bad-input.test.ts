import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { binary } from '../support/requirements.ts';

/** Bad input is met with one clear message, the right exit code, and never a stack trace. */
let folder = '';

const azureRow = '2023-11-16 18:00:00.1234500,1200,15';

const files: Readonly<Record<string, string | Buffer>> = {
  'binary.jsonl': Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 37) % 256)),
  'empty.jsonl': '',
  'blank.jsonl': '\n\n',
  'prose.txt': 'This is a letter, not a trace.\nIt has two lines.\n',
  'truncated.jsonl': `${Array.from({ length: 50 }, (_, index) => JSON.stringify({ timestamp: index * 100, input_length: 1100 + index, output_length: 52, hash_ids: [0, 1, 2] })).join('\n')}\n{"timestamp": 5000, "input_len`,
  'corrupt.csv': `TIMESTAMP,ContextTokens,GeneratedTokens\r\n${azureRow}\r\nnot a row\r\n${azureRow.replace('1200', 'many')}\r\n${azureRow.replace('18:00:00', '18:00:05')}\r\n`,
  'unknown-key.yaml': 'apiVersion: agent-infra/v1\nkind: Scenario\nname: x\nsesions: 10\n',
  'wrong-unit.yaml':
    'apiVersion: agent-infra/v1\nkind: Scenario\nname: x\nsessions: 10\ntarget:\n  url: http://127.0.0.1:9\n  timeout: 30\n',
  'wrong-kind.yaml': 'apiVersion: agent-infra/v1\nkind: Scenari\nname: x\n',
  'huge.yaml': `apiVersion: agent-infra/v1\nkind: Plan\nname: ${'x'.repeat(10 * 1024 * 1024)}\n`,
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-infra-bad-'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.for([
  {
    why: 'a binary file',
    args: ['profile', 'binary.jsonl'],
    status: 2,
    says: ['binary.jsonl', 'binary'],
  },
  {
    why: 'an empty file',
    args: ['profile', 'empty.jsonl'],
    status: 2,
    says: ['empty.jsonl', 'empty'],
  },
  {
    why: 'a file of blank lines',
    args: ['profile', 'blank.jsonl'],
    status: 2,
    says: ['blank.jsonl'],
  },
  {
    why: 'a file of no known format lists what was tried',
    args: ['profile', 'prose.txt'],
    status: 2,
    says: ['trace.unknown-format', 'prose.txt', 'azure', 'mooncake', 'otlp', 'claude-code'],
  },
  { why: 'a missing file', args: ['profile', 'nowhere.jsonl'], status: 2, says: ['nowhere.jsonl'] },
  {
    why: 'an unknown key',
    args: ['loadtest', 'unknown-key.yaml'],
    status: 2,
    says: ['unknown-key.yaml:4:1', 'did you mean "sessions"'],
  },
  {
    why: 'a number without its unit',
    args: ['loadtest', 'wrong-unit.yaml'],
    status: 2,
    says: ['wrong-unit.yaml:7:12', '30s'],
  },
  {
    why: 'the wrong kind of document',
    args: ['loadtest', 'wrong-kind.yaml'],
    status: 2,
    says: ['wrong-kind.yaml:2:7', 'Scenario'],
  },
  {
    why: 'a document beyond the limit',
    args: ['plan', 'huge.yaml'],
    status: 2,
    says: ['huge.yaml', 'larger than'],
  },
])('$why: exit $status', ({ args, status, says }) => {
  const result = spawnSync(process.execPath, [binary, ...args], { cwd: folder, encoding: 'utf8' });
  expect(result).toMatchObject({ status });
  for (const part of says) expect(result.stderr).toContain(part);
  // A message, not a stack.
  expect(result.stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
  expect(result.stdout).toBe('');
});

test.for([
  {
    why: 'a truncated last line is counted, the rest is used',
    file: 'truncated.jsonl',
    read: 51,
    used: 50,
  },
  { why: 'corrupt rows are counted, the rest is used', file: 'corrupt.csv', read: 4, used: 2 },
])('$why', ({ file, read, used }) => {
  const result = spawnSync(process.execPath, [binary, 'profile', file, '--json'], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(result).toMatchObject({ status: 0 });
  const { source } = JSON.parse(result.stdout) as {
    source: {
      records: { read: number; used: number; skipped: { reason: string; count: number }[] };
    };
  };
  expect(source.records).toMatchObject({ read, used });
  const skipped = source.records.skipped.reduce((sum, { count }) => sum + count, 0);
  expect(skipped).toBe(read - used);
});
