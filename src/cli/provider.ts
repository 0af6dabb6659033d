import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './main.ts';

export function addProviderCommand(program: Command, setExitCode: SetExitCode): void {
  program.command('provider').action(() => setExitCode(2));
}
