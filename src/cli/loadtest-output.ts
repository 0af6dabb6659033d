import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';

import { AgentInfraError, asError, unwritableFile } from '../errors.ts';
import type { LoadSummary } from '../loadtest/summary.ts';
import { verdictText } from '../report/loadtest-headline.ts';
import { renderLoadJunit } from '../report/loadtest-junit.ts';
import { renderLoadMarkdown } from '../report/loadtest-markdown.ts';
import { renderLoadText } from '../report/loadtest-text.ts';
import { plain } from '../report/text.ts';
import { environment, nowIso, wantsColour } from '../system.ts';
import { renderRun } from './report-run.ts';
import { wholeFile } from './whole-file.ts';

export interface OutputFlags {
  readonly format: 'text' | 'json' | 'markdown';
  readonly strict?: boolean | undefined;
  readonly junit?: string | undefined;
}

/** The folder of a run: the one asked for, or a new one that no other run has. */
export async function createRunFolder(output: string | undefined, name: string): Promise<string> {
  if (output !== undefined) {
    const outDir = resolve(output);
    await createFolder(outDir);
    return outDir;
  }
  await createFolder(resolve('reports'));
  const time = nowIso().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  const first = resolve('reports', `${name}-${time}`);
  // Two runs that start in the same second must not write into each other's samples.
  for (let number = 1; ; number += 1) {
    const outDir = number === 1 ? first : `${first}-${number}`;
    try {
      await mkdir(outDir);
      return outDir;
    } catch (thrown) {
      if ((asError(thrown) as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw unwritable(outDir, thrown);
      }
    }
  }
}

/** A path as the user would type it: relative while it stays inside the current folder. */
export function displayPath(path: string): string {
  const short = relative('.', path);
  return short === '' || short.startsWith('..') || isAbsolute(short) ? path : short;
}

/** Level by level: `recursive` of Node 20 never returns where the kernel takes no folder (/proc). */
export async function createFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
  } catch (thrown) {
    throw unwritable(folder, thrown);
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (thrown) {
    const { code } = asError(thrown) as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(folder) === folder) throw thrown;
    await makeFolder(dirname(folder));
    await mkdir(folder);
  }
}

function unwritable(file: string, thrown: unknown): AgentInfraError {
  const hint = 'Give a folder that can be written, on a disk with space: -o <dir>.';
  return unwritableFile(file, thrown, hint);
}

/** Writes or appends a text; throws `output.unwritable`. */
export async function write(file: string, text: string, flag: 'w' | 'a' = 'w'): Promise<void> {
  await writeFile(file, text, { flag }).catch((thrown: unknown) => {
    throw unwritable(file, thrown);
  });
}

/** Writes a text that replaces what was there as a whole or not at all; throws `output.unwritable`. */
export async function writeWhole(file: string, text: string): Promise<void> {
  try {
    const whole = await wholeFile(file);
    try {
      await writeFile(whole.path, text);
      await whole.keep();
    } catch (thrown) {
      await whole.drop();
      throw thrown;
    }
  } catch (thrown) {
    throw unwritable(file, thrown);
  }
}

/** Appends Markdown to the job's summary where GitHub Actions runs the command. */
export async function writeStepSummary(markdown: string): Promise<void> {
  const file = environment()['GITHUB_STEP_SUMMARY'];
  if (file !== undefined && file !== '') await write(file, markdown, 'a');
}

/** A report that is text, for Markdown. */
export function asMarkdown(text: string): string {
  return `\n\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`;
}

/** Writes the reports into the run's folder, prints one, and says on stderr how it ended. */
export async function writeReports(
  summary: LoadSummary,
  outDir: string,
  flags: OutputFlags,
): Promise<void> {
  const strict = flags.strict === true ? 'strict' : 'lenient';
  const json = `${JSON.stringify(summary, undefined, 2)}\n`;
  try {
    await write(join(outDir, 'summary.json'), json);
    await write(join(outDir, 'report.txt'), renderLoadText(summary, { colour: false }));
    await write(join(outDir, 'report.html'), await renderRun(outDir, { format: 'html' }));
    if (flags.junit !== undefined) await write(flags.junit, renderLoadJunit(summary, strict));
    await writeStepSummary(renderLoadMarkdown(summary));
  } finally {
    // A disk that is full by now must not cost the result, too.
    process.stdout.write(render(summary, flags.format, json));
  }
  process.stderr.write(`\n${closingLines(summary, displayPath(outDir))}\n`);
}

/** What a terminal still shows when the report has scrolled by. */
function closingLines(summary: LoadSummary, outDir: string): string {
  const { run, verdict } = summary;
  const files = `report.html, report.txt, summary.json and samples.jsonl are in ${outDir}`;
  const style = { colour: wantsColour(process.stderr) };
  const lines = [`${plain(run.scenario)}: ${verdictText(summary, style)}`, files];
  if (verdict.status !== 'pass')
    lines.splice(1, 0, ...verdict.reasons.map((text) => `  - ${text}`));
  if (verdict.status === 'inconclusive') {
    lines.unshift('WARNING: this run is inconclusive, it has not passed');
  }
  return lines.join('\n');
}

function render(summary: LoadSummary, format: OutputFlags['format'], json: string): string {
  switch (format) {
    case 'json':
      return json;
    case 'markdown':
      return renderLoadMarkdown(summary);
    case 'text':
      return renderLoadText(summary, { colour: wantsColour(process.stdout) });
  }
}
