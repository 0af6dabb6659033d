import { readdir } from 'node:fs/promises';
import { relative, resolve } from 'node:path';

import { formatDuration } from '../../core/units.ts';
import { EXIT } from '../../errors.ts';
import { renderDemoText } from '../../report/demo-text.ts';
import { onInterrupt, realClock, wantsColour } from '../../system.ts';
import { DEMO_FILES, runDemo } from './run.ts';

export interface DemoFlags {
  readonly output: string;
  readonly seed: string;
  readonly json?: true | undefined;
}

/** Runs the demo and prints its findings. @returns the exit code */
export async function demo(flags: DemoFlags): Promise<number> {
  const folder = resolve(flags.output);
  const startMs = realClock.now();
  const interruption = new AbortController();
  let interruptedBy: 'SIGINT' | 'SIGTERM' | undefined;
  const release = onInterrupt((signal) => {
    interruptedBy = signal;
    process.stderr.write(`\n${signal}: stopping the servers\n`);
    interruption.abort(new Error(signal));
  });
  const say = (line: string): void => {
    const seconds = ((realClock.now() - startMs) / 1000).toFixed(1).padStart(5);
    process.stderr.write(`${seconds} s  ${line}\n`);
  };
  try {
    const { page } = await runDemo({ folder, seed: flags.seed, signal: interruption.signal, say });
    say(`done in ${formatDuration(page.report.durationMs)}`);
    process.stdout.write(
      flags.json === true
        ? `${JSON.stringify(page.report, null, 2)}\n`
        : `\n${renderDemoText(page, { colour: wantsColour(process.stdout) })}`,
    );
    process.stderr.write(
      `\nRead ${shown(folder)}/report.html; the documents and samples lie beside it.\n`,
    );
    return EXIT.pass;
  } catch (thrown) {
    if (interruptedBy === undefined) throw thrown;
    process.stderr.write(`interrupted; written so far: ${(await written(folder)).join(', ')}\n`);
    return interruptedBy === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
  } finally {
    release();
  }
}

async function written(folder: string): Promise<string[]> {
  const files = await readdir(folder).catch(() => [] as string[]);
  const ours = DEMO_FILES.filter((file) => files.includes(file));
  return ours.length === 0 ? ['nothing'] : ours.map((file) => `${shown(folder)}/${file}`);
}

/** Relative where that is shorter to read. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}
