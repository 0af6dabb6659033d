import { existsSync, readFileSync } from 'node:fs';

interface WorkedExample {
  readonly id: string;
  readonly kind: string;
  readonly in: unknown;
  readonly out: unknown;
}

const FILE = new URL('../../../shared/data/providers/worked_examples.json', import.meta.url);

/** The shared vectors, or undefined where the folder is absent; in CI absence is a failure. */
export function readExamples(): readonly WorkedExample[] | undefined {
  if (!existsSync(FILE)) {
    if (process.env['CI'] === 'true') throw new Error('shared/data/providers is missing in CI');
    process.stderr.write('skipped: ../shared/data/providers/worked_examples.json is not here\n');
    return undefined;
  }
  const file = JSON.parse(readFileSync(FILE, 'utf8')) as { examples: WorkedExample[] };
  return file.examples;
}
