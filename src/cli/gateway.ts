import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './main.ts';

export function addGatewayCommand(program: Command, setExitCode: SetExitCode): void {
  program.command('gateway').action(() => setExitCode(2));
}
