import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './main.ts';

export function addProfileCommand(program: Command, setExitCode: SetExitCode): void {
  program.command('profile').action(() => setExitCode(2));
}
