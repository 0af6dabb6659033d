import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './main.ts';

export function addLoadtestCommand(program: Command, setExitCode: SetExitCode): void {
  program.command('loadtest').action(() => setExitCode(2));
}
