import { writeFile } from 'node:fs/promises';

import { workloadProfileYaml } from '../config/workload-profile.ts';
import { AgentInfraError, unwritableFile } from '../errors.ts';
import { profileText } from '../report/profile-text.ts';
import { columnsOf, wantsColour } from '../system.ts';
import type { WorkloadProfile } from '../workload/workload-profile.ts';
import { wholeFile } from './whole-file.ts';
import type { WholeFile } from './whole-file.ts';

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

/**
 * Prints the report (or JSON) and writes the YAML, as the flags say. A file that cannot be written
 * fails the command, but what was read for it is printed all the same.
 */
export async function printProfile(profile: WorkloadProfile, flags: OutputFlags): Promise<void> {
  const { output } = flags;
  if (output === '-') {
    process.stdout.write(workloadProfileYaml(profile));
    return;
  }
  const written =
    output === undefined ? undefined : writeWhole(output, workloadProfileYaml(profile));
  await written?.catch(() => {}); // thrown below
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
    await written;
    process.stderr.write(`wrote ${output} (${profile.skeletons.length} sessions to replay)\n`);
  }
}

/** The first names, and how many more. */
export function sourceFiles(names: readonly string[]): readonly string[] {
  return names.length <= MOST_FILES
    ? names
    : [...names.slice(0, MOST_FILES), `${names.length - MOST_FILES} more`];
}

async function writeWhole(file: string, text: string): Promise<void> {
  let whole: WholeFile | undefined;
  try {
    whole = await wholeFile(file);
    await writeFile(whole.path, text);
    await whole.keep();
  } catch (thrown) {
    await whole?.drop();
    throw unwritableFile(file, thrown);
  }
}
