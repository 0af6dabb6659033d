import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './exit-code.ts';
import { addProfileRecordCommand } from './profile-record.ts';

/** `agent-infra profile`: traces in, a workload profile out. */
export function addProfileCommand(program: Command, setExitCode: SetExitCode): void {
  const profile = program
    .command('profile')
    // Options after a subcommand belong to the subcommand: `profile record -o …`.
    .enablePositionalOptions()
    .description('measure a workload: read traces, print what they say, write a workload profile')
    .argument('<inputs...>', 'trace files, folders, globs, or - for stdin')
    .option('--format <trace-format>', 'format of the traces', 'auto')
    .option('-o, --output <file>', 'write the profile as YAML; - for stdout')
    .option('--json', 'print the profile as JSON instead of the report (without sessions)')
    .option('--name <name>', 'name of the workload; default: the first input')
    .option('--source <text>', 'where the traces come from, kept in the profile')
    .option('--source-date <date>', 'when they were recorded, if they do not say (YYYY-MM-DD)')
    .option('--sessions <count>', 'sessions kept in the profile for replay', '200')
    .option('--seed <seed>', 'chooses which sessions are kept', 'profile')
    .option('--jobs <count>', 'threads that read large inputs; default: one per core')
    .option('--shard <file>', 'write what was read for `profile merge` (say shard.gz)')
    .addHelpText('after', HELP)
    .action(async (inputs, options) => {
      const { runProfile } = await import('./profile-run.ts');
      setExitCode(await runProfile(inputs, options));
    });
  profile
    .command('show')
    .description('print the report of a stored profile')
    .argument('<profile>', 'workload profile (YAML), or the name of a bundled one')
    .option('--json', 'print JSON')
    .action(async (file, options) => {
      const { showProfile } = await import('./profile-view.ts');
      await showProfile(file, options);
    });
  profile
    .command('diff')
    .description('compare two stored profiles, with intervals')
    .argument('<before>', 'workload profile (YAML), or the name of a bundled one')
    .argument('<after>', 'workload profile (YAML), or the name of a bundled one')
    .option('--json', 'print JSON')
    .action(async (before, after, options) => {
      const { diffStoredProfiles } = await import('./profile-view.ts');
      await diffStoredProfiles(before, after, options);
    });
  profile
    .command('merge')
    .description('one profile from several shards, the same as of all their traces in one run')
    .argument('<shards...>', 'files written by profile --shard')
    .option('-o, --output <file>', 'write the profile as YAML; - for stdout')
    .option('--json', 'print the profile as JSON instead of the report (without sessions)')
    .option('--name <name>', 'name of the workload; default: that of the first shard')
    .addHelpText('after', MERGE_HELP)
    .action(async (shards, options) => {
      const { mergeShards } = await import('./profile-merge.ts');
      await mergeShards(shards, options);
    });
  profile
    .command('export')
    .description('write traces in the format of another tool, without content')
    .argument('<inputs...>', 'trace files, folders, globs, or - for stdin')
    .requiredOption('--format <export-format>', 'mooncake, weka, dag_jsonl or otlp')
    .option('--from <trace-format>', 'format of the inputs', 'auto')
    .option('-o, --output <path>', 'file (a folder for weka); default: stdout')
    .action(async (inputs, options) => {
      const { exportTraces } = await import('./profile-export.ts');
      setExitCode(await exportTraces(inputs, options));
    });
  addProfileRecordCommand(profile as unknown as Command, setExitCode);
}

const MERGE_HELP = `
What is exact: every other figure, in whatever way the traces were dealt to shards. Beyond 1,048,576 calls
the gaps between arrivals are known only when each shard came in order and no two overlap in time;
prompts that start at the same instant are compared in the order in which the shards are named.

Not compared between shards: repeats of prompts and messages, because their fingerprints stay in the
process that read them. Users and keys are numbers under --seed: take one that only you know when
shards leave your hands.

Records in two shards: the same shard twice is counted once. Sessions, messages and requests of
formats with such ids (transcripts, rollouts, spend logs) are found and reported, but counted twice;
copies in other formats are not noticed. Profile overlapping traces in one run instead.
`;

const HELP = `
How the figures are made:
  percentiles        linear interpolation between ranks (type 7); standard deviations divide by n
  95 % intervals     10 batches in order of arrival; "or more" means the trace is too short to bound it
  peak minute        tumbling minutes from the first call, and windows (t - 60 s, t] sliding over it
  tokens per minute  on three bases: input + output; input that no cache served; output
  variance over mean of counts in windows of 1, 10 and 60 s: 1 is random (Poisson), more is bursty
  concurrency        intervals [start, end); an end comes before a start of the same instant
  cache lifetime     writes cost 1.25 (5 min) or 2 (1 h) times the input price, reads 0.1; intervals over sessions

Examples:
  agent-infra profile trace.csv                        look at a trace
  agent-infra profile ~/.claude/projects -o agent.yaml write the profile for plan and loadtest
  agent-infra profile monday/ --shard monday.gz        on each machine or day, then:
  agent-infra profile merge monday.gz tuesday.gz -o week.yaml
  agent-infra profile spans/*.json --json | jq .tokens.input.p95
`;
