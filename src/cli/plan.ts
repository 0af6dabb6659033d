import type { Command } from '@commander-js/extra-typings';

import type { SetExitCode } from './main.ts';

export function addPlanCommand(program: Command, setExitCode: SetExitCode): void {
  program.command('plan').action(() => setExitCode(2));
}
