import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import type { Command } from '@commander-js/extra-typings';

import { EXIT } from '../errors.ts';
import type { SetExitCode } from './exit-code.ts';
import { addPlanGpuCommand } from './plan-gpu.ts';
import { addPlanReviewCommands } from './plan-review.ts';

export function addPlanCommand(program: Command, setExitCode: SetExitCode): void {
  const plan = program
    .command('plan')
    .description(
      'demand at 1x, 3x and 10x against limits and prices: what breaks first, what it costs',
    )
    .argument('[plan]', 'plan document, or the name of a bundled one', 'plan.yaml')
    .option('--json', 'print JSON')
    .addOption(
      new Option('--format <format>', 'what to print').choices([
        'text',
        'json',
        'markdown',
        'html',
      ] as const),
    )
    .option(
      '-o, --output <dir>',
      'write text, Markdown, HTML, JSON and Prometheus rules into a folder',
    )
    .option('--set <path=value>', SET_HELP, collect)
    .option('--prices <overlay>', PRICES_HELP)
    .option('--limits-from <file>', LIMITS_HELP)
    .option('--max-price-age <age>', AGE_HELP)
    .option('--calibrate <run>', 'folder of a load test: its times replace assumed ones')
    .option('--replicas <n>', 'replicas of the pool that answered that load test', wholeNumber)
    .addHelpText('after', EXAMPLES)
    .action(async (file, options) => {
      const { runPlan } = await import('./plan-run.ts');
      await runPlan(file, options);
      setExitCode(EXIT.pass);
    });
  plan
    .command('check')
    .description('exit 99 unless the plan fits at its required scale and below its cost ceilings')
    .argument('[plan]', 'plan document', 'plan.yaml')
    .option('--json', 'print JSON')
    .option('--set <path=value>', SET_HELP, collect)
    .option('--prices <overlay>', PRICES_HELP)
    .option('--limits-from <file>', LIMITS_HELP)
    .option('--max-price-age <age>', 'fail when a price is older, such as 30d')
    .action(async (file, options) => {
      const { checkPlanFile } = await import('./plan-run.ts');
      setExitCode((await checkPlanFile(file, options)) ? EXIT.pass : EXIT.gateFailed);
    });
  plan
    .command('diff')
    .description('what changes from one plan to another, in headroom and money')
    .argument('<old-plan>', 'plan document')
    .argument('[new-plan]', 'plan document (default: the old one, with what --set changes)')
    .option('--json', 'print JSON')
    .option('--set <path=value>', 'what if: replace a value of the new plan (repeat)', collect)
    .option('--prices <overlay>', PRICES_HELP)
    .option('--limits-from <file>', LIMITS_HELP)
    .addHelpText('after', DIFF_EXAMPLES)
    .action(async (before, after, options) => {
      const { diffPlans } = await import('./plan-run.ts');
      await diffPlans(before, after, options);
      setExitCode(EXIT.pass);
    });
  plan
    .command('init')
    .description('write a commented plan for a workload profile')
    .argument('<workload>', 'workload profile, a file or a bundled name')
    .option('-o, --output <file>', 'where to write the plan (default: stdout)')
    .addOption(new Option('-f, --file <file>', 'the same').hideHelp())
    .action(async (profile, options) => {
      const { initPlan } = await import('./plan-run.ts');
      await initPlan(profile, options.output ?? options.file);
      setExitCode(EXIT.pass);
    });
  addPlanReviewCommands(plan as unknown as Command, setExitCode);
  addPlanGpuCommand(plan as unknown as Command, setExitCode);
}

const EXAMPLES = `
Examples:
  agent-infra plan init agent.yaml -o plan.yaml       a commented plan for your profile: edit it, then
  agent-infra plan                                    read plan.yaml
  agent-infra plan --set routes.0.tier=tier4          what if
  agent-infra plan check --set goals.fitsAtScale=3    in CI: exit 99 when a goal is missed
  agent-infra plan support-agents                     a bundled example
`;

const DIFF_EXAMPLES = `
Examples:
  agent-infra plan diff main.yaml plan.yaml
  agent-infra plan diff plan.yaml --set routes.0.tier=tier4   what this one change does
`;

const PRICES_HELP = 'price overlay, as catalog update writes it';
const LIMITS_HELP =
  'limits of your account: Rate Limits API answer, AWS or Azure quotas, recording, HAR, OTLP, 429s';
const AGE_HELP = 'warn when a price is older, such as 30d';
const SET_HELP = 'what if: replace a value, such as routes.0.tier=tier4 (repeat for more)';

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('expected a whole number above 0.');
}

function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}
