import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { expect, test } from 'vitest';

import { AgentInfraError, asError, ERRORS, EXIT } from '../src/errors.ts';

// The formatter pads table cells.
const page = readFileSync(resolve(import.meta.dirname, '../docs/errors.md'), 'utf8').replaceAll(
  / +/g,
  ' ',
);

test('docs/errors.md lists every error code with its exit code and meaning', () => {
  for (const [code, { exitCode, meaning }] of Object.entries(ERRORS)) {
    expect(page).toContain(`| \`${code}\` | ${exitCode} | ${meaning} |`);
  }
  const rows = page.match(/^\| `[a-z.-]+` \| \d+ \|/gm) ?? [];
  expect(rows).toHaveLength(Object.keys(ERRORS).length);
});

test('docs/errors.md lists every exit code', () => {
  for (const code of Object.values(EXIT)) expect(page).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'));
});

test('an error knows its exit code, hint and cause', () => {
  const cause = new Error('inner');
  const error = new AgentInfraError('dependency.missing', 'k6 not found', {
    hint: 'install it',
    cause,
  });
  expect(error).toMatchObject({
    exitCode: 4,
    hint: 'install it',
    cause,
    code: 'dependency.missing',
  });
});

test('whatever was thrown becomes an Error', () => {
  expect(asError('text')).toMatchObject({ message: 'text', cause: 'text' });
  const error = new Error('x');
  expect(asError(error)).toBe(error);
});
