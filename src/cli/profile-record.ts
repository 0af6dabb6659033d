import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './exit-code.ts';

interface RecordFlags {
  readonly recording?: string | undefined;
  readonly output?: string | undefined;
  readonly json?: boolean | undefined;
  readonly name?: string | undefined;
  readonly upstreamOpenai?: string | undefined;
  readonly upstreamAnthropic?: string | undefined;
  readonly listen?: string | true | undefined;
  readonly content?: boolean | undefined;
}

/** `agent-infra profile record -- <command>`: run an agent behind the recording proxy, profile it. */
export function addProfileRecordCommand(
  // Subcommands hang on `profile`, whose own arguments and options are of no interest here.
  profile: Pick<Command, 'command'>,
  setExitCode: SetExitCode,
): void {
  profile
    .command('record')
    .description('run an agent behind a recording proxy, then profile what it did')
    .argument('[command...]', 'the agent and its arguments, after two dashes')
    .option('--recording <file>', 'where the calls are recorded; default: recording-<time>.jsonl')
    .option('-o, --output <file>', 'write the profile as YAML')
    .option('--json', 'print the profile as JSON instead of the report')
    .option('--name <name>', 'name of the workload; default: the recording')
    .option(
      '--upstream-openai <url>',
      'where OpenAI calls go; default: OPENAI_BASE_URL, then the API',
    )
    .option('--upstream-anthropic <url>', 'the same for Anthropic and ANTHROPIC_BASE_URL')
    .option('--listen [port]', 'run as a proxy until interrupted, without a command')
    .option('--content', 'record prompts and replies too, with known secrets redacted')
    .addHelpText('after', HELP)
    .action((command, flags) => record(command, flags, setExitCode));
}

const HELP = `
The proxy passes every byte on as it comes and writes one line per call: times, models, tokens,
sizes, tool names, and hashes under a key that is thrown away. No prompts, replies or credentials,
unless --content. Spans sent to its OTLP/HTTP port are written beside the recording.

Chat streams without stream_options.include_usage carry no token counts: those are estimated.

Examples:
  agent-infra profile record -- node agent.js
  agent-infra profile record -o agent.yaml -- claude -p "fix the tests"
  agent-infra profile record --upstream-openai http://127.0.0.1:9000 -- python agent.py
  agent-infra profile record --listen 4000
`;

async function record(
  command: readonly string[],
  flags: RecordFlags,
  setExitCode: SetExitCode,
): Promise<void> {
  const { runRecord } = await import('./profile-record-run.ts');
  setExitCode(await runRecord(command, flags));
}

export type { RecordFlags };
