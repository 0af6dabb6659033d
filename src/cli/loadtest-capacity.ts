import { Option } from '@commander-js/extra-typings';
import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './exit-code.ts';
import { collect, wholeNumber } from './loadtest-arguments.ts';

/** `agent-infra loadtest find-capacity <scenario>`: the highest load at which its thresholds hold. */
export function addFindCapacityCommand(loadtest: Command, setExitCode: SetExitCode): void {
  loadtest
    .command('find-capacity')
    .description('find the highest load at which all thresholds of a scenario hold')
    .argument('<scenario>', 'a Scenario document (YAML), or the name of a bundled one')
    .option(
      '-o, --output <dir>',
      'folder of the search (default: reports/<scenario>-capacity-<time>)',
    )
    .option(
      '--start <load>',
      "load of the first trial, as 10/s, 30/min or users (default: the scenario's)",
    )
    .option('--max <load>', 'never try a load above this')
    .option('--min-capacity <load>', 'exit 99 when the capacity is below this')
    .option(
      '--resolution <share>',
      'the load that broke is at most this far above the one that held',
      '10%',
    )
    .option('--max-trials <n>', 'trials at most', wholeNumber, 16)
    .option(
      '--trial-duration <duration>',
      'sessions start for this long in a trial (default: as in the scenario)',
    )
    .option(
      '--settle <duration>',
      'wait between trials (default: 10s; 0s with bundled servers, which are started anew)',
    )
    .addOption(
      new Option('--dashboard <kind>', 'what is shown on stderr meanwhile')
        .choices(['auto', 'lines', 'none'] as const)
        .default('auto' as const),
    )
    .option('--json', 'print the result as JSON')
    .option('--target <url>', "replaces the scenario's target.url")
    .option('--seed <seed>', "replaces the scenario's seed")
    .option('--strict', 'exit 5 when the search is inconclusive, instead of a warning')
    .option('--grace <duration>', 'after an interrupt, running sessions may take this long', '10s')
    .option('--dry-run', 'print what the first trial would send, and send nothing')
    .option(
      '--allow-target <host>',
      'put load on this host although it is not this machine (repeatable)',
      collect,
      [] as string[],
    )
    .option('--i-accept-provider-cost', 'put load on a provider that bills; needs a budget')
    .addHelpText('after', EXAMPLES)
    .action(async (file, options) => {
      const { runFindCapacity } = await import('./loadtest-capacity-run.ts');
      setExitCode(await runFindCapacity(file, options));
    });
}

const EXAMPLES = `
Examples:
  agent-infra loadtest find-capacity gateway --trial-duration 20s
  agent-infra loadtest find-capacity scenario.yaml --target http://127.0.0.1:8080 --start 2/s
  agent-infra loadtest find-capacity scenario.yaml --min-capacity 10/s --strict --json

Exit codes: 0 found (or inconclusive without --strict), 99 below --min-capacity, or no load held,
5 inconclusive under --strict, 3 target down, dead or refused, or the budget spent, 2 the scenario
is wrong, 130 interrupted.
`;
