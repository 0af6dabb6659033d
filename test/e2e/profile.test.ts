import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it, test } from 'vitest';

import { loadWorkloadProfile } from '../../src/config/workload-profile.ts';
import { binary } from '../support/requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'profile-e2e-'));
afterAll(() => rmSync(folder, { recursive: true }));

const CSV = [
  'TIMESTAMP,ContextTokens,GeneratedTokens',
  ...Array.from({ length: 120 }, (_, index) => {
    const second = String(index % 60).padStart(2, '0');
    return `2024-05-01 10:0${Math.floor(index / 60)}:${second}.2500000,${1000 + index},${10 + (index % 7)}`;
  }),
  'not a row',
].join('\n');
const trace = join(folder, 'small.csv');
writeFileSync(trace, CSV);

const env = { ...process.env, CI: 'true', NO_COLOR: '1' };

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [binary, 'profile', ...args], { encoding: 'utf8', env });
}

describe('agent-infra profile', () => {
  it.skipIf(!existsSync('/dev/full'))(
    'prints what it read although the profile cannot be written',
    () => {
      const { status, stdout, stderr } = run(trace, '-o', '/dev/full');
      expect(stdout).toContain('120 LLM calls');
      expect(stderr).toBe('error [output.unwritable]: /dev/full: no space left on the disk\n');
      expect(status).toBe(2);
      expect(lstatSync('/dev/full').isCharacterDevice()).toBe(true);
    },
  );

  it('prints a report and accounts for every record', () => {
    const { status, stdout, stderr } = run(trace);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toContain('120 LLM calls · over 1 min 59 s from 2024-05-01T10:00:00.250Z');
    expect(stdout).toMatch(/records read\s+121/);
    expect(stdout).toMatch(/used\s+120/);
    expect(stdout).toMatch(/skipped: .*\s1\s/);
  });

  it('prints JSON in the agreed shape, without sessions', () => {
    const { status, stdout } = run(trace, '--json', '--name', 'mine');
    expect(status).toBe(0);
    const profile = JSON.parse(stdout) as Record<string, unknown>;
    expect(profile).toMatchObject({
      schema: 'agent-infra/workload-profile',
      schemaVersion: '1.0',
      name: 'mine',
      source: {
        records: { read: 121, used: 120, skipped: [{ count: 1 }], duplicatesSuppressed: 0 },
      },
      sessions: { count: null },
      turns: { count: null, llmCallsPerTurn: null },
      calls: { count: 120, attempts: 120, errors: 0 },
      tokens: { input: { n: 120, min: 1000, max: 1119, p50: 1059.5 }, reasoning: null },
      latency: { e2eMs: null, ttftMs: null, itlMs: null },
      state: { reads: 0, writes: 0 },
      arrivals: { rpm: { peakTumbling: 60, peakSliding: 60 }, idc: { s10: 0 } },
      concurrency: { calls: null, sessions: null, fanOut: null },
      cache: { realisedHitRate: null, potentialHitRate: null },
    });
    expect(profile).not.toHaveProperty('skeletons');
  });

  it('writes a profile that plan and loadtest can load', async () => {
    const file = join(folder, 'new', 'small.yaml');
    const { status, stderr } = run(trace, '-o', file);
    expect(status).toBe(0);
    expect(stderr).toBe(`wrote ${file} (0 sessions to replay)\n`);
    expect((await loadWorkloadProfile(file)).calls.count).toBe(120);
    expect(readdirSync(join(folder, 'new'))).toEqual(['small.yaml']);
  });

  it('writes YAML to stdout on -o -, and reads stdin', () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [binary, 'profile', '-', '-o', '-', '--name', 'piped'],
      { encoding: 'utf8', env, input: CSV },
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/^apiVersion: agent-infra\/v1$/m);
    expect(stdout).toMatch(/^name: piped$/m);
  });

  test.for([
    { why: 'no inputs', args: [], status: 2, says: "missing required argument 'inputs'" },
    { why: 'both on stdout', args: [trace, '--json', '-o', '-'], status: 2, says: 'both want' },
    { why: 'sessions', args: [trace, '--sessions', '-3'], status: 2, says: '--sessions -3' },
    { why: 'a missing file', args: ['nowhere.csv'], status: 2, says: 'nowhere.csv' },
    { why: 'an unknown format', args: [trace, '--format', 'mooncak'], status: 2, says: 'mooncak' },
    {
      why: 'an output that cannot be written',
      args: [trace, '-o', join(trace, 'x.yaml')],
      status: 2,
      says: 'output.unwritable',
    },
  ])('refuses $why', ({ args, status, says }) => {
    const result = run(...args);
    expect(result.stderr).toContain(says);
    expect(result.stderr).not.toContain('This is a bug');
    expect(result.status).toBe(status);
  });

  test.for([
    { signal: 'SIGINT', code: 130 },
    { signal: 'SIGTERM', code: 143 },
  ] as const)('on $signal says what happened and writes nothing', async ({ signal, code }) => {
    const file = join(folder, `${signal}.yaml`);
    const child = spawn(process.execPath, [binary, 'profile', '-', '-o', file], { env });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.on('error', () => {}); // the child closes its end
    // More than any pipe holds: once it is taken, the child reads. Then silence, so that only the
    // signal can end the read.
    await new Promise((taken) => child.stdin.write(`${CSV}\n`.repeat(1000), taken));
    child.kill(signal);
    const [exitCode] = (await once(child, 'exit')) as [number | null];
    expect(stderr).toContain(`interrupted (${signal})`);
    expect(stderr).toContain('nothing was written');
    expect(exitCode).toBe(code);
    expect(() => readFileSync(file)).toThrow('ENOENT');
  });
});

describe('agent-infra profile show and diff', () => {
  it('take the name of a bundled profile', () => {
    expect(run('show', 'azure-code').stdout).toMatch(/^azure-code /);
    const { status, stderr } = run('show', 'azure-cod');
    expect(status).toBe(2);
    expect(stderr).toContain('azure-cod: no such file or folder');
  });

  const file = join(folder, 'stored.yaml');

  it('show prints the report that profile printed, or JSON', () => {
    const written = run(trace, '-o', file, '--name', 'stored');
    expect(written.status).toBe(0);
    expect(run('show', file).stdout).toBe(written.stdout);
    const json = run('show', file, '--json').stdout;
    expect((JSON.parse(json) as { name: string }).name).toBe('stored');
  });

  it('diff compares figure by figure', () => {
    expect(run('diff', file, file).stdout).toContain('stored against stored');
    const { differences } = JSON.parse(run('diff', file, file, '--json').stdout) as {
      differences: { metric: string; change: number }[];
    };
    expect(differences[0]).toMatchObject({ metric: 'input, mean', change: 0 });
  });

  it('a trace in place of a profile is told apart', () => {
    const { status, stderr } = run('show', trace);
    expect(status).toBe(2);
    expect(stderr).toContain('small.csv:1:1 this is no workload profile');
    expect(stderr).toContain('Traces are read by: agent-infra profile');
  });
});

describe('agent-infra profile export', () => {
  it('writes to stdout, and to a file that appears when it is whole', () => {
    const toStdout = run('export', trace, '--format', 'mooncake');
    expect(toStdout.status).toBe(0);
    expect(toStdout.stderr).toContain('note: 120 calls have neither prefix hashes nor cache reads');
    const file = join(folder, 'out', 'trace.jsonl');
    expect(run('export', trace, '--format', 'mooncake', '-o', file).status).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(toStdout.stdout);
    expect(readdirSync(join(folder, 'out'))).toEqual(['trace.jsonl']);
    expect(run(file, '--json').stdout).toContain('"count": 120');
  });

  it('writes a folder of WEKA files', () => {
    const target = join(folder, 'weka');
    const { status, stderr } = run('export', trace, '--format', 'weka', '-o', target);
    expect(status).toBe(0);
    expect(stderr).toContain(`120 files in ${target}`);
    expect(readdirSync(target)).toHaveLength(120);
  });

  test.for([
    { why: 'no format', args: [trace], says: '--format' },
    {
      why: 'a wrong format',
      args: [trace, '--format', 'mooncak'],
      says: 'Did you mean "mooncake"?',
    },
    { why: 'a folder on stdout', args: [trace, '--format', 'weka'], says: 'name it with -o' },
    {
      why: 'a file below a file',
      args: [trace, '--format', 'otlp', '-o', join(trace, 'x')],
      says: 'output.unwritable',
    },
  ])('refuses $why', ({ args, says }) => {
    const { status, stderr } = run('export', ...args);
    expect(stderr).toContain(says);
    expect(status).toBe(2);
  });
});
