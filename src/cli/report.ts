import { Option } from '@commander-js/extra-typings';
import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './exit-code.ts';

/** `agent-infra report <run>`: the report of a run again, from its raw samples. */
export function addReportCommand(program: Command, setExitCode: SetExitCode): void {
  program
    .command('report')
    .description("render a run's report again from its samples (killed runs too)")
    .argument('<run>', 'folder of a load-test run or capacity search, or a samples.jsonl')
    .addOption(
      new Option('--format <format>', 'what to print')
        .choices(['text', 'json', 'markdown', 'junit', 'html'] as const)
        .default('text' as const),
    )
    .option('--strict', 'junit: an inconclusive threshold is an error, not skipped')
    .addHelpText('after', EXAMPLES)
    .action(async (run, options) => {
      const { runReport } = await import('./report-run.ts');
      await runReport(run, options);
      setExitCode(0);
    });
}

const EXAMPLES = `
Examples:
  agent-infra report reports/gateway-20260101-120000
  agent-infra report reports/gateway-20260101-120000 --format html > report.html
  agent-infra report reports/gateway-20260101-120000 --format json | jq .metrics.ttft.fromIntended.p95
`;
