import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import type { Command } from '@commander-js/extra-typings';

import { parseDurationMs } from '../core/units.ts';
import { EXIT } from '../errors.ts';
import type { SetExitCode } from './exit-code.ts';

/** Commands that hold a plan against reality: `plan review` and `plan predict`. */
export function addPlanReviewCommands(plan: Command, setExitCode: SetExitCode): void {
  plan
    .command('review')
    .description('hold a plan against what was measured since: assumptions, triggers, cost')
    .argument('[plan]', 'plan document', 'plan.yaml')
    .requiredOption('--actual <profile>', 'workload profile of what runs now')
    .option('--json', 'print JSON')
    .option('--strict', 'exit 99 when the trigger of a stage has passed')
    .action(async (file, options) => {
      const { reviewPlanFile } = await import('./plan-review-run.ts');
      const holds = await reviewPlanFile(file, options);
      setExitCode(holds || options.strict !== true ? EXIT.pass : EXIT.gateFailed);
    });
  plan
    .command('predict')
    .description('predict the 429s of one load test, and hold its run against the prediction')
    .argument('[plan]', 'plan document with one route', 'plan.yaml')
    .addOption(
      new Option('--duration <time>', 'how long sessions start')
        .argParser(duration)
        .default(60_000, '60s'),
    )
    .addOption(
      new Option('--warm-up <time>', 'calls first sent before this do not count')
        .argParser(duration)
        .default(10_000, '10s'),
    )
    .option('--scale <n>', 'multiple of the target', positive, 1)
    .option('--against <run>', 'folder of the load test; exit 99 when it differs')
    .option('--set <path=value>', 'what if: replace a value (repeat for more)', collect)
    .option('--json', 'print JSON')
    .action(async (file, options) => {
      const { predictRun } = await import('./plan-predict-run.ts');
      setExitCode((await predictRun(file, options)) ? EXIT.pass : EXIT.gateFailed);
    });
}

function duration(text: string): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError('expected a duration such as 30s.');
}

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('expected a number above 0.');
}

function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}
