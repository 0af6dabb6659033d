import { vi } from 'vitest';

import { main } from '../../src/cli/main.ts';

export interface CliRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command in this process and keeps what it prints. */
export async function runCli(args: readonly string[]): Promise<CliRun> {
  const out: string[] = [];
  const err: string[] = [];
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out.push(String(text));
      return true;
    }),
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      err.push(String(text));
      return true;
    }),
    vi.spyOn(console, 'error').mockImplementation((...text) => {
      err.push(text.join(' '));
    }),
  ];
  try {
    return { code: await main(args), out: out.join(''), err: err.join('\n') };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
