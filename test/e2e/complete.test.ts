import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import { SCRIPTS } from '../../src/cli/complete-script.ts';
import { binary, missingProgram } from '../support/requirements.ts';

/** A folder with documents to complete, and the program under its own name. */
const folder = mkdtempSync(join(tmpdir(), 'agent-infra-complete-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bin = join(folder, '.bin');
mkdirSync(bin);
writeFileSync(join(bin, 'agent-infra'), `#!/bin/sh\nexec "${process.execPath}" "${binary}" "$@"\n`);
chmodSync(join(bin, 'agent-infra'), 0o755);
for (const [name, script] of Object.entries(SCRIPTS)) writeFileSync(join(bin, name), script);
mkdirSync(join(folder, 'zz folder'));
for (const name of ['zz.yaml', 'zz.txt']) writeFileSync(join(folder, name), '');

/** Lines that a shell prints, sorted: the shells order candidates in their own ways. */
function shell(program: string, args: string[], script: string): string[] {
  const { error, stderr, stdout } = spawnSync(program, [...args, '-c', script], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH']}` },
  });
  expect([error, stderr]).toEqual([undefined, '']);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .toSorted();
}

// compopt belongs to readline, which runs only on a terminal.
const BASH = `
compopt() { :; }
source .bin/bash
ask() {
  COMP_WORDS=(agent-infra "$@"); COMP_CWORD=$#
  local last="\${!#}"
  [[ $last == '=' ]] && last=''
  _agent_infra agent-infra "\${last#[\\"]}"   # readline takes an opening quote off
  printf '%s\\n' "\${COMPREPLY[@]}"
}
`;

test.skipIf(missingProgram('bash')).for([
  { why: 'a command', words: "'plan' 'ch'", replies: ['check'] },
  { why: 'bash cuts at the equals sign', words: "plan --format = 'ma'", replies: ['markdown'] },
  { why: 'documents and folders', words: 'plan zz', replies: ['zz folder', 'zz.yaml'] },
  {
    why: 'nothing typed behind the equals sign',
    words: 'plan --format =',
    replies: ['html', 'json', 'markdown', 'text'],
  },
  { why: 'folders only', words: 'plan --output = zz', replies: ['zz folder'] },
  {
    why: 'any file, in quotes',
    words: `profile '"zz'`,
    replies: ['zz folder', 'zz.txt', 'zz.yaml'],
  },
])('bash: $why', ({ words, replies }) => {
  expect(shell('bash', ['--norc'], `${BASH}\nask ${words}`)).toEqual(replies);
});

// Completion functions of zsh run only in its line editor: what they are asked to show is printed.
const ZSH = `
compdef() { print -r -- "compdef $*"; }
_describe() { print -rl -- "\${(@P)2}"; }
_files() { print -r -- "files $*"; }
source .bin/zsh
words=(agent-infra plan $1); CURRENT=3; PREFIX=$1; compset() { PREFIX="\${PREFIX#--*=}"; }
_agent_infra
print -r -- "rest $PREFIX"
`;

test.skipIf(missingProgram('zsh')).for([
  {
    why: 'a quoted word: documents only',
    word: 'ga\\ pu',
    shown: ['compdef _agent_infra agent-infra', 'files -g *.(yaml|yml)', 'rest ga\\ pu'],
  },
  {
    why: 'a choice behind an equals sign',
    word: '--format=ht',
    shown: ['--format=html', 'compdef _agent_infra agent-infra', 'rest ht'],
  },
])('zsh: $why', ({ shown, word }) => {
  expect(shell('zsh', ['-f'], ZSH.replaceAll('$1', `'${word}'`))).toEqual(shown);
});

test.skipIf(missingProgram('zsh'))('zsh: descriptions stand behind a colon', () => {
  const [described] = shell('zsh', ['-f'], ZSH.replaceAll('$1', "'chec'"));
  expect(described).toMatch(/^check:exit 99 unless the plan fits/);
});

test.skipIf(missingProgram('fish')).for([
  { why: 'a command', line: 'plan che', replies: [/^check\texit 99 unless/] },
  { why: 'a choice behind an equals sign', line: 'plan --format=ht', replies: [/^--format=html$/] },
  { why: 'documents and folders', line: 'plan zz', replies: [/^zz folder\//, /^zz\.yaml/] },
  { why: 'behind an equals sign', line: 'plan --output=zz', replies: [/^--output=zz folder\//] },
])('fish: $why', ({ line, replies }) => {
  const script = `source .bin/fish; complete -C "agent-infra ${line}"`;
  const lines = shell('fish', ['--no-config'], script);
  expect(lines).toHaveLength(replies.length);
  for (const [index, reply] of replies.entries()) expect(lines[index]).toMatch(reply);
});

test('the command prints the scripts that are sourced above', () => {
  const printed = shell('bash', ['--norc'], 'eval "$(agent-infra complete bash)"; complete -p');
  expect(printed).toContain('complete -F _agent_infra agent-infra');
});
