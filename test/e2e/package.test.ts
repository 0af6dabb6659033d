import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { root } from '../support/requirements.ts';

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};

test('installing the package runs nothing: npm would warn, and ask to approve', () => {
  // npm counts `prepare` among the install scripts of a tarball, although it does not run it there.
  const run = ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'prepare'];
  expect(run.filter((name) => name in scripts)).toEqual([]);
});

test.for([
  { script: 'dependencies', why: 'npm ci in a checkout: npx agent-infra works at once' },
  {
    script: 'prepack',
    why: 'npm pack and publish: the tarball is never without or with an old build',
  },
])('$script builds: $why', ({ script }) => {
  expect(scripts[script]).toBe('npm run build');
});
