import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** Repository root. */
export const root = resolve(import.meta.dirname, '../..');

/** The binary under test: a fresh build in a folder of its own, see build-binary.ts. */
export const binary = process.env['AGENT_INFRA_TEST_BINARY'] ?? resolve(root, 'bin/agent-infra.js');

/** Reference data beside the checkout: CI has it, a user does not. */
export const sharedData = resolve(root, '../shared/data');

const inCi = process.env['CI'] === 'true';

/**
 * For `test.skipIf(missing(...))`: true when the program is not on PATH. In CI a missing component
 * is a failure, elsewhere a skip that says so.
 */
export function missingProgram(name: string): boolean {
  return missing(name, () => {
    execFileSync('which', [name], { stdio: 'ignore' });
  });
}

/** The same for a file or folder below `../shared/data`. */
export function missingSharedData(path = ''): boolean {
  return missing(`../shared/data/${path}`, () => {
    if (!existsSync(resolve(sharedData, path))) throw new Error('absent');
  });
}

function missing(what: string, check: () => void): boolean {
  try {
    check();
    return false;
  } catch {
    if (inCi) throw new Error(`${what} is required in CI but missing`);
    process.stderr.write(`skipped: ${what} is missing\n`);
    return true;
  }
}
