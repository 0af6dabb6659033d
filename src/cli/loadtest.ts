import { Option } from '@commander-js/extra-typings';
import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './exit-code.ts';
import { addFindCapacityCommand } from './loadtest-capacity.ts';
import { addCompareCommand } from './loadtest-compare.ts';
import { collect, wholeNumber } from './loadtest-arguments.ts';

/** `agent-infra loadtest <scenario>`: replays agent sessions against a target and judges the result. */
export function addLoadtestCommand(program: Command, setExitCode: SetExitCode): void {
  const loadtest = program
    .command('loadtest')
    .description('replay multi-turn agent sessions against a target, measure and judge')
    .argument('<scenario>', 'a Scenario document (YAML), or the name of a bundled one')
    .option('-o, --output <dir>', 'folder of the run (default: reports/<scenario>-<time>)')
    .addOption(
      new Option(
        '--engine <engine>',
        'what sends the load: the built-in engine, or an installed k6',
      )
        .choices(['builtin', 'k6'] as const)
        .default('builtin' as const),
    )
    .addOption(
      new Option('--dashboard <kind>', 'what is shown on stderr meanwhile')
        .choices(['auto', 'tui', 'lines', 'none'] as const)
        .default('auto' as const),
    )
    .addOption(
      new Option('--format <format>', 'what is printed on stdout at the end')
        .choices(['text', 'json', 'markdown'] as const)
        .default('text' as const),
    )
    .option('--target <url>', "replaces the scenario's target.url")
    .option('--sessions <n>', "replaces the scenario's number of sessions", wholeNumber)
    .option('--seed <seed>', "replaces the scenario's seed")
    .option('--strict', 'exit 5 when the run is inconclusive, instead of a warning')
    .option('--grace <duration>', 'after an interrupt, running sessions may take this long', '10s')
    .option('--junit <file>', 'also write the thresholds as JUnit XML')
    .option('--dry-run', 'print what would be sent, and send nothing')
    .option(
      '--allow-target <host>',
      'put load on this host although it is not this machine (repeatable)',
      collect,
      [] as string[],
    )
    .option('--i-accept-provider-cost', 'put load on a provider that bills; needs a budget')
    .addHelpText('after', EXAMPLES)
    .action(async (file, options) => {
      const { runLoadtest } = await import('./loadtest-run.ts');
      setExitCode(await runLoadtest(file, options));
    });
  addFindCapacityCommand(loadtest as unknown as Command, setExitCode);
  addCompareCommand(loadtest as unknown as Command, setExitCode);
  loadtest
    .command('export')
    .description('write the scenario as a script for another load generator')
    .argument('<scenario>', 'a Scenario document (YAML)')
    .addOption(
      new Option('--format <format>', 'load generator to write for')
        .choices(['k6'] as const)
        .default('k6' as const),
    )
    .option('-o, --output <dir>', 'folder for script and sessions (default: the current one)')
    .action(async (file, _options, command) => {
      const { exportScenario } = await import('./loadtest-run.ts');
      await exportScenario(file, {
        output: (command.optsWithGlobals() as { output?: string }).output,
      });
    });
}

const EXAMPLES = `
Examples:
  agent-infra loadtest gateway                      bundled, as are provider and research-agent
  agent-infra loadtest scenario.yaml --dry-run      what would be sent
  agent-infra loadtest scenario.yaml --target http://127.0.0.1:8080
  agent-infra loadtest scenario.yaml --engine k6 --strict --junit results.xml

Exit codes: 0 passed (or inconclusive without --strict), 99 a threshold is broken, 5 inconclusive
under --strict, 3 target down, dead or refused, 2 the scenario is wrong, 4 k6 is missing, 130 interrupted.
`;
