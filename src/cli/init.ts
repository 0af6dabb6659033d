import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './exit-code.ts';

export interface InitFlags {
  readonly workload?: string | undefined;
  readonly providers?: readonly string[] | undefined;
  readonly ci?: 'github' | 'gitlab' | 'both' | 'none' | undefined;
  readonly yes?: boolean | undefined;
  readonly force?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

/** `agent-infra init [dir]`: a project that plans and load-tests at once, to be edited from there. */
export function addInitCommand(program: Command, setExitCode: SetExitCode): void {
  program
    .command('init')
    .description('write a starter project: plan, scenario, servers, CI pipeline')
    .argument('[dir]', 'folder of the project', '.')
    .option('--workload <workload>', 'workload profile, a file or a bundled name')
    .option('--providers <list>', 'such as openai,anthropic/claude-haiku-4-5@build', listed)
    .addOption(
      new Option(
        '--ci <system>',
        'pipeline to write (default: the one the repository has)',
      ).choices(['github', 'gitlab', 'both', 'none'] as const),
    )
    .option('-y, --yes', 'ask nothing, take what is not given as it is by default')
    .option('--force', 'replace files that are there')
    .option('--dry-run', 'say what would be written, and write nothing')
    .addHelpText('after', HELP)
    .action(async (dir, flags) => {
      const { initProject } = await import('./init-run.ts');
      setExitCode(await initProject(dir, flags));
    });
}

const HELP = `
A provider may name its model and tier: openai, openai/gpt-5.4-mini, openai/gpt-5.4-mini@tier3. The
first answers the calls, the others are alternatives of the plan.

On a terminal it asks for what no option says; in a pipe, in CI and with --yes it asks nothing. The
pipeline goes to the root of the git repository, everything else into the folder.

Examples:
  agent-infra init                                          here, asking
  agent-infra init capacity --yes                           research-agent, openai and anthropic
  agent-infra init capacity --workload agent.yaml --ci none your own profile
`;

function listed(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => name !== '')) return names;
  throw new InvalidArgumentError('expected names joined by commas, such as openai,anthropic.');
}
