import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

import { workloadProfileYaml } from '../config/workload-profile.ts';
import { AgentInfraError, EXIT, asError } from '../errors.ts';
import { profileText } from '../report/profile-text.ts';
import { onInterrupt, realClock, wantsColour } from '../system.ts';
import { readTraces } from '../traces/read.ts';
import type { ReadTracesResult } from '../traces/read.ts';
import { ProfileFold } from '../workload/profile-fold.ts';
import type { WorkloadProfile } from '../workload/workload-profile.ts';
import { ProgressLine } from './progress-line.ts';

export interface ProfileFlags {
  readonly format: string;
  readonly output?: string | undefined;
  readonly json?: boolean | undefined;
  readonly name?: string | undefined;
  readonly sessions: string;
  readonly seed: string;
  readonly color?: boolean | undefined;
}

/** Names of inputs kept in the profile; a folder of transcripts has thousands. */
const MOST_FILES = 20;

/** Reads the traces and prints or writes the profile. Returns the exit code. */
export async function runProfile(inputs: readonly string[], flags: ProfileFlags): Promise<number> {
  if (flags.json === true && flags.output === '-') {
    throw new AgentInfraError('usage.invalid', '--json and -o - both want standard output', {
      hint: 'Write the YAML to a file, or leave --json out.',
    });
  }
  const fold = new ProfileFold({ skeletons: sessionCount(flags.sessions), seed: flags.seed });
  const interruption = new AbortController();
  let signalName: 'SIGINT' | 'SIGTERM' = 'SIGINT';
  const release = onInterrupt((name) => {
    signalName = name;
    interruption.abort(new Error(name));
    // A pipe that says nothing would hold the reader, and with it the process, until it ends.
    if (inputs.includes('-')) process.stdin.destroy();
  });
  try {
    const result = await read(inputs, flags, fold, interruption.signal);
    interruption.signal.throwIfAborted();
    const files = result.files.map((file) => basename(file));
    const profile = fold.profile({
      name: flags.name ?? nameOf(inputs[0]!),
      format: result.format,
      files:
        files.length <= MOST_FILES
          ? files
          : [...files.slice(0, MOST_FILES), `${files.length - MOST_FILES} more`],
    });
    await print(profile, flags);
    return EXIT.pass;
  } catch (thrown) {
    if (!interruption.signal.aborted) throw thrown;
    process.stderr.write(
      `interrupted (${signalName}) after ${fold.recordsRead} records and ${fold.callCount} LLM calls; nothing was written\n`,
    );
    return signalName === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
  } finally {
    release();
  }
}

async function read(
  inputs: readonly string[],
  flags: ProfileFlags,
  fold: ProfileFold,
  signal: AbortSignal,
): Promise<ReadTracesResult> {
  const progress = new ProgressLine(process.stderr, () => realClock.now());
  try {
    return await readTraces(inputs, fold, {
      format: flags.format,
      signal,
      onProgress: (state) => progress.update({ ...state, records: fold.recordsRead }),
    });
  } finally {
    progress.clear();
  }
}

async function print(profile: WorkloadProfile, flags: ProfileFlags): Promise<void> {
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
      profileText(profile, { colour: wantsColour(process.stdout, flags.color) }),
    );
  }
  if (output !== undefined) {
    process.stderr.write(`wrote ${output} (${profile.skeletons.length} sessions to replay)\n`);
  }
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

function sessionCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 0 && count <= 100_000) return count;
  throw new AgentInfraError(
    'usage.invalid',
    `--sessions ${text}: expected a whole number up to 100000`,
  );
}

/** `traces/azure-code.csv.gz` → `azure-code`. */
function nameOf(input: string): string {
  return input === '-' ? 'stdin' : basename(input).replace(/(\.[a-z]\w*)+$/i, '') || 'workload';
}
