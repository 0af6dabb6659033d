import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './exit-code.ts';
import { collect } from './loadtest-arguments.ts';

/** `agent-infra loadtest compare`: two sides of load-test runs, and whether one is worse. */
export function addCompareCommand(loadtest: Command, setExitCode: SetExitCode): void {
  loadtest
    .command('compare')
    .description('compare load-test runs: differences with intervals, and gates on regressions')
    .argument('[baseline]', 'folder of a run, its samples.jsonl or its summary.json')
    .argument('[candidate]', 'the run to hold against it')
    .option('--baseline <runs>', 'several runs instead, with commas between them')
    .option('--candidate <runs>', 'several runs instead, with commas between them')
    .option(
      '--max-regression <limit>',
      'exit 99 when it is shown to be worse by more, as "ttft p95 10%" (repeatable)',
      collect,
      [] as string[],
    )
    .option(
      '--despite <difference>',
      'compare although workload, host or engine differs (repeatable)',
      collect,
      [] as string[],
    )
    .option('--json', 'print the result as JSON')
    .option('--strict', 'exit 5 when a gate is inconclusive, instead of a warning')
    .addHelpText('after', EXAMPLES)
    .action(async (baseline, candidate, options) => {
      const { runCompare } = await import('./loadtest-compare-run.ts');
      setExitCode(await runCompare([baseline, candidate], options));
    });
}

const EXAMPLES = `
Examples:
  agent-infra loadtest compare reports/before reports/after
  agent-infra loadtest compare --baseline a1,a2,a3 --candidate b1,b2,b3
  agent-infra loadtest compare before after --max-regression 'ttft p95 10%' --strict

Exit codes: 0 no gate failed (or inconclusive without --strict), 99 a regression beyond a gate is
shown, 5 inconclusive under --strict, 2 wrong usage or unreadable runs.
`;
