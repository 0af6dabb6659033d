import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

import { SCRIPTS } from '../../src/cli/complete-script.ts';
import { bundledNames } from '../../src/config/bundled.ts';
import { root } from '../support/requirements.ts';
import { runCli } from '../support/run-cli.ts';

interface Answer {
  readonly values: string[];
  readonly described: Map<string, string>;
  readonly files: string;
}

/** What the program answers a shell that asks how the last word may go on. */
async function after(...words: string[]): Promise<Answer> {
  const { code, err, out } = await runCli(['complete', 'bash', '--', ...words]);
  expect([code, err]).toEqual([0, '']);
  const lines = out.trimEnd().split('\n');
  const rows = lines.slice(0, -1).map((line) => line.split('\t'));
  return {
    values: rows.map(([value]) => value!),
    described: new Map(rows.map(([value, text = '']) => [value!, text])),
    files: lines.at(-1)!,
  };
}

describe('how a command line goes on', () => {
  test.for([
    { why: 'a command', words: ['pla'], values: ['plan'] },
    { why: 'a command of a command', words: ['plan', 'ch'], values: ['check'], files: ':yaml' },
    { why: 'no commands after an operand', words: ['plan', 'x', 'ch'], values: [] },
    { why: 'a long option', words: ['plan', '--calib'], values: ['--calibrate'] },
    { why: 'choices of an option', words: ['plan', '--format', 'm'], values: ['markdown'] },
    { why: 'by its short name', words: ['plan', '-o', ''], values: [], files: ':folders' },
    { why: 'with an equals sign', words: ['plan', '--format=h'], values: ['--format=html'] },
    { why: 'file behind an equals sign', words: ['plan', '--prices='], values: [], files: ':yaml' },
    { why: 'choices of an argument', words: ['complete', 'z'], values: ['zsh'] },
    { why: 'free text', words: ['demo', '--seed', ''], values: [] },
    {
      why: 'an option of the command, not of its parent',
      words: ['plan', 'gpu', '--calib'],
      values: ['--calibration'],
    },
    { why: 'bundled scenarios', words: ['loadtest', 'prov'], values: ['provider'], files: ':yaml' },
    { why: 'presets', words: ['provider', '--preset', 'fa'], values: ['fast'] },
    { why: 'trace formats', words: ['profile', '--format', 'moon'], values: ['mooncake'] },
    { why: 'export formats', words: ['profile', 'export', '--format', 'w'], values: ['weka'] },
    { why: 'document kinds', words: ['schema', 'catalog-g'], values: ['catalog-gpu'] },
    { why: 'providers', words: ['catalog', 'show', 'bed'], values: ['bedrock'] },
    {
      why: 'bundled profiles',
      words: ['profile', 'show', 'azure-co'],
      values: ['azure-code', 'azure-conversation'],
      files: ':yaml',
    },
    { why: 'GPUs', words: ['plan', 'gpu', '--gpu', 'H100-S'], values: ['H100-SXM-80GB'] },
    { why: 'help of a command', words: ['help', 'gat'], values: ['gateway'] },
    { why: 'after two dashes: a program', words: ['profile', 'record', '--', ''], files: ':any' },
    { why: 'two dashes end options', words: ['profile', '--', '--'], values: [], files: ':any' },
    { why: 'a variadic argument goes on', words: ['profile', 'a', 'b', ''], files: ':any' },
    { why: 'an option that is not there', words: ['plan', '--nope=x'], values: [] },
    { why: 'a command that is not there', words: ['nope', ''], values: [] },
  ])('$why', async ({ words, values = [], files = ':none' }) => {
    const answer = await after(...words);
    expect(answer.values).toEqual(values);
    expect(answer.files).toBe(files);
  });

  test('a word that is not begun: everything that may come, with its description', async () => {
    const { described, files, values } = await after('plan', '');
    expect(values).toEqual(expect.arrayContaining(['check', 'diff', 'gpu', 'support-agents']));
    expect(described.get('check')).toMatch(/^exit 99 unless/);
    expect(files).toBe(':yaml');
  });

  test('an option that is given does not come again, one that may be repeated does', async () => {
    const { values } = await after('plan', '--json', '--set', 'seed=2', '--');
    expect(values).toContain('--set');
    expect(values).not.toContain('--json');
  });

  test('models are those of the provider before', async () => {
    const { values } = await after('catalog', 'show', 'anthropic', 'claude-');
    expect(values.length).toBeGreaterThan(2);
    expect((await after('catalog', 'show', 'nobody', '')).values).toEqual([]);
  });

  test('a bundled provider is named as its file', () => {
    const folder = join(root, 'profiles/providers');
    const names = readdirSync(folder).map(
      (file) => (parse(readFileSync(join(folder, file), 'utf8')) as { provider: string }).provider,
    );
    expect(names.toSorted()).toEqual(bundledNames('provider'));
  });
});

test.for(Object.entries(SCRIPTS))('complete %s prints its script', async ([name, script]) => {
  expect(await runCli(['complete', name])).toEqual({ code: 0, out: script, err: '' });
});

test('an unknown shell is named with those that are known', async () => {
  const { code, err } = await runCli(['complete', 'tcsh']);
  expect(code).toBe(2);
  expect(err).toContain('Allowed choices are bash, zsh, fish');
});
