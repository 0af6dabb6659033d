import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import type { Command } from '@commander-js/extra-typings';

import type { Use } from './doctor/tools.ts';
import type { SetExitCode } from './exit-code.ts';

export interface DoctorFlags {
  readonly for?: readonly Use[] | undefined;
  readonly json?: boolean | undefined;
}

/** `agent-infra doctor`: what the machine and the project need, before a run misses it. */
export function addDoctorCommand(program: Command, setExitCode: SetExitCode): void {
  program
    .command('doctor')
    .description('check this machine, its programs and the documents of a folder')
    .argument('[dir]', 'folder whose documents to check', '.')
    .addOption(
      new Option('--for <use>', 'exit 4 when what this needs is missing (repeat for more)')
        .choices(USE_NAMES)
        .argParser(collectUse),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', HELP)
    .action(async (dir, flags) => {
      const { runDoctor } = await import('./doctor-run.ts');
      setExitCode(await runDoctor(dir, flags));
    });
}

const USE_NAMES = [
  'loadtest-k6',
  'prometheus-rules',
  'png-charts',
  'zstd-traces',
] as const satisfies readonly Use[];

function collectUse(text: string, before: readonly Use[] = []): readonly Use[] {
  const use = USE_NAMES.find((name) => name === text);
  if (use === undefined)
    throw new InvalidArgumentError(`Allowed choices are ${USE_NAMES.join(', ')}.`);
  return [...before, use];
}

const HELP = `
ok    as it should be        note  absent or different, and nothing that was asked for suffers
warn  figures suffer         FAIL  does not work

Names of variables are shown, never their values. Nothing is sent anywhere.

Examples:
  agent-infra doctor                         this machine, and the documents here
  agent-infra doctor capacity --json | jq '.findings[] | select(.level == "warn")'
  agent-infra doctor --for loadtest-k6       in CI, before loadtest --engine k6

Exit codes: 0, also with warnings; 2 a document is wrong; 4 what --for needs is missing;
3 no server can listen on loopback.
`;
