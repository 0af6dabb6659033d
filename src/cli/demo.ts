import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './exit-code.ts';

/** `agent-infra demo`: the whole loop on this machine's loopback, without keys. */
export function addDemoCommand(program: Command, setExitCode: SetExitCode): void {
  program
    .command('demo')
    .description('record, profile, plan, load-test and compare on this machine, in under a minute')
    .option('-o, --output <dir>', 'folder for everything it writes', 'reports/demo')
    .option('--seed <seed>', 'chooses sessions, arrivals and times', '3')
    .option('--json', 'print the findings as JSON instead of text')
    .addHelpText('after', HELP)
    .action(async (options) => {
      const { demo } = await import('./demo/command.ts');
      setExitCode(await demo(options));
    });
}

const HELP = `
A scripted agent with tools and sub-agents runs behind the recording proxy against a simulated
provider; its recording becomes a workload profile, a plan and a forecast; then the gateway in front
of the provider is load-tested with the same workload, and forecast and measurement are compared.
Nothing leaves loopback; no key is needed. Read reports/demo/report.html.

A figure outside what the forecast allows is shown as "missed" and does not change the exit code: on
a busy machine the clock of the load test suffers, and that is worth seeing.
`;
