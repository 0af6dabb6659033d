import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import { workloadProfileYaml } from '../config/workload-profile.ts';
import { AgentInfraError, asError } from '../errors.ts';
import { profileText } from '../report/profile-text.ts';
import { wantsColour } from '../system.ts';
import type { WorkloadProfile } from '../workload/workload-profile.ts';

export interface OutputFlags {
  readonly output?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Names of inputs kept in the profile; a folder of transcripts has thousands. */
const MOST_FILES = 20;

/** Refuses two documents on one standard output, before any work is done. */
export function checkOutput(flags: OutputFlags): void {
  if (flags.json === true && flags.output === '-') {
    throw new AgentInfraError('usage.invalid', '--json and -o - both want standard output', {
      hint: 'Write the YAML to a file, or leave --json out.',
    });
  }
}

/** Prints the report (or JSON) and writes the YAML, as the flags say. */
export async function printProfile(profile: WorkloadProfile, flags: OutputFlags): Promise<void> {
  const { output } = flags;
  if (output === '-') {
    process.stdout.write(workloadProfileYaml(profile));
    return;
  }
  if (output !== undefined) await writeWhole(output, workloadProfileYaml(profile));
  if (flags.json === true) {
    const { skeletons: _sessions, ...figures } = profile;
    process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  } else {
    process.stdout.write(
      profileText(profile, {
        colour: wantsColour(process.stdout),
        columns: columnsOf(process.stdout),
      }),
    );
  }
  if (output !== undefined) {
    process.stderr.write(`wrote ${output} (${profile.skeletons.length} sessions to replay)\n`);
  }
}

/** Width of a terminal; undefined for files and pipes, where lines stay whole. */
export function columnsOf(stream: NodeJS.WriteStream): number | undefined {
  return stream.isTTY ? stream.columns : undefined;
}

/** The first names, and how many more. */
export function sourceFiles(names: readonly string[]): readonly string[] {
  return names.length <= MOST_FILES
    ? names
    : [...names.slice(0, MOST_FILES), `${names.length - MOST_FILES} more`];
}

/** Writes beside the target and renames, so that an interrupted write never leaves half a file. */
async function writeWhole(file: string, text: string): Promise<void> {
  const partial = `${file}.partial`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(partial, text);
    await rename(partial, file);
  } catch (thrown) {
    await rm(partial, { force: true }).catch(() => {});
    const cause = asError(thrown);
    throw new AgentInfraError('output.unwritable', `${file}: ${cause.message}`, { cause });
  }
}
