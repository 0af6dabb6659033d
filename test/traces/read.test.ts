import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { readTraces } from '../../src/traces/read.ts';
import { samples } from '../fixtures/traces/samples.ts';
import { allCalls, collect, collectText } from './collected.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'traces-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, content);
  return path;
}

const nothing = { call() {}, session() {}, read() {}, skip() {}, duplicate() {} };

describe('inputs', () => {
  test('a directory is walked, hidden and foreign files are left alone', async () => {
    await file('a/x.jsonl', samples.mooncake.text);
    await file('a/b/y.csv', samples['azure-llm-csv'].text);
    await file('.hidden/z.jsonl', samples.mooncake.text);
    await file('a/readme.md', '# no trace');
    const { format, calls, files } = await collect([folder]);
    expect(format).toBe('azure-llm-csv + mooncake');
    expect(calls).toHaveLength(4);
    expect(files).toHaveLength(2);
  });

  test('an unknown or empty file of a directory is one skipped record', async () => {
    await file('x.jsonl', samples.mooncake.text);
    await file('config.json', '{"a":1}');
    await file('empty.json', '');
    await file('blob.json', Buffer.from([1, 2, 0, 4]));
    const { skips, records } = await collect([folder]);
    expect(skips.map(([reason]) => reason).toSorted()).toEqual([
      'binary file',
      'empty file',
      'unknown format',
    ]);
    expect(records).toEqual({ read: 5, used: 2, skipped: 3, duplicates: 0 });
  });

  test.for([
    { why: 'star', glob: '*.jsonl', found: 2 },
    { why: 'question mark', glob: 'part-?.jsonl', found: 2 },
    { why: 'alternatives', glob: 'part-{1,3}.jsonl', found: 1 },
    { why: 'any depth', glob: '**/*.jsonl', found: 3 },
    { why: 'a file named twice is read once', glob: '{part-1,part-1}.jsonl', found: 1 },
  ])('glob: $why', async ({ glob, found }) => {
    for (const [index, name] of ['part-1.jsonl', 'part-2.jsonl', 'deep/part-3.jsonl'].entries()) {
      await file(name, `{"timestamp":${index},"input_length":10,"output_length":1}\n`);
    }
    expect((await collect([join(folder, glob)])).calls).toHaveLength(found);
  });

  test('stdin beside files', async () => {
    const path = await file('x.jsonl', samples.mooncake.text);
    async function* stdin(): AsyncGenerator<Buffer> {
      yield Buffer.from(samples['azure-llm-csv'].text);
    }
    const { files, format } = await readTraces([path, '-'], nothing, { stdin: stdin() });
    expect([files, format]).toEqual([[path, 'stdin'], 'mooncake + azure-llm-csv']);
  });

  test('progress counts bytes; an abort ends the read with its reason', async () => {
    const path = await file('x.jsonl', samples.mooncake.text);
    const seen: number[] = [];
    await readTraces([path], nothing, { onProgress: ({ bytesRead }) => seen.push(bytesRead) });
    expect(seen.at(-1)).toBe(samples.mooncake.text.length);
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(readTraces([path], nothing, { signal })).rejects.toThrow('enough');
  });
});

describe('archives', () => {
  test('a tar inside gzip is read member by member', async () => {
    const members = [
      ['one.jsonl', samples.mooncake.text],
      ['two.jsonl', samples.mooncake.text.replace('"timestamp":0', '"timestamp":1')],
    ] as const;
    const path = await file(
      'both.tar.gz',
      gzipSync(Buffer.concat([...members.map(tarMember), Buffer.alloc(1024)])),
    );
    const { calls, files } = await collect([path]);
    expect(calls).toHaveLength(4);
    expect(files).toEqual([`${path}:one.jsonl`, `${path}:two.jsonl`]);
  });

  test('a gzip that ends early gives what it holds', async () => {
    const rows = Array.from(
      { length: 5000 },
      (_, index) => `{"timestamp":${index},"input_length":${index % 977},"output_length":1}\n`,
    );
    const whole = gzipSync(rows.join(''));
    const { calls, records } = await collectText(whole.subarray(0, Math.floor(whole.length / 2)));
    expect(calls.length).toBeGreaterThan(1000);
    expect(records.used + records.skipped).toBe(records.read);
  });

  test('damaged gzip data is a clear error', async () => {
    const bytes = gzipSync(samples.mooncake.text);
    bytes.fill(0xff, 12, 40);
    await expect(collectText(bytes)).rejects.toMatchObject({ code: 'trace.unreadable' });
  });

  test('zstd is read, or refused with the way out', async () => {
    const zstd = Buffer.from('28b52ffd2400010000', 'hex');
    await expect(collectText(zstd)).rejects.toMatchObject({
      code: expect.stringMatching(/^trace\./),
    });
  });
});

describe('what cannot be read says why', () => {
  test.for([
    {
      why: 'a stored profile',
      text: '# yaml-language-server: $schema=./workload-profile.schema.json\nkind: WorkloadProfile\n',
      hint: 'profile show',
    },
    {
      why: 'a shard',
      text: '{"schema":"agent-infra/profile-shard","schemaVersion":"1.3"}\n{}\n',
      hint: 'profile merge',
    },
    { why: 'anything else', text: 'Dear reader,\nhello', hint: '--format' },
  ])('$why: the hint names the way', async ({ text, hint }) => {
    await expect(collectText(text)).rejects.toMatchObject({
      code: 'trace.unknown-format',
      hint: expect.stringContaining(hint),
    });
  });

  test.for([
    { why: 'an empty file', text: '', code: 'trace.empty', says: 'stdin is empty' },
    { why: 'only white space', text: ' \n\n', code: 'trace.empty', says: 'stdin is empty' },
    {
      why: 'a binary file',
      text: '\u0000\u0001\u0002',
      code: 'trace.unknown-format',
      says: 'binary file',
    },
    {
      why: 'prose',
      text: 'Dear reader,\nhello',
      code: 'trace.unknown-format',
      says: 'azure-llm-csv: the header is not',
    },
    {
      why: 'JSON of no format',
      text: '{"a":1}',
      code: 'trace.unknown-format',
      says: 'mooncake: no record with timestamp',
    },
    {
      why: 'a format name that is none',
      text: '{}',
      format: 'mooncakes',
      code: 'trace.unknown-format',
      says: 'no trace format mooncakes',
    },
    {
      why: 'nothing usable',
      text: `${samples.mooncake.text.slice(0, 20)}`,
      format: 'mooncake',
      code: 'trace.empty',
      says: 'no LLM call in stdin',
    },
    {
      why: 'only damaged lines',
      text: '{"timestamp":1}\n{"x"\n',
      format: 'mooncake',
      code: 'trace.empty',
      says: '2 records read as mooncake, 2 skipped',
    },
  ])('$why', async ({ text, format, code, says }) => {
    await expect(collectText(text, format)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(says),
    });
  });

  test.for([
    { why: 'no such file', path: 'absent.jsonl', says: 'does not exist' },
    { why: 'a glob without matches', path: '*.jsonl', says: 'no file matches' },
    { why: 'a directory without traces', path: '.', says: 'holds no trace files' },
  ])('$why', async ({ path, says }) => {
    await expect(collect([join(folder, path)])).rejects.toMatchObject({
      code: 'trace.unreadable',
      message: expect.stringContaining(says),
    });
  });

  test('a file two readers accept names both', async () => {
    const row = {
      timestamp: 1,
      input_length: 2,
      output_length: 3,
      request_id: 'r',
      request_created_at: '2026-01-01T00:00:00Z',
    };
    await expect(collectText(JSON.stringify(row))).rejects.toMatchObject({
      code: 'trace.unknown-format',
      message: expect.stringMatching(/helicone or mooncake/),
    });
  });

  test('the unknown format lists every reader once', async () => {
    const error = await collectText('{"a":1}').catch((thrown: unknown) => thrown as Error);
    const tried = (error as Error).message.split('\n').slice(1);
    expect(tried.length).toBe(new Set(tried.map((line) => line.split(':')[0])).size);
    expect(tried.length).toBeGreaterThan(20);
  });
});

describe('damaged lines are counted and named', () => {
  const good = '{"timestamp":1,"input_length":10,"output_length":1}';

  test.for([
    {
      why: 'a cut last line',
      text: `${good}\n{"timestamp":2,"inp`,
      skip: ['last line is cut off', 'stdin:2'],
    },
    {
      why: 'rubbish in the middle',
      text: `${good}\n}{\n${good}\n`,
      skip: ['line is not JSON', 'stdin:2'],
    },
    {
      why: 'rubbish at the beginning',
      text: `}{\n${good}\n${good}\n`,
      skip: ['line is not JSON', 'stdin:1'],
    },
    {
      why: 'a list instead of an object',
      text: `${good}\n[1,2]\n`,
      skip: ['row lacks timestamp, input_length or output_length', 'stdin:2'],
    },
    {
      why: 'a negative length',
      text: `${good}\n{"timestamp":2,"input_length":-5,"output_length":1}\n`,
      skip: ['row lacks timestamp, input_length or output_length', 'stdin:2'],
    },
  ])('$why', async ({ text, skip }) => {
    const { skips, calls } = await collectText(text);
    expect(skips).toEqual([skip]);
    expect(calls.length).toBeGreaterThan(0);
  });

  test('empty lines are no records; CRLF is a line end', async () => {
    const { records } = await collectText(`${good}\r\n\r\n\n${good}\r\n`);
    expect(records).toEqual({ read: 2, used: 2, skipped: 0, duplicates: 0 });
  });

  test('a document that is cut off is used as far as it goes', async () => {
    const text = samples.litellm.text;
    const { calls, skips } = await collectText(text.slice(0, text.length - 30));
    expect(calls).toHaveLength(1);
    expect(skips.map(([reason]) => reason)).toContain(
      'document is cut off or damaged; its beginning was used',
    );
  });

  test('a first line longer than what is looked at does not hide the format', async () => {
    const long = JSON.stringify({
      timestamp: 1,
      input_length: 10,
      output_length: 1,
      hash_ids: Array(40_000).fill(7),
    });
    expect(allCalls(await collectText(`${long}\n${good}\n`))).toHaveLength(2);
    expect(allCalls(await collectText(long))).toHaveLength(1);
  });
});

function tarMember([name, content]: readonly [string, string]): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write(`${Buffer.byteLength(content).toString(8).padStart(11, '0')}\0`, 124);
  header.write('0', 156);
  header.write('ustar\u000000', 257);
  const body = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / 512) * 512);
  body.write(content);
  return Buffer.concat([header, body]);
}
