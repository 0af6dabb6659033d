import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { binary, root } from '../support/requirements.ts';

const version = (
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
).version;

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [binary, ...args], {
    encoding: 'utf8',
    env: { ...process.env, CI: 'true' },
  });
}

describe('the command line', () => {
  test.for([
    {
      args: ['--help'],
      status: 0,
      stdout: 'Usage: agent-infra',
      stderr: '',
      why: 'help is data: stdout',
    },
    { args: ['--version'], status: 0, stdout: version, stderr: '', why: 'version' },
    {
      args: [],
      status: 2,
      stdout: '',
      stderr: 'Usage: agent-infra',
      why: 'no command: help on stderr',
    },
    { args: ['profil'], status: 2, stdout: '', stderr: 'Did you mean profile?', why: 'a typo' },
    {
      args: ['--nope'],
      status: 2,
      stdout: '',
      stderr: "unknown option '--nope'",
      why: 'unknown option',
    },
    {
      args: ['loadtest'],
      status: 2,
      stdout: '',
      stderr: "missing required argument 'scenario'",
      why: 'missing argument',
    },
    {
      args: ['plan', 'gpu', '--modle', 'x'],
      status: 2,
      stdout: '',
      stderr: 'hint: see agent-infra plan gpu --help',
      why: 'a wrong option: whose help to read',
    },
    {
      args: ['profil', '--help'],
      status: 2,
      stdout: '',
      stderr: 'Did you mean profile?',
      why: 'help of a command that is not there',
    },
    {
      args: ['help', 'profil'],
      status: 2,
      stdout: '',
      stderr: 'Did you mean profile?',
      why: 'the same, asked the other way',
    },
    {
      args: ['profile', 'package.json', '--format', 'mooncke'],
      status: 2,
      stdout: '',
      stderr: 'did you mean mooncake?',
      why: 'a format with a typo',
    },
  ])('$why', ({ args, status, stdout, stderr }) => {
    const result = run(...args);
    expect(result.status).toBe(status);
    expect(result.stdout).toContain(stdout);
    expect(result.stderr).toContain(stderr);
  });

  test.for([
    { args: ['--color', 'catalog', 'list'], coloured: true },
    { args: ['catalog', 'list', '--colour'], coloured: true },
    { args: ['catalog', 'list', '--no-color'], coloured: false },
    { args: ['catalog', '--no-colour', 'list'], coloured: false },
    { args: ['catalog', 'list'], coloured: false },
  ])('$args', ({ args, coloured }) => {
    const { status, stdout } = run(...args);
    expect(status).toBe(0);
    expect(stdout.includes('\u001B[')).toBe(coloured);
  });

  test.for([
    'demo',
    'profile',
    'plan',
    'loadtest',
    'gateway',
    'provider',
    'report',
    'catalog',
    'schema',
    'doctor',
    'complete',
    'init',
  ])('%s --help says what it does', (command) => {
    const { status, stdout } = run(command, '--help');
    expect(status).toBe(0);
    expect(stdout).toContain(`Usage: agent-infra ${command}`);
    expect(stdout.split('\n').length).toBeGreaterThan(5);
  });
});

/** Heavy packages load with the command that needs them, never for help. */
test.for([{ args: ['--help'] }, { args: ['complete', 'bash', '--', 'plan', ''] }])(
  '$args loads none of the heavy packages',
  ({ args }) => {
    const folder = mkdtempSync(join(tmpdir(), 'agent-infra-modules-'));
    execFileSync(process.execPath, [binary, ...args], {
      env: { ...process.env, NODE_V8_COVERAGE: folder },
      stdio: 'ignore',
    });
    const loaded = readdirSync(folder)
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('');
    rmSync(folder, { recursive: true, force: true });
    expect(loaded).toContain('/node_modules/commander/');
    for (const name of [
      'ink',
      'react',
      'undici',
      'zod',
      'yaml',
      'chart.js',
      '@napi-rs/canvas',
      'hdr-histogram-js',
    ]) {
      expect(loaded).not.toContain(`/node_modules/${name}/`);
    }
  },
);
