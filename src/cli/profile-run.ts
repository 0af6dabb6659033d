import { createHmac } from 'node:crypto';
import { basename } from 'node:path';

import { AgentInfraError, EXIT } from '../errors.ts';
import { hostFacts, onInterrupt, realClock } from '../system.ts';
import { foldTraces } from './profile-jobs.ts';
import type { FoldedTraces, JobOptions } from './profile-jobs.ts';
import { checkOutput, printProfile, sourceFiles } from './profile-output.ts';
import type { OutputFlags } from './profile-output.ts';
import { writeShard } from './profile-shard.ts';
import { ProgressLine } from './progress-line.ts';

export interface ProfileFlags extends OutputFlags {
  readonly format: string;
  readonly name?: string | undefined;
  readonly sessions: string;
  readonly seed: string;
  /** Threads; default: as many as the machine runs at once. */
  readonly jobs?: string | undefined;
  readonly shard?: string | undefined;
  readonly source?: string | undefined;
  readonly sourceDate?: string | undefined;
}

/** Reads the traces and prints or writes the profile. Returns the exit code. */
export async function runProfile(inputs: readonly string[], flags: ProfileFlags): Promise<number> {
  checkOutput(flags);
  checkDate(flags.sourceDate);
  const interruption = new AbortController();
  const options = {
    format: flags.format,
    fold: {
      skeletons: wholeNumber('--sessions', flags.sessions, { least: 0, most: 100_000 }),
      seed: flags.seed,
    },
    jobs:
      flags.jobs === undefined
        ? hostFacts().cores
        : wholeNumber('--jobs', flags.jobs, { least: 1, most: 256 }),
    signal: interruption.signal,
    claims: flags.shard !== undefined,
  };
  let signalName: 'SIGINT' | 'SIGTERM' = 'SIGINT';
  const release = onInterrupt((name) => {
    signalName = name;
    interruption.abort(new Error(name));
    // A pipe that says nothing would hold the reader, and with it the process, until it ends.
    if (inputs.includes('-')) process.stdin.destroy();
  });
  let records = 0;
  try {
    const folded = await readWithProgress(inputs, options, (count) => (records = count));
    interruption.signal.throwIfAborted();
    await deliver(inputs, flags, folded);
    return EXIT.pass;
  } catch (thrown) {
    if (!interruption.signal.aborted) throw thrown;
    process.stderr.write(
      `interrupted (${signalName}) after ${records} records; nothing was written\n`,
    );
    return signalName === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
  } finally {
    release();
  }
}

async function readWithProgress(
  inputs: readonly string[],
  options: Omit<JobOptions, 'onProgress'>,
  onRecords: (count: number) => void,
): Promise<FoldedTraces> {
  const line = new ProgressLine(process.stderr, () => realClock.now());
  try {
    return await foldTraces(inputs, {
      ...options,
      onProgress: (progress) => {
        onRecords(progress.records);
        line.update(progress);
      },
    });
  } finally {
    line.clear();
  }
}

async function deliver(
  inputs: readonly string[],
  flags: ProfileFlags,
  { fold, result, claims }: FoldedTraces,
): Promise<void> {
  const name = flags.name ?? nameOf(inputs[0]!);
  const { format } = result;
  const files = sourceFiles(result.files.map((file) => basename(file)));
  if (flags.shard !== undefined) {
    await writeShard(flags.shard, {
      name,
      format,
      files,
      state: fold.sharedState(keyedBy(flags.seed)),
      claims,
    });
    process.stderr.write(`wrote ${flags.shard} (shard of ${fold.callCount} LLM calls)\n`);
  }
  const { sourceDate: date } = flags;
  const page = flags.source?.trim() === '' ? undefined : flags.source;
  await printProfile(fold.profile({ name, format, files, page, date }), flags);
}

/** HMAC-SHA256 of a client's number, 48 bits: only who knows the seed can look for a client. */
function keyedBy(seed: string): (client: number) => number {
  return (client) => createHmac('sha256', seed).update(String(client)).digest().readUIntBE(0, 6);
}

function checkDate(date: string | undefined): void {
  if (date === undefined) return;
  const ms = Date.parse(`${date}T00:00:00Z`);
  // The calendar moves 31 February on to March; such a date is a slip.
  const isDate = !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(date);
  if (isDate && /^\d{4}-\d{2}-\d{2}$/.test(date)) return;
  throw new AgentInfraError('usage.invalid', `--source-date ${date}: no such day`, {
    hint: 'Write it as 2026-04-14.',
  });
}

function wholeNumber(
  flag: string,
  text: string,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= least && count <= most) return count;
  throw new AgentInfraError(
    'usage.invalid',
    `${flag} ${text}: expected a whole number from ${least} to ${most}`,
  );
}

/** `traces/azure-code.csv.gz` → `azure-code`. */
function nameOf(input: string): string {
  return input === '-' ? 'stdin' : basename(input).replace(/(\.[a-z]\w*)+$/i, '') || 'workload';
}
