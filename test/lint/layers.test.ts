import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync, copyFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

/** The lint rules must really fail on a forbidden import, or the layering is only a wish. */
const root = resolve(import.meta.dirname, '../..');
let sandbox = '';

beforeAll(() => {
  sandbox = mkdtempSync(join(tmpdir(), 'agent-infra-lint-'));
  copyFileSync(join(root, 'oxlint.config.mjs'), join(sandbox, 'oxlint.config.mjs'));
  symlinkSync(join(root, 'node_modules'), join(sandbox, 'node_modules'));
});

afterAll(() => rmSync(sandbox, { recursive: true, force: true }));

test.for([
  { file: 'src/core/x.ts', code: "import '../mechanisms/a.ts';", why: 'core imports upwards' },
  { file: 'src/workload/x.ts', code: "export * from '../capacity/a.ts';", why: 're-export counts' },
  {
    file: 'src/config/x.ts',
    code: "await import('../traces/a.ts');",
    why: 'dynamic import counts',
  },
  {
    file: 'src/provider/x.ts',
    code: "import type { A } from '../gateway/a.ts';",
    why: 'types count',
  },
  { file: 'src/mechanisms/x.ts', code: "import 'node:fs';", why: 'pure folders have no node:*' },
  {
    file: 'src/capacity/x.ts',
    code: 'export const a = Date.now();',
    why: 'pure folders have no clock',
  },
  { file: 'src/core/x.ts', code: 'export const a = new Date();', why: 'nor the global Date' },
  { file: 'src/core/x.ts', code: 'setTimeout(() => {}, 1);', why: 'nor timers' },
  {
    file: 'src/workload/x.ts',
    code: 'export const a = Math.random();',
    why: 'nor ambient randomness',
  },
  {
    file: 'src/traces/x.ts',
    code: "import '../system.ts';",
    why: 'documents do not touch the system',
  },
  { file: 'src/loadtest/x.ts', code: "import 'undici';", why: 'undici lives in http' },
  { file: 'src/cli/x.ts', code: "import 'yaml';", why: 'yaml lives in config' },
  {
    file: 'src/gateway/x.ts',
    code: 'export const a = process.env;',
    why: 'only system.ts reads env',
  },
])('refused: $why', ({ file, code }) => {
  expect(problems(file, code)).not.toEqual([]);
});

test.for([
  { file: 'src/mechanisms/x.ts', code: "import '../core/a.ts';", why: 'downwards is allowed' },
  {
    file: 'src/cli/x.ts',
    code: "import '../core/a.ts';\nimport '../system.ts';",
    why: 'the CLI sees all',
  },
  { file: 'src/http/x.ts', code: "import 'undici';\nimport 'node:http';", why: 'undici at home' },
])('accepted: $why', ({ file, code }) => {
  expect(problems(file, code)).toEqual([]);
});

/** Names of the restriction rules that fire on one planted file. */
function problems(file: string, code: string): string[] {
  const path = join(sandbox, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${code}\n`);
  const oxlint = join(root, 'node_modules/.bin/oxlint');
  let output: string;
  try {
    output = execFileSync(oxlint, ['-c', 'oxlint.config.mjs', '--format', 'json', 'src'], {
      cwd: sandbox,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    output = String((error as { stdout: string }).stdout);
  }
  rmSync(join(sandbox, 'src'), { recursive: true, force: true });
  const { diagnostics, number_of_files: files } = JSON.parse(output) as {
    diagnostics: { code: string }[];
    number_of_files: number;
  };
  expect(files, 'the planted file was linted').toBe(1);
  return diagnostics.map(({ code: rule }) => rule).filter((rule) => rule.includes('no-restricted'));
}
