import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { array, assert, asyncProperty, constantFrom, integer, tuple } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';

import { joinParts, readPart, readTraces } from '../../src/traces/read.ts';
import { readers } from '../../src/traces/readers.ts';
import { IdentityClaims, sharedHashes } from '../../src/traces/split-claims.ts';
import { splitRules } from '../../src/traces/split-formats.ts';
import { joined, partInput, splitInputs } from '../../src/traces/split-inputs.ts';
import type { Part } from '../../src/traces/split-inputs.ts';
import { ProfileFold } from '../../src/workload/profile-fold.ts';
import type { WorkloadProfile } from '../../src/workload/workload-profile.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'split-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(files: Record<string, string | Buffer>): Promise<string> {
  const root = await mkdtemp(join(folder, 'case-'));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }
  return root;
}

function profile(
  fold: ProfileFold,
  { format, files }: { format: string; files: readonly string[] },
): WorkloadProfile {
  return fold.profile({ name: 'test', format, files });
}

async function whole(inputs: readonly string[]): Promise<WorkloadProfile> {
  const fold = new ProfileFold();
  return profile(fold, await readTraces(inputs, fold));
}

/** As several threads do it, in one: each part into a fold of its own, then merged. */
async function inParts(parts: readonly Part[]): Promise<WorkloadProfile> {
  const fold = new ProfileFold();
  const read = [];
  for (const part of parts) {
    const own = new ProfileFold();
    read.push(await readPart(part.map(partInput), own, {}));
    fold.merge(structuredClone(own.state()));
  }
  return profile(fold, joinParts(read));
}

const row = (index: number): string =>
  `2024-05-01 10:${String(Math.floor(index / 60) % 60).padStart(2, '0')}:${String(index % 60).padStart(2, '0')}.25,${1000 + index},${index % 7}`;

test('a store of small files is one part, which one of them tells; others are split as ever', async () => {
  const part = (id: string): string =>
    JSON.stringify({ id, sessionID: 'ses_1', messageID: 'msg_1', type: 'text', text: id });
  const names = Array.from({ length: 40 }, (_, index) => `b/storage/part/msg_1/prt_${index}.json`);
  const rows = Array.from({ length: 400 }, (_, index) => row(index)).join('\n');
  const files = Object.fromEntries(names.map((name) => [name, part(name)]));
  const csv = `TIMESTAMP,ContextTokens,GeneratedTokens\n${rows}\n`;
  const options = { jobs: 2, format: 'auto', minBytes: 100 };
  expect(await splitInputs([await write(files)], options)).toBeUndefined();
  const mixed = await splitInputs([await write({ ...files, 'a.csv': csv, 'c.csv': csv })], options);
  const stores = mixed!.filter((files) => files.some(({ path }) => path.includes('storage')));
  expect(
    stores.map((files) => files.filter(({ path }) => path.includes('storage')).length),
  ).toEqual([40]);
  expect(mixed!.length).toBeGreaterThan(4);
  // As another format the same files are read apart.
  const apart = await splitInputs([await write(files)], { ...options, format: 'codex-rollout' });
  expect(apart!.length).toBeGreaterThan(4);
});

describe('lines of a file', () => {
  it('are each read once, wherever the file is cut', async () => {
    const line = tuple(integer({ min: 0, max: 3000 }), constantFrom('', '', ',x', 'é', '\r')).map(
      ([index, extra]) => `${row(index)}${extra}`,
    );
    await assert(
      asyncProperty(
        array(line, { minLength: 1, maxLength: 60, size: 'max' }),
        constantFrom('\n', '\r\n'),
        constantFrom('', '\n', '\n\n'),
        integer({ min: 2, max: 40 }),
        async (lines, newline, last, jobs) => {
          // One row is sound, else there is nothing to profile.
          const rows = ['TIMESTAMP,ContextTokens,GeneratedTokens', row(7), ...lines];
          const text = rows.join(newline) + last;
          const root = await write({ 'a.csv': text });
          const inputs = [join(root, 'a.csv')];
          const parts = await splitInputs(inputs, { jobs, format: 'auto', minBytes: 1 });
          expect(parts!.length).toBeGreaterThan(1);
          expect(await inParts(parts!)).toEqual(await whole(inputs));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('with prefix blocks keep their order, so that calls of one instant hit as in one run', async () => {
    const lines = Array.from({ length: 300 }, (_, index) =>
      JSON.stringify({
        timestamp: Math.floor(index / 40) * 3000,
        input_length: 700 + ((index * 31) % 900),
        output_length: index % 50,
        hash_ids: [0, 1 + (index % 5), 10 + ((index * 7) % 40)],
      }),
    );
    lines.splice(100, 0, '{"timestamp": 5, "input_le', '[]', '');
    const root = await write({ 'a.jsonl': lines.join('\n'), 'b.jsonl': lines.slice(7).join('\n') });
    const parts = await splitInputs([root], { jobs: 3, format: 'auto', minBytes: 1 });
    expect(parts!.length).toBeGreaterThan(8);
    const merged = await inParts(parts!);
    expect(merged.cache.prefix!.lru.length).toBeGreaterThan(0);
    expect(merged).toEqual(await whole([root]));
  });

  test.for([
    { why: 'one job', jobs: 1, files: { 'a.csv': `${row(1)}\n` } },
    { why: 'little data', jobs: 4, minBytes: 1e9, files: { 'a.csv': `${row(1)}\n` } },
    {
      why: 'a compressed file has no lines to start at',
      jobs: 4,
      files: { 'a.csv.gz': gzipSync(`TIMESTAMP,ContextTokens,GeneratedTokens\n${row(1)}\n`) },
    },
    {
      why: 'spans belong to each other wherever they stand',
      jobs: 2,
      files: {
        'a.json': JSON.stringify({ resourceSpans: [], padding: ' '.repeat(500) }),
        'b.json': '{"resourceSpans":[]}',
      },
    },
  ])('not split: $why', async ({ jobs, files, minBytes }) => {
    const root = await write(files);
    expect(
      await splitInputs([root], { jobs, format: 'auto', minBytes: minBytes ?? 1 }),
    ).toBeUndefined();
  });

  it('does not read stdin to find out', async () => {
    expect(await splitInputs(['-'], { jobs: 4, format: 'auto', minBytes: 0 })).toBeUndefined();
  });
});

const transcript = (session: string, from: number, count: number, isSidechain = false): string =>
  Array.from({ length: count }, (_, index) => {
    const at = (second: number): string =>
      new Date(1.7e12 + (from + index) * 60_000 + second * 1000).toISOString();
    const common = { sessionId: session, isSidechain, ...(isSidechain ? { agentId: 'x' } : {}) };
    const user = {
      type: 'user',
      ...common,
      timestamp: at(0),
      message: { role: 'user', content: 'go' },
    };
    const assistant = {
      type: 'assistant',
      ...common,
      requestId: `r${from + index}`,
      timestamp: at(5),
      message: {
        id: `m${isSidechain ? 'side' : ''}${from + index}`,
        role: 'assistant',
        model: 'claude-opus-4-8',
        content: [{ type: 'text', text: 'done' }],
        usage: { input_tokens: 10 + index, output_tokens: 5 },
      },
    };
    return `${JSON.stringify(user)}\n${JSON.stringify(assistant)}\n`;
  }).join('');

describe('sessions in files', () => {
  it('stay with their sub-agents, and parts without shared messages merge to the whole', async () => {
    const root = await write(
      Object.fromEntries(
        Array.from({ length: 12 }, (_, index) => [
          [`s${index}.jsonl`, transcript(`s${index}`, index * 100, 5 + index)],
          [`s${index}/subagents/agent-x.jsonl`, transcript(`s${index}`, index * 100 + 50, 3, true)],
        ]).flat(),
      ),
    );
    const parts = (await splitInputs([root], { jobs: 2, format: 'auto', minBytes: 1 }))!;
    expect(parts.length).toBeGreaterThan(3);
    for (const part of parts) {
      expect(part.filter(({ path }) => path.includes('subagents')).length * 2).toBe(part.length);
    }
    const merged = await inParts(parts);
    expect(merged.sessions.count).toBe(12);
    expect(merged).toEqual(await whole([root]));
  });

  it('claim what a copied message shows, so that its parts are read together', async () => {
    const root = await write({
      'a.jsonl': transcript('a', 0, 6),
      'b.jsonl': transcript('b', 100, 6),
      'c.jsonl': transcript('c', 3, 6),
    });
    const parts = (await splitInputs([root], { jobs: 3, format: 'auto', minBytes: 1 }))!;
    expect(parts).toHaveLength(3);
    const claims = [];
    for (const part of parts) {
      const own = new IdentityClaims();
      await readPart(part.map(partInput), new ProfileFold(), { claims: own });
      claims.push(own.hashes());
    }
    expect(claims.map(({ length }) => length)).toEqual([7, 7, 7]);
    expect(sharedHashes(claims[0]!, claims[1]!)).toBe(0);
    expect(sharedHashes(claims[0]!, claims[2]!)).toBe(3);
    expect(await inParts(parts)).not.toEqual(await whole([root]));
    expect(await inParts([joined(parts)])).toEqual(await whole([root]));
  });

  it('know a copy of a file before they are dealt out', async () => {
    const text = transcript('a', 0, 6);
    const root = await write({
      'a.jsonl': text,
      'b.jsonl': text,
      'c.jsonl': transcript('c', 90, 9),
    });
    const parts = (await splitInputs([root], { jobs: 3, format: 'auto', minBytes: 1 }))!;
    expect(parts.flat().map(({ isCopy }) => isCopy)).toEqual([false, true, false]);
    const merged = await inParts(parts);
    expect(merged.source.records.duplicatesSuppressed).toBe(1);
    expect(merged).toEqual(await whole([root]));
  });
});

test('every format has a rule', () => {
  expect(Object.keys(splitRules).toSorted()).toEqual(Object.keys(readers).toSorted());
});

test('claims count what two lists share, each once', () => {
  const claims = (...ids: string[]): Float64Array => {
    const own = new IdentityClaims();
    for (const id of ids) own.add('session', id);
    return own.hashes();
  };
  expect(claims('a', 'b', 'a')).toHaveLength(2);
  expect(sharedHashes(claims('a', 'b', 'c'), claims('c', 'x', 'a', 'a'))).toBe(2);
  expect(sharedHashes(claims(), claims('a'))).toBe(0);
});
