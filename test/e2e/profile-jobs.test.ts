import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';

import { readShard } from '../../src/cli/profile-shard.ts';
import type { foldTraces as FoldTraces } from '../../src/cli/profile-jobs.ts';
import type { WorkloadProfile } from '../../src/workload/workload-profile.ts';
import { binary } from '../support/requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'profile-jobs-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Workers run compiled files only, so the built module is tested, not its source. */
let foldTraces: typeof FoldTraces;
beforeAll(async () => {
  const built = pathToFileURL(join(dirname(binary), '../dist/cli/profile-jobs.js')).href;
  ({ foldTraces } = (await import(built)) as { foldTraces: typeof FoldTraces });
});

async function profile(inputs: readonly string[], jobs: number): Promise<WorkloadProfile> {
  const { fold, result } = await foldTraces(inputs, {
    format: 'auto',
    fold: { skeletons: 5 },
    jobs,
    minBytes: 1,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  return fold.profile({ name: 'test', format: result.format, files: result.files });
}

/** One turn of one call per message number. */
function transcript(session: string, from: number, count: number): string {
  return Array.from({ length: count }, (_, index) => {
    const at = (second: number): string =>
      new Date(1.7e12 + (from + index) * 60_000 + second * 1000).toISOString();
    const user = {
      type: 'user',
      sessionId: session,
      timestamp: at(0),
      message: { role: 'user', content: 'go' },
    };
    const assistant = {
      type: 'assistant',
      sessionId: session,
      requestId: `r${from + index}`,
      timestamp: at(1 + ((index * 7) % 40)),
      message: {
        id: `m${from + index}`,
        role: 'assistant',
        model: 'claude-opus-4-8',
        content: [],
        usage: { input_tokens: 10 + index, cache_read_input_tokens: index * 100, output_tokens: 5 },
      },
    };
    return `${JSON.stringify(user)}\n${JSON.stringify(assistant)}\n`;
  }).join('');
}

function files(contents: Record<string, string>): string[] {
  return Object.entries(contents).map(([name, text]) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  });
}

const csv = (rows: number): string =>
  [
    'TIMESTAMP,ContextTokens,GeneratedTokens',
    ...Array.from({ length: rows }, (_, index) => {
      const time = new Date(1.7e12 + index * 737).toISOString().replace('T', ' ').replace('Z', '');
      return index % 50 === 3 ? 'damaged' : `${time},${(index * 7919) % 8000},${index % 400}`;
    }),
  ].join('\n');

describe('several jobs give the profile of one', () => {
  test.for([
    {
      why: 'sessions in files of their own',
      contents: Object.fromEntries(
        Array.from({ length: 9 }, (_, index) => [
          `own-${index}.jsonl`,
          transcript(`own-${index}`, index * 100, 8 + index),
        ]),
      ),
    },
    {
      why: 'forked sessions repeat messages of files that other threads read',
      contents: {
        'fork-a.jsonl': transcript('a', 0, 20),
        'fork-b.jsonl': transcript('b', 500, 22),
        'fork-c.jsonl': transcript('c', 10, 24),
        'fork-d.jsonl': transcript('d', 900, 26),
      },
    },
    { why: 'one file cut at line ends', contents: { 'rows.csv': csv(3000) } },
    {
      why: 'formats side by side',
      contents: { 'mix.csv': csv(500), 'mix.jsonl': transcript('mix', 0, 30) },
    },
  ])('$why', async ({ contents }) => {
    const inputs = files(contents);
    const one = await profile(inputs, 1);
    expect(one.calls.count).toBeGreaterThan(60);
    expect(await profile(inputs, 3)).toEqual(one);
  });

  it('reports the error of the first file that cannot be read', async () => {
    const inputs = files({
      'e1.jsonl': transcript('e1', 0, 9),
      'e2.jsonl': '{"nothing":"known"}\n'.repeat(40),
      'e3.jsonl': transcript('e3', 50, 9),
    });
    const problem = { code: 'trace.unknown-format', message: expect.stringContaining('e2.jsonl') };
    await expect(profile(inputs, 1)).rejects.toMatchObject(problem);
    await expect(profile(inputs, 3)).rejects.toMatchObject(problem);
  });

  it('ends all threads when it is interrupted', async () => {
    const interruption = new AbortController();
    const running = foldTraces(files({ 'long.csv': csv(1_000_000) }), {
      format: 'auto',
      fold: {},
      jobs: 2,
      minBytes: 1,
      signal: interruption.signal,
      onProgress: () => {},
    });
    setTimeout(() => interruption.abort(new Error('stop')), 50);
    await expect(running).rejects.toThrow('stop');
  });
});

const env = { ...process.env, CI: 'true', NO_COLOR: '1' };

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [binary, 'profile', ...args], { encoding: 'utf8', env });
}

/** Fingerprints of prompts and messages in a shard. */
async function shardPrints(file: string): Promise<number> {
  const { prompts, asks } = (await readShard(file)).state.side.repeats;
  return prompts.hashes.length + asks.texts.length + asks.shingles.length;
}

describe('agent-infra profile --shard, profile merge', () => {
  const shard = (name: string): string => join(folder, name);
  const json = (stdout: string): WorkloadProfile => JSON.parse(stdout) as WorkloadProfile;

  it('merges shards to the profile of all traces in one run', async () => {
    const inputs = files({
      'm1.jsonl': transcript('m1', 0, 40),
      'm2.jsonl': transcript('m2', 300, 30),
      'm3.csv': csv(200),
    });
    for (const [index, input] of inputs.entries()) {
      const { status, stderr } = run(input, '--shard', shard(`${index}.gz`));
      expect(status).toBe(0);
      expect(stderr).toMatch(/^wrote .*\.gz \(shard of \d+ LLM calls\)\n$/);
    }
    const shards = [2, 0, 1].map((index) => shard(`${index}.gz`));
    const { status, stdout, stderr } = run('merge', ...shards, '--json', '--name', 'all');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const whole = json(run(...inputs, '--json', '--name', 'all').stdout);
    // Fingerprints of prompts stay in the process that made them: repeats are those within shards.
    const compared = ({ warnings, ...others }: WorkloadProfile): unknown => ({
      ...others,
      source: null,
      repeats: null,
      warnings: warnings.filter((warning) => !warning.startsWith('NOT SAFE TO ANSWER')),
    });
    expect(compared(json(stdout))).toEqual(compared(whole));
    const asks = json(stdout).repeats!.asks!;
    expect(asks.count).toBe(whole.repeats!.asks!.count);
    expect(asks.exact).toBe(whole.repeats!.asks!.exact - 1);
    for (const one of shards) expect(await shardPrints(one)).toBe(0);
    expect(json(stdout).source.records).toEqual(whole.source.records);

    const written = join(folder, 'merged.yaml');
    expect(run('merge', ...shards, '-o', written).status).toBe(0);
    const alone = join(folder, 'alone.yaml');
    expect(run(...inputs, '-o', alone).status).toBe(0);
    const sessions = (file: string): string => readFileSync(file, 'utf8').split('skeletons:')[1]!;
    expect(sessions(written)).toBe(sessions(alone));
  });

  it('holds no content and no ids', () => {
    const [input] = files({
      'secret.jsonl': transcript('CANARY-session', 0, 5).replace('go', 'CANARY'),
    });
    expect(run(input!, '--shard', shard('secret.gz')).status).toBe(0);
    expect(gunzipSync(readFileSync(shard('secret.gz'))).toString()).not.toContain('CANARY');
  });

  it('says what two shards share, and counts a repeated shard once', () => {
    const inputs = files({
      'd1.jsonl': transcript('d1', 0, 20),
      'd2.jsonl': transcript('d2', 15, 20),
    });
    run(inputs[0]!, '--shard', shard('d1.gz'));
    run(inputs[1]!, '--shard', shard('d2.gz'));
    const { status, stdout, stderr } = run(
      'merge',
      shard('d1.gz'),
      shard('d1.gz'),
      shard('d2.gz'),
      '--json',
    );
    expect(status).toBe(0);
    expect(stderr).toContain('repeats');
    expect(stderr).toContain('share 5 sessions, messages or requests');
    expect(json(stdout).calls.count).toBe(40);
  });

  const whole = (): Buffer => {
    run(...files({ 'bad.jsonl': transcript('bad', 0, 20) }), '--shard', shard('good.gz'));
    return readFileSync(shard('good.gz'));
  };
  test.for([
    { why: 'no such file', content: undefined, says: 'does not exist' },
    { why: 'a trace', content: () => Buffer.from(transcript('x', 0, 3)), says: 'no profile shard' },
    {
      why: 'another gzip file',
      content: () => gzipSync('hello\n'.repeat(100)),
      says: 'no profile shard',
    },
    { why: 'an empty file', content: () => Buffer.alloc(0), says: 'cut off or damaged' },
    {
      why: 'a shard that was cut off',
      content: () => whole().subarray(0, -200),
      says: 'cut off or damaged',
    },
    {
      why: 'its last line is missing',
      content: () => {
        const lines = gunzipSync(whole()).toString().trimEnd().split('\n');
        return gzipSync(`${lines.slice(0, -1).join('\n')}\n`);
      },
      says: 'cut off or damaged',
    },
    {
      why: 'a number was changed',
      content: () => gzipSync(gunzipSync(whole()).toString().replace('"calls":20', '"calls":21')),
      says: 'cut off or damaged',
    },
    {
      why: 'another version',
      content: () =>
        gzipSync(
          gunzipSync(whole())
            .toString()
            .replace(/"schemaVersion":"[\d.]+"/, '"schemaVersion":"0.9"'),
        ),
      says: 'is a shard of version 0.9',
    },
  ])('refuses with exit code 2: $why', ({ content, says }) => {
    const file = shard('refused.gz');
    rmSync(file, { force: true });
    if (content !== undefined) writeFileSync(file, content());
    const { status, stdout, stderr } = run('merge', file);
    expect(stderr).toContain(says);
    expect(stderr).not.toContain('    at ');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });

  it('refuses shards whose sessions were drawn by different rules', () => {
    const [input] = files({ 'seed.jsonl': transcript('seed', 0, 5) });
    run(input!, '--shard', shard('s1.gz'));
    run(input!, '--shard', shard('s2.gz'), '--seed', 'other');
    const { status, stderr } = run('merge', shard('s1.gz'), shard('s2.gz'));
    expect(status).toBe(2);
    expect(stderr).toContain('--seed or --sessions differ');
  });

  test.for(['0', '1.5', 'many'])('refuses --jobs %s', (jobs) => {
    const { status, stderr } = run(...files({ 'j.csv': csv(5) }), '--jobs', jobs);
    expect(status).toBe(2);
    expect(stderr).toContain('--jobs');
  });
});
