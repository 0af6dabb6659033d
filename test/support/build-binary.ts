import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * Builds the program once per test run into a folder of its own, so that end-to-end tests never meet
 * a stale or half-written `dist/`. requirements.ts hands the path of its binary to the tests.
 */
export default function buildBinary(): () => void {
  const root = resolve(import.meta.dirname, '../..');
  const folder = mkdtempSync(join(tmpdir(), 'agent-infra-build-'));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(
    process.execPath,
    // Types are `npm run typecheck`'s business.
    [tsc, '-p', join(root, 'tsconfig.build.json'), '--noCheck', '--outDir', join(folder, 'dist')],
    { stdio: 'inherit' },
  );
  for (const name of ['bin', 'package.json', 'profiles', 'scenarios']) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  process.env['AGENT_INFRA_TEST_BINARY'] = join(folder, 'bin/agent-infra.js');
  return () => rmSync(folder, { recursive: true, force: true });
}
