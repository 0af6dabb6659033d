import { basename } from 'node:path';

import { AgentInfraError } from '../errors.ts';
import { sharedHashes } from '../traces/split-claims.ts';
import { ProfileFold } from '../workload/profile-fold.ts';
import type { WorkloadProfile } from '../workload/workload-profile.ts';
import { printProfile, sourceFiles } from './profile-output.ts';
import type { OutputFlags } from './profile-output.ts';
import { readShard } from './profile-shard.ts';
import type { Shard } from './profile-shard.ts';

export interface MergeFlags extends OutputFlags {
  readonly name?: string | undefined;
}

/** `profile merge`: the profile of what several `profile --shard` runs have read. */
export async function mergeShards(files: readonly string[], flags: MergeFlags): Promise<void> {
  const shards: { readonly file: string; readonly shard: Shard }[] = [];
  for (const file of files) {
    const shard = await readShard(file);
    const same = shards.find((other) => other.shard.sha256 === shard.sha256);
    if (same === undefined) shards.push({ file, shard });
    else process.stderr.write(`note: ${file} repeats ${same.file} and is counted once\n`);
  }
  const { fold, notes } = merged(shards);
  for (const note of notes) process.stderr.write(`note: ${note}\n`);
  await printProfile(profileOf(fold, shards, flags), flags);
}

function merged(shards: readonly { readonly file: string; readonly shard: Shard }[]): {
  readonly fold: ProfileFold;
  readonly notes: readonly string[];
} {
  const first = shards[0]!;
  const { size, seed } = first.shard.state.skeletons;
  const fold = new ProfileFold({ skeletons: size, seed });
  const notes: string[] = [];
  for (const [index, { file, shard }] of shards.entries()) {
    if (!fold.fits(shard.state)) {
      throw new AgentInfraError(
        'usage.invalid',
        `${file} keeps other sessions for replay than ${first.file}: --seed or --sessions differ`,
        { hint: 'Write all shards with the same --seed and --sessions.' },
      );
    }
    for (const other of shards.slice(0, index)) {
      const shared = sharedHashes(shard.claims, other.shard.claims);
      if (shared === 0) continue;
      notes.push(
        `${other.file} and ${file} share ${shared} sessions, messages or requests: they are counted twice. Profile their traces in one run instead.`,
      );
    }
    fold.merge(shard.state);
  }
  return { fold, notes };
}

function profileOf(
  fold: ProfileFold,
  shards: readonly { readonly file: string; readonly shard: Shard }[],
  flags: MergeFlags,
): WorkloadProfile {
  const formats = new Set(shards.flatMap(({ shard }) => shard.format.split(' + ')));
  return fold.profile({
    name: flags.name ?? shards[0]!.shard.name,
    format: [...formats].join(' + '),
    files: sourceFiles(
      [...new Set(shards.flatMap(({ shard }) => shard.files))].map((file) => basename(file)),
    ),
  });
}
