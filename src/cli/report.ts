import { Option } from '@commander-js/extra-typings';
import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './exit-code.ts';

/** `agent-infra report <run>`: the report of a run again, from its raw samples. */
export function addReportCommand(program: Command, setExitCode: SetExitCode): void {
  program
    .command('report')
    .description("render a run's report again from its samples (killed runs too)")
    .argument('<run>', 'folder of a load-test run, or its samples.jsonl')
    .addOption(
      new Option('--format <format>', 'how')
        .choices(['text', 'json', 'markdown', 'junit', 'html'] as const)
        .default('text' as const),
    )
    .option('--strict', 'junit: an inconclusive threshold is an error, not skipped')
    .action(async (run, options) => {
      const { runReport } = await import('./report-run.ts');
      await runReport(run, options);
      setExitCode(0);
    });
}
