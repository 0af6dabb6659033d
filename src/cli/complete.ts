import { Argument } from '@commander-js/extra-typings';
import type { Command, CommandUnknownOpts } from '@commander-js/extra-typings';

import type { SetExitCode } from './exit-code.ts';

/** `agent-infra complete <shell>`: a completion script, and the answers that it asks for. */
export function addCompleteCommand(program: Command, _setExitCode: SetExitCode): void {
  program
    .command('complete')
    .description('print a completion script for your shell')
    .addArgument(new Argument('<shell>', 'whose script').choices(['bash', 'zsh', 'fish'] as const))
    .argument('[words...]', 'after two dashes, words typed so far: print how the last may go on')
    .addHelpText('after', HELP)
    .action(async (shell, words) => {
      if (words.length === 0) {
        const { SCRIPTS } = await import('./complete-script.ts');
        process.stdout.write(SCRIPTS[shell]);
        return;
      }
      const { completeWords } = await import('./complete-words.ts');
      process.stdout.write(await completeWords(program as unknown as CommandUnknownOpts, words));
    });
}

const HELP = `
Set up:
  bash   echo 'eval "$(agent-infra complete bash)"' >> ~/.bashrc
  zsh    echo 'source <(agent-infra complete zsh)' >> ~/.zshrc      (after compinit)
  fish   agent-infra complete fish > ~/.config/fish/completions/agent-infra.fish

Commands, options, their choices, bundled documents and files are completed. The script asks
agent-infra itself, so it needs no update when agent-infra gets one.

Examples:
  agent-infra complete bash -- plan ch             what may follow: check
`;
